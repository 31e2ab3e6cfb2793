"""What runs in a played pod: says the pod's name to everybody who connects, with or without HTTP; or is a DNS server."""

import datetime
import select
import socketserver
import threading

from . import dns


def _say(text):
    print(f'{datetime.datetime.now(datetime.timezone.utc).isoformat()} {text}', flush=True)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def run(arguments):
    """`arguments` are the pod's name and the ports, of a DNS server as `dns:53`."""
    name, words = arguments[0], arguments[1:]
    ports = [int(word) for word in words if not word.startswith('dns:')]
    dns_ports = [int(word.removeprefix('dns:')) for word in words if word.startswith('dns:')]

    class Answer(socketserver.BaseRequestHandler):
        def handle(self):
            readable, _, _ = select.select([self.request], [], [], 0.3)
            asked = self.request.recv(4096) if readable else b''
            _say(f'answered {self.client_address[0]}')
            body = f'{name}\n'.encode()
            head = f'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n'.encode()
            self.request.sendall(head + body if asked.startswith((b'GET ', b'HEAD ')) else body)

    servers = [_Server(('0.0.0.0', port), Answer) for port in ports] + [server for port in dns_ports for server in dns.servers(port)]
    _say(f'pod {name} of the K3s double listens on {", ".join(words)}')
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()
