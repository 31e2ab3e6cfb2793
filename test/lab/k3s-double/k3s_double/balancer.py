"""The client-side load balancer of an agent: which servers it knows, in a file as K3s keeps it.

The double connects by itself instead of through a listener on 127.0.0.1:6444, and words its errors as if it did.
"""

import json
import urllib.parse

from . import log, settings, web


class Balancer:
    """Tries the servers one after the other. Without a path nothing is kept (the agent inside a server)."""

    def __init__(self, url, path, port):
        self.url = url
        self._path = path
        parts = urllib.parse.urlsplit(url)
        self._default = (parts.hostname, parts.port)
        self._addresses = []
        self.local_url = f'https://127.0.0.1:{port}' if path else url

    def _text(self, address):
        return f'[{address[0]}]:{address[1]}' if ':' in address[0] else f'{address[0]}:{address[1]}'

    def start(self):
        """Reads the file of an earlier run when it is about the same server, else writes a new one."""
        if not self._path:
            return
        held = json.loads(settings.read(self._path) or '{}')
        if held.get('ServerURL') == self.url:
            self._addresses = [_split(text) for text in held.get('ServerAddresses') or []]
        else:
            self._addresses = [self._default]
            self._write()
        log.info(f'Adding server to load balancer k3s-agent-load-balancer: {self._text(self._default)}')
        listed = ' '.join(self._text(address) for address in self._addresses)
        log.info(f'Running load balancer k3s-agent-load-balancer 127.0.0.1:{urllib.parse.urlsplit(self.local_url).port} -> [{listed}] [default: {self._text(self._default)}]')

    def update(self, servers):
        """Takes the API servers that the cluster advertises."""
        wanted = [_split(text) for text in servers]
        if not self._path or not wanted or wanted == self._addresses:
            return
        for address in wanted:
            if address not in self._addresses:
                log.info(f'Adding server to load balancer k3s-agent-load-balancer: {self._text(address)}')
        for address in self._addresses:
            if address not in wanted:
                log.info(f'Removing server from load balancer k3s-agent-load-balancer: {self._text(address)}')
        self._addresses = wanted
        self._write()

    def _write(self):
        addresses = [self._text(address) for address in self._addresses]
        settings.write(self._path, json.dumps({'ServerURL': self.url, 'ServerAddresses': addresses}, indent=2) + '\n')

    def request(self, path, context, method='GET', body=None, basic=None, headers=None):
        """As web.request, on the first server that answers. As behind the real balancer, the name that the
        certificate must carry is 127.0.0.1, and why a server was not reached is only hinted at."""
        last = None
        for address in dict.fromkeys([*self._addresses, self._default]):
            try:
                return web.request(f'{self.local_url}{path}', context, method, body, basic, headers, dial=address)
            except web.Unreachable as error:
                last = error
        raise web.Unreachable(self._behind_balancer(str(last)))

    def _behind_balancer(self, text):
        head, dialled, reason = text.partition(': dial tcp ')
        if not dialled or not self._path:
            return text
        if 'i/o timeout' in reason:
            return f'{head}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        return f'{head}: read tcp {urllib.parse.urlsplit(self.local_url).netloc}: read: connection reset by peer'


def _split(text):
    host, _, port = text.rpartition(':')
    return host.strip('[]'), int(port)
