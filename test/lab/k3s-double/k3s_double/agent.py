"""`k3s agent`, and the agent inside every server: joins, plays the node, and keeps at it."""

import json
import os
import threading
import time

from . import balancer, config, identity as who, kubelet, log, nodes, refusals, settings, tokens, vpn
from .identity import node_identity
from .log import Fatal
from .mesh import Mesh
from .notify import notify
from .pods import Pods
from .proxy import Proxy
from .web import Unreachable, client_context

_WAITING = 'Waiting to retrieve agent configuration; server is not ready'


class Agent:
    """One node. `url` is the server that was configured, `token` a full token."""

    def __init__(self, configuration, identity, url, token, roles=(), tailnet=False):
        self._configuration = configuration
        self._identity = identity
        self._token = tokens.parse(token, 'node')
        self._roles = roles
        self._tailnet = tailnet
        embedded = configuration.role == 'server'
        path = None if embedded else settings.at(f'{configuration.get("data-dir") or settings.DATA_DIRECTORY}/agent/etc/k3s-agent-load-balancer.json')
        port = configuration.get('lb-server-port') or 6444
        self._servers = balancer.Balancer(url, path, port)
        self._wait = threading.Event()

    def _sleep(self):
        self._wait.wait(settings.RETRY_SECONDS)

    def _ask(self, path, method='GET', body=None, headers=None):
        status, content = self._servers.request(path, self._context, method, body, (self._token.user, self._token.password), headers)
        if status == 403:
            raise nodes.Refused(content.decode())
        if status != 200:
            words = {401: 'Unauthorized', 404: 'Not Found', 500: 'Internal Server Error', 503: 'Service Unavailable'}.get(status, '')
            raise Unreachable(f'{self._servers.local_url}{path}: {status} {words}'.rstrip())
        return json.loads(content)

    def _trust(self):
        """Waits for the server, and trusts its authority when the hash in the token says so."""
        anything = client_context()
        while True:
            try:
                _, pem = self._servers.request('/cacerts', anything)
                authority = pem.decode()
                found = tokens.ca_hash(authority)
                if found == self._token.ca_hash:
                    self._authority = authority
                    self._context = client_context(authority)
                    # Only with the right authority is the password shown.
                    self._ask('/v1-k3s/config')
                    return
                reason = f'token CA hash does not match the Cluster CA certificate hash: {self._token.ca_hash} != {found}'
            except Unreachable as error:
                reason = f'failed to get CA certs: {error}' if '/cacerts' in str(error) else str(error)
            except nodes.Refused as error:
                reason = str(error)
            log.error(f'Failed to validate connection to cluster at {self._servers.url}: {reason}')
            log.info(f'{_WAITING}: {reason}')
            self._sleep()

    def _until(self, question):
        """Asks until there is an answer."""
        while True:
            try:
                return question()
            except (Unreachable, nodes.Refused) as error:
                log.info(f'{_WAITING}: {error}')
                self._sleep()

    def run_guarded(self):
        """For the agent inside a server: what is fatal for it ends the process."""
        try:
            self.run()
        except Fatal as problem:
            for message in problem.messages:
                log.fatal(message)
            os._exit(1)

    def run(self):
        self._servers.start()
        self._trust()
        cluster = self._until(lambda: self._ask('/v1-k3s/config'))
        if self._tailnet:
            cluster = {**cluster, 'flannel-backend': vpn.PROVIDER}
        refusals.check_flannel(self._configuration, cluster)
        log.hide(cluster['mesh-secret'])
        certificate = self._until(self._certificate)
        mesh = Mesh(self._configuration, self._identity, cluster)
        report = self._report(mesh)
        registered = self._until(lambda: self._ask('/v1-k3s/double/node', 'POST', report))
        pods = Pods(registered['podCIDRs'], self._identity.internal, mesh.mtu)
        folder = settings.at(f'{self._configuration.get("data-dir") or settings.DATA_DIRECTORY}/agent')
        kubelet.serve(folder, certificate)
        mesh.start(registered['podCIDRs'])
        log.info(f'Starting flannel with backend {cluster["flannel-backend"]}')
        if self._configuration.role == 'agent':
            log.info('k3s agent is up and running')
            notify('READY=1')
        self._live(mesh, pods, Proxy(cluster['cluster-domain']), registered['overwrite'])

    def _certificate(self):
        ips = ','.join([*self._identity.internals, *self._identity.externals])
        headers = {'K3s-Node-Name': self._identity.name, 'K3s-Node-Password': who.password(), 'K3s-Node-IP': ips}
        return self._ask('/v1-k3s/serving-kubelet.crt', 'POST', None, headers)

    def _report(self, mesh):
        labels, registration = who.labels(self._configuration, self._identity, self._roles)
        return {
            'name': self._identity.name,
            'addresses': who.address_entries(self._identity),
            'annotations': {**who.annotations(self._configuration, self._identity), **mesh.overwrite_annotation()},
            'labels': labels,
            'registrationLabels': registration,
            'taints': who.taints(self._configuration),
            'nodeInfo': who.node_info(),
            'capacity': who.capacity(),
            'port': settings.KUBELET_PORT,
        }

    def _live(self, mesh, pods, proxy, overwrite):
        """Heartbeats for ever; the answers say which peers, pods and services there are."""
        lost = log.Steady(log.error)
        while True:
            annotations = {**mesh.annotations(overwrite), nodes.HANDSHAKES: json.dumps(mesh.handshakes(), sort_keys=True)}
            report = {'name': self._identity.name, 'annotations': annotations, 'pods': pods.report()}
            try:
                answer = self._ask('/v1-k3s/double/sync', 'POST', report)
                lost.clear()
                self._servers.update(answer['servers'])
                mesh.set_peers(answer['peers'])
                pods.apply(answer['pods'])
                proxy.apply(answer['services'])
            except (Unreachable, nodes.Refused) as error:
                lost(f'Error updating node status, will retry: {error}')
            time.sleep(settings.SYNC_SECONDS)


def run(arguments):
    """Runs until the process is told to stop. Raises Fatal when the agent cannot start."""
    configuration = config.load('agent', arguments, os.environ)
    log.hide(configuration.get('token'))
    refusals.check(configuration)
    log.info(f'Starting k3s agent {settings.version()} (this is a test double, not K3s)')
    path = configuration.get('token-file')
    text = (settings.read(path) if path else configuration.get('token')).strip()
    token = tokens.parse(text, 'node')
    log.hide(token.password)
    if not token.is_full:
        raise Fatal('--token: an agent must use the full K10 token: a short one trusts any CA that answers (the real k3s accepts it, this double refuses)')
    logged_in, identity = vpn.start(configuration, node_identity(configuration))
    Agent(configuration, identity, configuration.get('server').rstrip('/'), text, tailnet=logged_in is not None).run()
