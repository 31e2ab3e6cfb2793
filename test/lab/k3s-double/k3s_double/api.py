"""The part of the Kubernetes API that the double plays: objects, discovery, logs and metrics."""

import json
import re
import time

from . import controllers, log, objects, settings, tables
from .objects import status_object
from .store import Conflict, Unavailable

_PATH = re.compile(r'/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>.+))?)?/?$')


class Answer(Exception):
    """Ends a request early with a status."""

    def __init__(self, code, reason, message):
        super().__init__(message)
        self.code = code
        self.content = status_object(code, reason, message)


def _missing(resource, name):
    group = f'.{resource.group}' if resource.group else ''
    return Answer(404, 'NotFound', f'{resource.plural}{group} "{name}" not found')


class Api:
    """Answers requests of an administrator. `kubelets` reaches the kubelet of a node over the real network."""

    def __init__(self, store, kubelets):
        self._store = store
        self._kubelets = kubelets

    def handle(self, method, path, query, body, accept):
        """Returns (status, content, is_json)."""
        try:
            return self._route(method, path, query, body, accept)
        except Answer as answer:
            return answer.code, answer.content, True
        except Unavailable as error:
            return 500, status_object(500, 'InternalError', str(error)), True
        except Conflict as error:
            return 409, status_object(409, 'Conflict', f'Operation cannot be fulfilled on {error}: the object has been modified'), True

    def _route(self, method, path, query, body, accept):
        discovery = _discovery(path)
        if discovery is not None:
            return 200, discovery, True
        match = _PATH.match(path)
        resource = match and objects.find(match['group'] or '', match['core'] or match['version'], match['plural'])
        if not resource:
            raise Answer(404, 'NotFound', 'the server could not find the requested resource')
        if resource.group == 'metrics.k8s.io':
            return self._metrics(match['name'])
        namespace, name, sub = match['namespace'], match['name'], match['sub']
        if sub:
            return self._sub(resource, method, namespace, name, sub, query, body)
        if method in ('GET', 'HEAD'):
            found = self._get(resource, namespace, name) if name else self._list(resource, namespace, query)
            if 'as=Table' in accept:
                items = [found] if name else found['items']
                return 200, tables.table(resource.kind, items), True
            return 200, found, True
        if method == 'DELETE':
            return 200, self._delete(resource, namespace, name, query), True
        content = _parse(body)
        if method == 'POST' and not name:
            return 201, self._create(resource, namespace, content), True
        if method in ('PUT', 'PATCH') and name:
            return 200, self._update(resource, namespace, name, content, method == 'PATCH'), True
        raise Answer(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')

    def _show(self, resource, item, ages=None, nodes=None):
        if resource.plural == 'nodes':
            ages = self._store.ages() if ages is None else ages
            return controllers.with_conditions(item, ages.get(item['metadata']['name'], 10**8))
        if resource.plural in ('daemonsets', 'deployments'):
            return controllers.with_status(self._store, item, nodes)
        return item

    def _list(self, resource, namespace, query):
        ages = self._store.ages() if resource.plural == 'nodes' else None
        prefix = f'/{resource.plural}/{namespace}/' if namespace else f'/{resource.plural}/'
        items = [self._show(resource, item, ages) for item in self._store.list(prefix)]
        items = [item for item in items if objects.matches_labels(item, query.get('labelSelector', '')) and objects.matches_fields(item, query.get('fieldSelector', ''))]
        return {'kind': f'{resource.kind}List', 'apiVersion': resource.group_version, 'metadata': {'resourceVersion': str(self._revision())}, 'items': items}

    def _revision(self):
        try:
            return self._store.revision()
        except Unavailable:
            return 1

    def _held(self, resource, namespace, name):
        if resource.namespaced and not namespace:
            raise Answer(400, 'BadRequest', 'namespace is required')
        item = self._store.get(objects.key(resource.plural, namespace if resource.namespaced else None, name))
        if item is None:
            raise _missing(resource, name)
        return item

    def _get(self, resource, namespace, name):
        return self._show(resource, self._held(resource, namespace, name))

    def _create(self, resource, namespace, content):
        name = content.get('metadata', {}).get('name')
        if not name and content.get('metadata', {}).get('generateName'):
            name = f'{content["metadata"]["generateName"]}{time.monotonic_ns() % 10**5:05d}'
        if not name or content.get('kind') != resource.kind:
            raise Answer(422, 'Invalid', f'a {resource.kind} with metadata.name is needed')
        if resource.namespaced and self._store.get(objects.key('namespaces', None, namespace or '')) is None:
            raise Answer(404, 'NotFound', f'namespaces "{namespace}" not found')
        item = _complete(resource, namespace, name, content)
        try:
            stored = self._store.create(objects.key(resource.plural, namespace if resource.namespaced else None, name), item)
        except Conflict as error:
            raise Answer(409, 'AlreadyExists', f'{resource.plural} "{name}" already exists') from error
        controllers.reconcile(self._store)
        return self._show(resource, stored)

    def _update(self, resource, namespace, name, content, is_patch):
        held = self._held(resource, namespace, name)
        shown = objects.merge(held, content) if is_patch else content
        item = {**shown, 'metadata': {**shown.get('metadata', {}), **{part: held['metadata'][part] for part in ('name', 'uid', 'creationTimestamp')}}}
        if 'namespace' in held['metadata']:
            item['metadata']['namespace'] = held['metadata']['namespace']
        if resource.plural in ('nodes', 'pods') and 'status' in held:
            item['status'] = held['status']
        revision = content.get('metadata', {}).get('resourceVersion')
        stored = self._store.put(objects.key(resource.plural, namespace if resource.namespaced else None, name), item, revision)
        controllers.reconcile(self._store)
        return self._show(resource, stored)

    def _delete(self, resource, namespace, name, query):
        items = [self._held(resource, namespace, name)] if name else self._list(resource, namespace, query)['items']
        for item in items:
            self._store.delete(objects.key(resource.plural, item['metadata'].get('namespace'), item['metadata']['name']))
            controllers.remove_dependants(self._store, resource, item)
        return status_object(200, '', f'{len(items)} deleted')

    def _sub(self, resource, method, namespace, name, sub, query, body):
        if resource.plural == 'pods' and sub == 'log' and method == 'GET':
            return 200, self._log(namespace, name, query), False
        if resource.plural == 'pods' and sub == 'eviction' and method == 'POST':
            return 201, self._delete(resource, namespace, name, query), True
        if resource.plural == 'nodes' and sub.startswith('proxy/') and method == 'GET':
            node = self._held(resource, None, name)
            try:
                return 200, self._kubelets.get(node, '/' + sub[len('proxy/'):]), False
            except OSError as error:
                raise Answer(503, 'ServiceUnavailable', f'error trying to reach service: {error}') from error
        raise Answer(404, 'NotFound', f'the double does not play {resource.plural}/{sub} ({method}); exec, attach and port-forward need a websocket')

    def _log(self, namespace, name, query):
        resource = objects.find('', 'v1', 'pods')
        pod = self._held(resource, namespace, name)
        node = pod['spec'].get('nodeName') or ''
        if self._store.ages().get(node, 10**9) >= settings.NOT_READY_SECONDS:
            # Logs go through the tunnel that the agent holds open: without heartbeats there is no tunnel.
            raise Answer(500, 'InternalError', f'Get "https://{node}:{settings.KUBELET_PORT}/containerLogs/{namespace}/{name}": proxy error from 127.0.0.1:{settings.API_PORT} while dialing {node}:{settings.KUBELET_PORT}, code 502: 502 Bad Gateway')
        text = (self._store.get(f'/logs/{namespace}/{name}') or {}).get('text', '')
        tail = query.get('tailLines')
        return '\n'.join(text.splitlines()[-int(tail):]) + '\n' if tail and text else text

    def _metrics(self, name):
        nodes = [node for node in self._store.list('/nodes/') if not name or node['metadata']['name'] == name]
        items = [item for item in self._kubelets.metrics(nodes) if item]
        if name:
            if not items:
                raise Answer(404, 'NotFound', f'nodemetrics.metrics.k8s.io "{name}" not found')
            return 200, items[0], True
        return 200, {'kind': 'NodeMetricsList', 'apiVersion': 'metrics.k8s.io/v1beta1', 'metadata': {}, 'items': items}, True


def _parse(body):
    try:
        content = json.loads(body)
    except ValueError:
        import yaml

        # `kubectl apply --server-side` sends YAML.
        content = yaml.safe_load(body)
    if not isinstance(content, dict):
        raise Answer(400, 'BadRequest', 'the body of the request is not an object')
    return content


def _complete(resource, namespace, name, content):
    fresh = objects.new(resource.kind, name, namespace if resource.namespaced else None, resource.group_version)
    metadata = {**fresh['metadata'], **{part: value for part, value in content['metadata'].items() if part not in ('uid', 'resourceVersion', 'creationTimestamp') and value is not None}}
    metadata['name'] = name
    if resource.namespaced:
        metadata['namespace'] = namespace
    item = {**content, 'apiVersion': resource.group_version, 'metadata': metadata}
    item.pop('status', None)
    if resource.plural == 'pods':
        item['status'] = {'phase': 'Pending'}
    if resource.plural == 'namespaces':
        item['status'] = {'phase': 'Active'}
    return item


def _resource_list(group_version, resources):
    verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update']
    entries = [{'name': item.plural, 'singularName': item.kind.lower(), 'namespaced': item.namespaced, 'kind': item.kind, 'verbs': verbs, 'shortNames': list(item.short)} for item in resources]
    if group_version == 'v1':
        entries.append({'name': 'pods/log', 'singularName': '', 'namespaced': True, 'kind': 'Pod', 'verbs': ['get']})
    return {'kind': 'APIResourceList', 'apiVersion': 'v1', 'groupVersion': group_version, 'resources': entries}


def _discovery(path):
    path = path.rstrip('/')
    if path == '/api':
        return {'kind': 'APIVersions', 'versions': ['v1'], 'serverAddressByClientCIDRs': []}
    groups = sorted({(item.group, item.version) for item in objects.RESOURCES if item.group})
    if path == '/apis':
        listed = [{'name': group, 'versions': [{'groupVersion': f'{group}/{version}', 'version': version}], 'preferredVersion': {'groupVersion': f'{group}/{version}', 'version': version}} for group, version in groups]
        return {'kind': 'APIGroupList', 'apiVersion': 'v1', 'groups': listed}
    for group_version in ('v1', *(f'{group}/{version}' for group, version in groups)):
        if path == ('/api/v1' if group_version == 'v1' else f'/apis/{group_version}'):
            return _resource_list(group_version, [item for item in objects.RESOURCES if item.group_version == group_version])
    if path == '/version':
        major, minor = settings.version().lstrip('v').split('.')[:2]
        return {'major': major, 'minor': minor, 'gitVersion': settings.version(), 'goVersion': settings.GO_VERSION, 'platform': 'linux/double', 'buildDate': log.now(), 'gitCommit': 'double', 'gitTreeState': 'clean', 'compiler': 'gc'}
    return None
