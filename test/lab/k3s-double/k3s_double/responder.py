"""What runs in a played pod: says the pod's name to everybody who connects, with or without HTTP."""

import datetime
import select
import socketserver
import threading


def _say(text):
    print(f'{datetime.datetime.now(datetime.timezone.utc).isoformat()} {text}', flush=True)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def run(arguments):
    """`arguments` are the pod's name and the ports."""
    name, ports = arguments[0], [int(port) for port in arguments[1:]]

    class Answer(socketserver.BaseRequestHandler):
        def handle(self):
            readable, _, _ = select.select([self.request], [], [], 0.3)
            asked = self.request.recv(4096) if readable else b''
            _say(f'answered {self.client_address[0]}')
            body = f'{name}\n'.encode()
            head = f'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n'.encode()
            self.request.sendall(head + body if asked.startswith((b'GET ', b'HEAD ')) else body)

    servers = [_Server(('0.0.0.0', port), Answer) for port in ports]
    _say(f'pod {name} of the K3s double listens on {", ".join(map(str, ports))}')
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()
