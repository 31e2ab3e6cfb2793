"""`k3s server`: first server, joining server, or one of several on a datastore."""

import json
import os
import socket
import threading
import time
import urllib.parse

from . import addresses, certificates, cluster, config, controllers, kubeconfig, log, refusals, settings, tokens, vpn, web
from .agent import Agent
from .api import Api
from .identity import node_identity
from .kubelets import Kubelets
from .log import Fatal
from .notify import notify
from .store import RemoteStore, Store, TooManyLearners, Unavailable, handler, secret_of
from .supervisor import SupervisorHandler

_PREPARING = 'starting kubernetes: preparing server'
_AUTHORITY_FILES = ('server-ca.crt', 'server-ca.key', 'client-ca.crt', 'client-ca.key')


class Cluster:
    """A server that runs: what its listeners answer from."""

    def __init__(self, configuration):
        self.configuration = configuration
        self.vpn, self.identity = vpn.start(configuration, node_identity(configuration))
        self.etcd_address = self.vpn.etcd_address() if self.vpn else self.identity.internal
        self.data = settings.at(configuration.get('data-dir') or settings.DATA_DIRECTORY)
        self.tls = f'{self.data}/server/tls'
        self.ready = False
        self.store = None
        self.authority = ''
        self.server_password = ''
        self.node_password = ''
        self.kind = 'sqlite'
        self.members_address = None

    @property
    def advertise_address(self):
        if self.vpn:
            return self.identity.internal
        return self.configuration.get('advertise-address') or self.identity.external or self.identity.internal

    def agent_config(self):
        """What an agent is told about the cluster."""
        get = self.configuration.get
        return {
            'cluster-cidr': get('cluster-cidr'),
            'service-cidr': get('service-cidr'),
            'cluster-dns': cluster.dns_address(self.configuration),
            'cluster-domain': get('cluster-domain'),
            'flannel-backend': get('flannel-backend'),
            'flannel-external-ip': bool(get('flannel-external-ip')),
            'mesh-secret': secret_of(f'mesh {self.server_password}'),
            'version': settings.version(),
        }

    def apiservers(self):
        return cluster.apiservers(self.store)

    def bootstrap(self):
        """What a joining server gets: authorities, critical values, and where the first server's etcd is."""
        files = {name: settings.read(f'{self.tls}/{name}') for name in _AUTHORITY_FILES}
        return {'files': files, 'critical': cluster.critical(self.configuration), 'kind': self.kind, 'etcd': self.members_address, 'passwords': {'node': self.node_password}}


def _secret(configuration, name):
    path = configuration.get(f'{name}-file')
    return (settings.read(path) if path else configuration.get(name) or '').strip()


def run(arguments):
    """Runs until the process is told to stop. Raises Fatal when the server cannot start."""
    configuration = config.load('server', arguments, os.environ)
    for name in ('token', 'agent-token'):
        log.hide(configuration.get(name))
    refusals.check(configuration)
    refusals.check_flannel(configuration, {'flannel-external-ip': configuration.get('flannel-external-ip'), 'flannel-backend': configuration.get('flannel-backend'), 'cluster-cidr': configuration.get('cluster-cidr')})
    log.info(f'Starting k3s {settings.version()} (this is a test double, not K3s)')
    running = Cluster(configuration)
    os.makedirs(f'{running.data}/server', exist_ok=True)
    os.chmod(f'{running.data}/server', 0o700)
    token = tokens.parse(_secret(configuration, 'token'), 'server')
    log.hide(token.password)
    joined = settings.read(f'{running.data}/server/db/etcd/joined.url')
    if joined or configuration.get('server'):
        _join(running, token, joined)
    elif configuration.get('datastore-endpoint'):
        _datastore(running, token)
    else:
        _first(running, token)
    _serve(running)


def _authorities(running):
    stamp = int(time.time())
    certificates.authority(f'{running.tls}/server-ca', f'k3s-server-ca@{stamp}')
    certificates.authority(f'{running.tls}/client-ca', f'k3s-client-ca@{stamp}')
    running.authority = settings.read(f'{running.tls}/server-ca.crt')


def _passwords(running, token):
    """The server's and the agents' password; a token that is not the one of the last start is refused."""
    held = settings.read(f'{running.data}/server/token')
    if held:
        password = tokens.parse(held, 'server').password
        if token.password and token.password != password:
            raise Fatal(f'{_PREPARING}: bootstrap data already found and encrypted with different token')
    else:
        password = token.password or tokens.generate()
    if token.is_full and token.ca_hash != tokens.ca_hash(running.authority):
        raise Fatal(f'{_PREPARING}: token CA hash does not match the Cluster CA certificate hash: {token.ca_hash} != {tokens.ca_hash(running.authority)}')
    running.server_password = password
    agent_token = _secret(running.configuration, 'agent-token')
    running.node_password = tokens.parse(agent_token, 'node').password or password
    for secret in (running.server_password, running.node_password):
        log.hide(secret)


def _first(running, token):
    data = running.data
    existing = os.path.isdir(f'{data}/server/db/etcd')
    if running.configuration.get('cluster-init') or existing:
        running.kind = 'etcd'
        os.makedirs(f'{data}/server/db/etcd', mode=0o700, exist_ok=True)
    _authorities(running)
    _passwords(running, token)
    if running.kind == 'etcd':
        running.members_address = running.etcd_address
        running.store = Store(f'{data}/server/db/state.json')
        running.store.join(running.identity.name, running.etcd_address)
        running.store.promote(running.identity.name)
    else:
        running.store = Store(f'{data}/server/db/state.json')


def _datastore(running, token):
    """Servers on one datastore: the first to come leaves the authorities there, locked by the token."""
    if not token.password:
        raise Fatal('--token is required with --datastore-endpoint: every server needs the same one')
    endpoint = running.configuration.get('datastore-endpoint').split(',')[0].replace('@tcp(', '@').replace(')', '')
    url = urllib.parse.urlsplit(endpoint)
    running.kind = 'datastore'
    running.store = RemoteStore(f'http://{url.hostname}:{url.port or {"mysql": 3306}.get(url.scheme, 5432)}')
    lock = secret_of(f'bootstrap {token.password}')
    try:
        held = running.store.get('/bootstrap')
        if held is None and not running.store.revision():
            raise Unavailable('no revision')
    except Unavailable as error:
        raise Fatal(f'{_PREPARING}: failed to connect to the datastore: {error}') from error
    if held is None:
        _authorities(running)
        files = {name: settings.read(f'{running.tls}/{name}') for name in _AUTHORITY_FILES}
        running.store.create('/bootstrap', {'lock': lock, 'files': files, 'critical': cluster.critical(running.configuration)})
    elif held['lock'] != lock:
        raise Fatal(f'{_PREPARING}: bootstrap data already found and encrypted with different token')
    else:
        _check_critical(running, held['critical'])
        _write_authorities(running, held['files'])
    _passwords(running, token)


def _write_authorities(running, files):
    for name, content in files.items():
        settings.write(f'{running.tls}/{name}', content)
    running.authority = files['server-ca.crt']


def _check_critical(running, theirs):
    mine = cluster.critical(running.configuration)
    different = cluster.mismatch(mine, theirs)
    if different:
        words = ', '.join(f'{name} (here {mine[name]}, there {theirs.get(name)})' if name != 'agent-token' else name for name in different)
        raise Fatal(f'{_PREPARING}: critical configuration value mismatch between servers: {words}')


def _join(running, token, joined):
    """A further server: token, authorities and critical values from the one named, then etcd on its private address."""
    url = (joined or running.configuration.get('server')).strip().rstrip('/')
    if joined:
        log.info('etcd data exists: --cluster-init, --server and --datastore-endpoint are ignored')
    if not token.is_full:
        raise Fatal('--token: a server that joins must use the full K10 token: a short one trusts any CA that answers (the real k3s accepts it, this double refuses)')
    running.kind = 'etcd'
    try:
        _, pem = web.request(f'{url}/cacerts', web.client_context())
        authority = pem.decode()
        if tokens.ca_hash(authority) != token.ca_hash:
            raise Fatal(f'{_PREPARING}: token CA hash does not match the Cluster CA certificate hash: {token.ca_hash} != {tokens.ca_hash(authority)}')
        status, body = web.request(f'{url}/v1-k3s/server-bootstrap', web.client_context(authority), basic=(token.user, token.password))
    except web.Unreachable as error:
        raise Fatal(f'{_PREPARING}: failed to get CA certs: {error}') from error
    if status != 200:
        words = {401: 'Unauthorized', 403: 'Forbidden'}.get(status, '')
        raise Fatal(f'{_PREPARING}: {url}/v1-k3s/server-bootstrap: {status} {words}')
    bootstrap = json.loads(body)
    if bootstrap['kind'] != 'etcd':
        raise Fatal(f'{_PREPARING}: {url} runs on {bootstrap["kind"]}, not on embedded etcd: start the first server with --cluster-init before others join')
    _check_critical(running, bootstrap['critical'])
    _write_authorities(running, bootstrap['files'])
    running.server_password = token.password
    running.node_password = bootstrap['passwords']['node']
    log.hide(running.node_password)
    running.members_address = bootstrap['etcd']
    running.joining = url


def _enter_etcd(running):
    """Waits, for ever if need be, for the first server's etcd on its private address; then becomes a member."""
    host = running.members_address
    said = log.Steady(log.warning, every=1)
    members = f'https://{_bracket(host)}:{settings.ETCD_PEER_PORT}/members'
    while True:
        try:
            web.request(members, web.client_context(running.authority))
            break
        except web.Unreachable as error:
            said(f'failed to get cluster response address={members} error={error}')
            log.info(f'Waiting to retrieve kube-proxy configuration; server is not ready: https://127.0.0.1:{settings.API_PORT}/v1-k3s/readyz: 500 Internal Server Error')
            time.sleep(settings.RETRY_SECONDS)
    store = RemoteStore(f'https://{_bracket(host)}:{settings.ETCD_CLIENT_PORT}', running.authority, secret_of(running.server_password))
    while True:
        try:
            store.join(running.identity.name, running.etcd_address)
            break
        except (TooManyLearners, Unavailable) as error:
            words = 'etcdserver: too many learner members in cluster' if isinstance(error, TooManyLearners) else error
            log.info(f'Waiting for other members to finish joining etcd cluster: {words}')
            time.sleep(settings.RETRY_SECONDS)
    log.info(f'Adding member {running.identity.name}={running.etcd_address} to etcd cluster as learner')
    time.sleep(min(1.0, settings.TEMPO))
    store.promote(running.identity.name)
    log.info(f'Promoted learner {running.identity.name} to voting member')
    running.store = store
    settings.write(f'{running.data}/server/db/etcd/joined.url', running.joining)


def _bracket(host):
    return f'[{host}]' if ':' in host else host


def _listen(host, port, answers, context):
    try:
        return web.Server((host, port), answers, context)
    except OSError as error:
        raise Fatal(f'listen tcp {host}:{port}: bind: {error.strerror.lower() if error.strerror else error}') from error


def _listen_etcd(running, context):
    answers = handler(running.store, secret_of(running.server_password))
    hosts = dict.fromkeys((running.etcd_address, settings.LOOPBACK))
    for host in hosts:
        for port in (settings.ETCD_CLIENT_PORT, settings.ETCD_PEER_PORT):
            threading.Thread(target=_listen(host, port, answers, context).serve_forever, daemon=True).start()


def _serving_certificate(running):
    configuration, identity = running.configuration, running.identity
    service = addresses.network(configuration.first('service-cidr'))
    domain = configuration.get('cluster-domain')
    names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', f'kubernetes.default.svc.{domain}', 'localhost', '127.0.0.1', settings.LOOPBACK, '::1', str(service[1]), identity.name, socket.gethostname()]
    names += [*identity.internals, *identity.externals, *configuration.list('tls-san'), *([configuration.get('advertise-address')] if configuration.get('advertise-address') else [])]
    path = f'{running.tls}/serving-kube-apiserver'
    certificates.issue(path, f'{running.tls}/server-ca', 'k3s', 'k3s', names)
    return path


def _write_tokens(running):
    folder = f'{running.data}/server'
    server = tokens.full(running.authority, 'server', running.server_password)
    settings.write(f'{folder}/token', server + '\n')
    settings.write(f'{folder}/cred/passwd', f'{running.node_password},node,k3s:agent,\n{running.server_password},server,k3s:server,\n')
    _link(f'{folder}/node-token', f'{folder}/token')
    if running.node_password == running.server_password:
        _link(f'{folder}/agent-token', f'{folder}/token')
    else:
        if os.path.islink(f'{folder}/agent-token'):
            os.remove(f'{folder}/agent-token')
        settings.write(f'{folder}/agent-token', tokens.full(running.authority, 'node', running.node_password) + '\n')
    log.info(f'Server node token is available at {folder}/token')
    log.info(f'To join server node to cluster: k3s server -s https://{_bracket(running.identity.internal)}:{settings.API_PORT} -t ${{SERVER_NODE_TOKEN}}')
    log.info(f'Agent node token is available at {folder}/agent-token')
    log.info(f'To join agent node to cluster: k3s agent -s https://{_bracket(running.identity.internal)}:{settings.API_PORT} -t ${{AGENT_NODE_TOKEN}}')


def _link(path, target):
    if os.path.lexists(path):
        os.remove(path)
    os.symlink(target, path)


def _serve(running):
    """Opens the listeners, gets ready, and plays the agent of this server's own node."""
    serving = _serving_certificate(running)
    context = web.server_context(f'{serving}.crt', f'{serving}.key', f'{running.tls}/client-ca.crt')
    front = _listen(settings.BIND or running.configuration.get('bind-address') or '0.0.0.0', settings.API_PORT, SupervisorHandler, context)
    front.cluster = running
    threading.Thread(target=front.serve_forever, daemon=True).start()
    certificates.issue(f'{running.tls}/client-admin', f'{running.tls}/client-ca', 'system:admin', 'system:masters', client=True)
    certificates.issue(f'{running.tls}/client-kube-apiserver', f'{running.tls}/client-ca', 'system:apiserver', 'system:masters', client=True)
    if running.store is None:
        _enter_etcd(running)
    if running.kind == 'etcd':
        _listen_etcd(running, context)
    client = web.client_context(running.authority, (f'{running.tls}/client-kube-apiserver.crt', f'{running.tls}/client-kube-apiserver.key'))
    running.api = Api(running.store, Kubelets(client, bool(running.configuration.get('flannel-external-ip'))))
    cluster.prepare(running.store, running.configuration, settings.API_PORT)
    cluster.advertise(running.store, running.identity.name, running.advertise_address, settings.API_PORT)
    _write_tokens(running)
    kubeconfig.write_admin(running.configuration, running.tls)
    running.ready = True
    log.info('k3s is up and running')
    notify('READY=1')
    token = tokens.full(running.authority, 'node', running.node_password)
    agent = Agent(running.configuration, running.identity, f'https://{settings.LOOPBACK}:{settings.API_PORT}', token, roles=_roles(running), tailnet=running.vpn is not None)
    threading.Thread(target=agent.run_guarded, daemon=True).start()
    while True:
        time.sleep(settings.SYNC_SECONDS)
        if isinstance(running.store, RemoteStore):
            running.store.refresh()
        try:
            controllers.reconcile(running.store)
        except Unavailable:
            continue


def _roles(running):
    return ['control-plane', *(['etcd'] if running.kind == 'etcd' else [])]
