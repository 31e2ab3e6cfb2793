"""What the servers share: objects with revisions, heartbeats and members. Local in a file, or remote over RPC.

The first server holds it ("SQLite", or "etcd" for the servers that join); the others ask it over the etcd client
port and answer reads from their last copy while it is away. That is less than etcd: there is no vote.
"""

import hashlib
import hmac
import json
import threading
import time

from . import addresses, log, settings, web

_VOLATILE = ('/logs/',)
_LEARNER_SECONDS = 60


class Conflict(Exception):
    """The object changed in between, or is there already."""


class Unavailable(Exception):
    """The datastore did not answer."""


class TooManyLearners(Exception):
    """Another server is just joining."""


class Store:
    """Objects by key, in memory and in one JSON file."""

    def __init__(self, path):
        self._path = path
        self._lock = threading.RLock()
        self._start = time.monotonic()
        self._beats = {}
        content = json.loads(settings.read(path) or '{}')
        self._objects = content.get('objects', {})
        self._revision = content.get('revision', 1)
        self._members = content.get('members', {})

    def _save(self):
        kept = {key: value for key, value in self._objects.items() if not key.startswith(_VOLATILE)}
        settings.write(self._path, json.dumps({'objects': kept, 'revision': self._revision, 'members': self._members}))

    def _set(self, key, value):
        before = self._objects.get(key)
        self._revision += 1
        if isinstance(value.get('metadata'), dict):
            value['metadata']['resourceVersion'] = str(self._revision)
        self._objects[key] = value
        if not key.startswith(_VOLATILE):
            self._save_or(key, before)
        return value

    def _save_or(self, key, before):
        """Saves; what does not reach the disk has not happened, as with a database."""
        try:
            self._save()
        except OSError:
            if before is None:
                self._objects.pop(key, None)
            else:
                self._objects[key] = before
            raise

    def list(self, prefix):
        with self._lock:
            return [json.loads(json.dumps(value)) for key, value in sorted(self._objects.items()) if key.startswith(prefix)]

    def get(self, key):
        with self._lock:
            value = self._objects.get(key)
            return json.loads(json.dumps(value)) if value is not None else None

    def create(self, key, value):
        with self._lock:
            if key in self._objects:
                raise Conflict(key)
            return self._set(key, value)

    def put(self, key, value, revision=None):
        """Writes the value; with a revision only when the stored one still has it."""
        with self._lock:
            held = self._objects.get(key)
            if revision and (held or {}).get('metadata', {}).get('resourceVersion') != revision:
                raise Conflict(key)
            if held == value:
                return value
            return self._set(key, value)

    def delete(self, key):
        with self._lock:
            value = self._objects.pop(key, None)
            if value is not None:
                self._revision += 1
                self._save_or(key, value)
            return value

    def dump(self):
        with self._lock:
            return {'objects': dict(self._objects), 'revision': self._revision, 'ages': self.ages()}

    def revision(self):
        return self._revision

    def beat(self, node):
        self._beats[node] = time.monotonic()

    def ages(self):
        """Seconds since the last heartbeat of each node; a node from before the start counts from the start."""
        now = time.monotonic()
        names = [key.rsplit('/', 1)[1] for key in list(self._objects) if key.startswith('/nodes/')]
        return {name: now - self._beats.get(name, self._start) for name in names}

    def allocate(self, node, cluster_cidrs):
        """The pod networks of a node: those that it has, else the first free /24 (/64 for IPv6) of each CIDR."""
        with self._lock:
            held = (self._objects.get(f'/nodes//{node}') or {}).get('spec', {}).get('podCIDRs')
            if held:
                return held
            taken = {cidr for key, value in self._objects.items() if key.startswith('/nodes/') for cidr in value['spec'].get('podCIDRs', [])}
            out = []
            for text in cluster_cidrs:
                network = addresses.network(text)
                wanted = max(64 if network.version == 6 else 24, network.prefixlen)
                out.append(next(str(part) for part in network.subnets(new_prefix=wanted) if str(part) not in taken))
            return out

    def join(self, name, address):
        """Adds an etcd member as a learner; one at a time."""
        with self._lock:
            now = time.time()
            for other, member in self._members.items():
                if other != name and member['learner'] and now - member['since'] < _LEARNER_SECONDS:
                    raise TooManyLearners(other)
            self._members[name] = {'address': address, 'learner': name not in self._members, 'since': now}
            self._save()

    def promote(self, name):
        with self._lock:
            self._members[name]['learner'] = False
            self._save()

    def leave(self, name):
        with self._lock:
            if self._members.pop(name, None):
                self._save()

    def members(self):
        return self._members


_METHODS = ('list', 'get', 'create', 'put', 'delete', 'dump', 'revision', 'beat', 'ages', 'allocate', 'join', 'promote', 'leave', 'members')
_ERRORS = {'Conflict': Conflict, 'TooManyLearners': TooManyLearners}


def secret_of(password):
    """What a server shows to the store: derived from the server's token, never the token."""
    return hashlib.sha256(f'k3s-double store {password}'.encode()).hexdigest()


def handler(store, secret):
    """The RPC side of a store. Without a secret everybody may ask (the datastore program of the lab)."""

    class StoreHandler(web.Handler):
        def answer(self):
            if self.path == '/members':
                self.reply_json(200, store.members())
                return
            shown = self.headers.get('Authorization') or ''
            if secret and not hmac.compare_digest(shown, f'Bearer {secret}'):
                self.reply(401, 'Unauthorized')
                return
            call = json.loads(self.body() or b'{}')
            if call.get('method') not in _METHODS:
                self.reply(404, 'no such method')
                return
            try:
                result = getattr(store, call['method'])(*call['arguments'])
            except tuple(_ERRORS.values()) as error:
                self.reply_json(409, {'error': type(error).__name__, 'text': str(error)})
                return
            self.reply_json(200, {'result': result})

    return StoreHandler


class RemoteStore:
    """The same methods, answered by the server that holds the store."""

    def __init__(self, url, authority=None, secret=None):
        self._url = url
        self._context = web.client_context(authority)
        self._secret = secret
        self._copy = {'objects': {}, 'revision': 1, 'ages': {}}
        self._away = log.Steady(log.warning)

    def _call(self, method, *arguments):
        headers = {'Authorization': f'Bearer {self._secret}'} if self._secret else {}
        try:
            status, body = web.request(f'{self._url}/rpc', self._context, 'POST', {'method': method, 'arguments': list(arguments)}, headers=headers, timeout=5)
        except web.Unreachable as error:
            self._away(f'etcd-client: retrying of unary invoker failed: {error}')
            raise Unavailable('etcdserver: request timed out') from error
        content = json.loads(body) if body[:1] == b'{' else {}
        if status == 409:
            raise _ERRORS[content['error']](content['text'])
        if status != 200:
            raise Unavailable(f'datastore answered {status}')
        self._away.clear()
        return content['result']

    def refresh(self):
        """Keeps a copy for the time when the store is away."""
        try:
            self._copy = self._call('dump')
        except Unavailable:
            pass

    def list(self, prefix):
        try:
            return self._call('list', prefix)
        except Unavailable:
            return [value for key, value in sorted(self._copy['objects'].items()) if key.startswith(prefix)]

    def get(self, key):
        try:
            return self._call('get', key)
        except Unavailable:
            return self._copy['objects'].get(key)

    def ages(self):
        try:
            return self._call('ages')
        except Unavailable:
            return self._copy['ages']

    def __getattr__(self, name):
        if name not in _METHODS:
            raise AttributeError(name)
        return lambda *arguments: self._call(name, *arguments)
