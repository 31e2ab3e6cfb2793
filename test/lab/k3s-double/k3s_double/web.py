"""HTTPS, both ways: a threaded server that shakes hands in the thread of its client, and a small client.

The client's errors are worded like those of Go's net/http, because that is what people see in the logs of K3s.
"""

import base64
import errno
import http.client
import http.server
import json
import os
import socket
import ssl
import tempfile
import time
import urllib.parse

from . import log, outbound, settings


# What OpenSSL says of a certificate's time: X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
_NOT_YET_VALID = 9
_EXPIRED = 10


class Unreachable(Exception):
    """A request got no HTTP answer."""


def server_context(certificate, key, client_authority=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_authority:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(client_authority)
    return context


class Server(http.server.ThreadingHTTPServer):
    """Listens at once; clients that never finish the handshake hold only their own thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, handler, context=None):
        self.context = context
        self.address_family = socket.AF_INET6 if ':' in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # Not HTTPServer.server_bind: that one asks the resolver for the host's name and may block.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def finish_request(self, request, client_address):
        request.settimeout(60)
        if self.context is None:
            super().finish_request(request, client_address)
            return
        try:
            secure = self.context.wrap_socket(request, server_side=True)
        except (OSError, ValueError):
            return
        try:
            super().finish_request(secure, client_address)
            # Without the closing alert a client takes the end of a long answer for a cut.
            secure.unwrap()
        except (OSError, ValueError):
            pass
        finally:
            secure.close()

    def handle_error(self, request, client_address):
        import sys

        if not isinstance(sys.exception() if hasattr(sys, 'exception') else sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    """Routes every method to `answer`, which a subclass writes."""

    protocol_version = 'HTTP/1.1'
    server_version = 'k3s-double'
    sys_version = ''

    def log_message(self, *_):
        pass

    def body(self):
        length = int(self.headers.get('Content-Length') or 0)
        return self.rfile.read(length) if length else b''

    def peer_subject(self):
        """Common name and organisations of a verified client certificate."""
        certificate = self.connection.getpeercert() if hasattr(self.connection, 'getpeercert') else None
        fields = [item for part in (certificate or {}).get('subject', ()) for item in part]
        names = [value for key, value in fields if key == 'commonName']
        return (names[0] if names else None), [value for key, value in fields if key == 'organizationName']

    def basic(self):
        """User and password of basic authentication, or (None, None)."""
        kind, _, value = (self.headers.get('Authorization') or '').partition(' ')
        if kind.lower() != 'basic':
            return None, None
        try:
            user, _, password = base64.b64decode(value).decode().partition(':')
        except ValueError:
            return None, None
        return user, password

    def reply(self, status, content, kind='text/plain'):
        data = content if isinstance(content, bytes) else content.encode()
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(data)

    def reply_json(self, status, content):
        self.reply(status, json.dumps(content), 'application/json')

    def _any(self):
        try:
            self.answer()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            # What SQLite says, as the API passes it on.
            words = 'rpc error: code = Unknown desc = database or disk is full'
            log.error(words)
            self.reply(500, words)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any


def _instant(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))


def _explain_certificate(error, context):
    """As Go words it. The times are those of the authority, which was made in the same second as what it signed."""
    bounds = {_NOT_YET_VALID: ('before', 'notBefore'), _EXPIRED: ('after', 'notAfter')}
    if error.verify_code not in bounds:
        return error.verify_message
    word, bound = bounds[error.verify_code]
    at = ssl.cert_time_to_seconds(context.get_ca_certs()[0][bound])
    return f'certificate has expired or is not yet valid: current time {_instant(time.time())} is {word} {_instant(at)}'


def _explain(error, host, port, context):
    dial = f'dial tcp {host}:{port}'
    if isinstance(error, ssl.SSLCertVerificationError):
        return f'tls: failed to verify certificate: x509: {_explain_certificate(error, context)}'
    if isinstance(error, ssl.SSLError):
        return f'tls: {error.reason}'
    if isinstance(error, (TimeoutError, socket.timeout)):
        return f'{dial}: i/o timeout'
    if isinstance(error, socket.gaierror):
        return f'dial tcp: lookup {host}: no such host'
    words = {errno.ECONNREFUSED: 'connection refused', errno.EHOSTUNREACH: 'no route to host', errno.ENETUNREACH: 'network is unreachable'}
    if isinstance(error, OSError) and error.errno in words:
        return f'{dial}: connect: {words[error.errno]}'
    if isinstance(error, ConnectionResetError):
        return f'read tcp {host}:{port}: read: connection reset by peer'
    return f'{dial}: {error or "EOF"}'


def client_context(authority=None, certificate=None):
    """A context that trusts only `authority` (PEM text); without it nothing is verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=authority)
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def context_with_texts(authority, certificate, key):
    """As client_context, from PEM texts: the ssl module reads a client's key from a file only."""
    with tempfile.NamedTemporaryFile('w') as certificate_file, tempfile.NamedTemporaryFile('w') as key_file:
        certificate_file.write(certificate)
        certificate_file.flush()
        os.fchmod(key_file.fileno(), 0o600)
        key_file.write(key)
        key_file.flush()
        return client_context(authority, (certificate_file.name, key_file.name))


def request(url, context, method='GET', body=None, basic=None, headers=None, timeout=None, dial=None):
    """One request. Returns (status, bytes); raises Unreachable without an answer.

    `dial` is a (host, port) to connect to instead of what the URL names (a client-side load balancer).
    """
    parts = urllib.parse.urlsplit(url)
    host, port = parts.hostname, parts.port or (443 if parts.scheme == 'https' else 80)
    sent = dict(headers or {})
    if basic:
        sent['Authorization'] = 'Basic ' + base64.b64encode(f'{basic[0]}:{basic[1]}'.encode()).decode()
    data = body
    if isinstance(body, (dict, list)):
        data = json.dumps(body).encode()
        sent.setdefault('Content-Type', 'application/json')
    seconds = timeout or settings.DIAL_SECONDS
    connection = None
    try:
        raw = outbound.connect(dial or (host, port), seconds)
        secure = context.wrap_socket(raw, server_hostname=host) if parts.scheme == 'https' else raw
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
        connection.sock = secure
        connection.request(method, parts.path + (f'?{parts.query}' if parts.query else ''), data, sent)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f'{method.capitalize()} "{url}": {_explain(error, *(dial or (host, port)), context)}') from error
    finally:
        if connection:
            connection.close()
