"""What CoreDNS is asked for by a cluster: the addresses of its services, over UDP and TCP."""

import json
import socketserver
import struct

from . import proxy, settings

_ANSWERS, _NO_SUCH_NAME, _REFUSED = 0, 3, 5


def _question(query):
    """(name, type, end of the question) of a DNS query; ValueError when it is none."""
    if len(query) < 12 or struct.unpack('>H', query[4:6])[0] != 1:
        raise ValueError('not one question')
    labels, at = [], 12
    while at < len(query) and query[at]:
        length = query[at]
        labels.append(query[at + 1 : at + 1 + length].decode('ascii', 'replace').lower())
        at += 1 + length
    if len(query) < at + 5:
        raise ValueError('cut off')
    return '.'.join(labels), struct.unpack('>H', query[at + 1 : at + 3])[0], at + 5


def _look_up(name):
    """(code, address or None) of a name, from what the node knows of services."""
    known = json.loads(settings.read(proxy.services_file()) or '{"domain": "cluster.local", "services": []}')
    if name != known['domain'] and not name.endswith(f'.{known["domain"]}'):
        return _REFUSED, None
    for service in known['services']:
        if name == f'{service["name"]}.{service["namespace"]}.svc.{known["domain"]}':
            return _ANSWERS, service['address']
    return _NO_SUCH_NAME, None


def answer(query):
    """The answer to a query, as bytes. ValueError for what is no query."""
    name, kind, end = _question(query)
    code, address = _look_up(name)
    found = address if kind == 1 else None
    head = query[:2] + struct.pack('>HHHHH', 0x8580 | code, 1, 1 if found else 0, 0, 0)
    record = b'\xc0\x0c' + struct.pack('>HHIH', 1, 1, 5, 4) + bytes(map(int, found.split('.'))) if found else b''
    return head + query[12:end] + record


class _Udp(socketserver.BaseRequestHandler):
    def handle(self):
        query, sender = self.request
        try:
            sender.sendto(answer(query), self.client_address)
        except ValueError:
            pass


class _Tcp(socketserver.StreamRequestHandler):
    timeout = 5

    def handle(self):
        try:
            length = struct.unpack('>H', self.rfile.read(2))[0]
            said = answer(self.rfile.read(length))
        except (struct.error, ValueError, OSError):
            return
        self.wfile.write(struct.pack('>H', len(said)) + said)


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def servers(port):
    """The listeners of a DNS server, for the caller to run."""
    return [_UdpServer(('0.0.0.0', port), _Udp), _TcpServer(('0.0.0.0', port), _Tcp)]
