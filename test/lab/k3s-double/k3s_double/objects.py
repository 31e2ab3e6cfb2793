"""The kinds of objects that the double's API knows, and small helpers about their shape."""

import uuid
from dataclasses import dataclass

from . import log


@dataclass(frozen=True)
class Resource:
    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    short: tuple = ()

    @property
    def group_version(self):
        return f'{self.group}/{self.version}' if self.group else self.version


RESOURCES = (
    Resource('', 'v1', 'nodes', 'Node', False, ('no',)),
    Resource('', 'v1', 'namespaces', 'Namespace', False, ('ns',)),
    Resource('', 'v1', 'pods', 'Pod', True, ('po',)),
    Resource('', 'v1', 'services', 'Service', True, ('svc',)),
    Resource('', 'v1', 'endpoints', 'Endpoints', True, ('ep',)),
    Resource('', 'v1', 'configmaps', 'ConfigMap', True, ('cm',)),
    Resource('', 'v1', 'secrets', 'Secret', True),
    Resource('', 'v1', 'serviceaccounts', 'ServiceAccount', True, ('sa',)),
    Resource('', 'v1', 'events', 'Event', True, ('ev',)),
    Resource('apps', 'v1', 'daemonsets', 'DaemonSet', True, ('ds',)),
    Resource('apps', 'v1', 'deployments', 'Deployment', True, ('deploy',)),
    Resource('metrics.k8s.io', 'v1beta1', 'nodes', 'NodeMetrics', False),
)


def find(group, version, plural):
    for resource in RESOURCES:
        if (resource.group, resource.version, resource.plural) == (group, version, plural):
            return resource
    return None


def by_word(word):
    """The resource that a person means by `node`, `nodes`, `no`, `daemonset.apps`…"""
    name = word.lower().split('.')[0]
    for resource in RESOURCES:
        if resource.kind != 'NodeMetrics' and name in (resource.plural, resource.kind.lower(), *resource.short):
            return resource
    return None


def by_kind(api_version, kind):
    for resource in RESOURCES:
        if resource.group_version == api_version and resource.kind == kind:
            return resource
    return None


def key(plural, namespace, name):
    return f'/{plural}/{namespace or ""}/{name}'


def new(kind, name, namespace=None, api_version='v1', **parts):
    """An object with the metadata that the API server would add."""
    metadata = {'name': name, 'uid': str(uuid.uuid4()), 'creationTimestamp': log.now(), 'labels': {}, 'annotations': {}}
    if namespace:
        metadata['namespace'] = namespace
    return {'apiVersion': api_version, 'kind': kind, 'metadata': metadata, **parts}


def merge(target, patch):
    """JSON merge patch (RFC 7386): an object merges, None removes, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merge(out.get(name), value)
    return out


def _lookup(value, path):
    for part in path.split('.'):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def matches_fields(value, selector):
    for part in filter(None, selector.split(',')):
        name, _, wanted = part.partition('=')
        negated = name.endswith('!')
        found = str(_lookup(value, name.rstrip('!')) or '')
        if (found == wanted.lstrip('=')) == negated:
            return False
    return True


def matches_labels(value, selector):
    """Equality selectors only: `a=b`, `a==b`, `a!=b`, `a`, `!a`."""
    labels = value['metadata'].get('labels') or {}
    for part in filter(None, (piece.strip() for piece in selector.split(','))):
        if '!=' in part:
            name, _, wanted = part.partition('!=')
            fits = labels.get(name) != wanted
        elif '=' in part:
            name, _, wanted = part.partition('=')
            fits = labels.get(name) == wanted.lstrip('=')
        else:
            fits = (part.lstrip('!') in labels) != part.startswith('!')
        if not fits:
            return False
    return True


def status_object(code, reason, message):
    return {'kind': 'Status', 'apiVersion': 'v1', 'metadata': {}, 'status': 'Success' if code < 400 else 'Failure', 'message': message, 'reason': reason, 'code': code}
