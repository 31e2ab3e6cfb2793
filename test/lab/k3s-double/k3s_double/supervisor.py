"""What listens on 6443: the supervisor (/ping, /cacerts, /v1-k3s) and, for administrators, the Kubernetes API."""

import hmac
import json
import urllib.parse

from . import certificates, nodes, objects, settings, web
from .store import Conflict, Unavailable


def _same(one, other):
    return hmac.compare_digest((one or '').encode(), (other or '').encode())


class SupervisorHandler(web.Handler):
    """`self.server.cluster` is the running server (see server.py)."""

    @property
    def cluster(self):
        return self.server.cluster

    def answer(self):
        parts = urllib.parse.urlsplit(self.path)
        body = self.body()
        query = dict(urllib.parse.parse_qsl(parts.query))
        if parts.path == '/ping':
            self.reply(200, 'pong')
        elif parts.path == '/cacerts':
            self.reply(200, self.cluster.authority)
        elif parts.path.startswith('/v1-k3s/'):
            self._supervisor(parts.path, body)
        else:
            self._kubernetes(parts.path, query, body)

    def _user(self):
        """`server`, `node` or None, by basic authentication with one of the tokens."""
        user, password = self.basic()
        if user == 'server' and _same(password, self.cluster.server_password):
            return 'server'
        if user in ('node', 'server') and _same(password, self.cluster.node_password):
            return 'node'
        return None

    def _supervisor(self, path, body):
        user = self._user()
        if user is None:
            self.reply(401, 'Unauthorized\n')
            return
        if path == '/v1-k3s/readyz':
            self.reply(200, 'ok') if self.cluster.ready else self.reply(500, 'runtime core not ready\n')
            return
        if path == '/v1-k3s/server-bootstrap':
            self.reply_json(200, self.cluster.bootstrap()) if user == 'server' else self.reply(403, 'Forbidden\n')
            return
        routes = {
            ('GET', '/v1-k3s/config'): lambda: self.reply_json(200, self.cluster.agent_config()),
            ('GET', '/v1-k3s/apiservers'): lambda: self.reply_json(200, self.cluster.apiservers()),
            ('POST', '/v1-k3s/serving-kubelet.crt'): self._kubelet_certificate,
            ('POST', '/v1-k3s/double/node'): lambda: self.reply_json(200, nodes.register(self.cluster.store, self.cluster.agent_config(), json.loads(body))),
            ('POST', '/v1-k3s/double/sync'): lambda: self._sync(json.loads(body)),
        }
        route = routes.get((self.command, path))
        if route is None:
            self.reply(404, 'Not Found\n')
        elif not self.cluster.ready:
            self.reply(503, 'apiserver not ready\n')
        else:
            try:
                route()
            except (nodes.Refused, Conflict) as error:
                self.reply(403, str(error))
            except Unavailable as error:
                self.reply(503, str(error))

    def _kubelet_certificate(self):
        name = self.headers.get('K3s-Node-Name') or ''
        nodes.check_password(self.cluster.store, name, self.headers.get('K3s-Node-Password') or '')
        ips = [part for part in (self.headers.get('K3s-Node-IP') or '').split(',') if part]
        path = f'{self.cluster.tls}/kubelet/{name}'
        certificates.issue(path, f'{self.cluster.tls}/server-ca', name, names=[name, 'localhost', '127.0.0.1', *ips])
        self.reply_json(200, {'certificate': settings.read(f'{path}.crt'), 'key': settings.read(f'{path}.key'), 'clientAuthority': settings.read(f'{self.cluster.tls}/client-ca.crt')})

    def _sync(self, report):
        answer = nodes.sync(self.cluster.store, report)
        if answer is None:
            self.reply(404, f'nodes "{report["name"]}" not found')
        else:
            self.reply_json(200, {**answer, 'servers': self.cluster.apiservers()})

    def _kubernetes(self, path, query, body):
        _, organizations = self.peer_subject()
        if 'system:masters' not in organizations:
            self.reply_json(401, objects.status_object(401, 'Unauthorized', 'Unauthorized'))
        elif not self.cluster.ready:
            self.reply_json(503, objects.status_object(503, 'ServiceUnavailable', 'apiserver not ready'))
        elif path in ('/readyz', '/livez', '/healthz'):
            self.reply(200, 'ok')
        else:
            status, content, is_json = self.cluster.api.handle(self.command, path, query, body, self.headers.get('Accept') or '')
            self.reply_json(status, content) if is_json else self.reply(status, content)
