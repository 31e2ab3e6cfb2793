"""The server-side tables that kubectl prints."""

import datetime

_COLUMNS = {
    'Node': ('Name', 'Status', 'Roles', 'Age', 'Version', 'Internal-IP', 'External-IP', 'OS-Image', 'Kernel-Version', 'Container-Runtime'),
    'Pod': ('Name', 'Ready', 'Status', 'Restarts', 'Age', 'IP', 'Node'),
    'DaemonSet': ('Name', 'Desired', 'Current', 'Ready', 'Age'),
    'Deployment': ('Name', 'Ready', 'Up-to-date', 'Available', 'Age'),
}
_FIRST_WIDE = {'Node': 5, 'Pod': 5}


def age(timestamp):
    start = datetime.datetime.strptime(timestamp, '%Y-%m-%dT%H:%M:%SZ').replace(tzinfo=datetime.timezone.utc)
    seconds = int((datetime.datetime.now(datetime.timezone.utc) - start).total_seconds())
    for unit, length in (('d', 86400), ('h', 3600), ('m', 60)):
        if seconds >= 2 * length:
            return f'{seconds // length}{unit}'
    return f'{max(seconds, 0)}s'


def _address(node, kind):
    return next((entry['address'] for entry in node['status']['addresses'] if entry['type'] == kind), '<none>')


def _node(node):
    ready = next(item for item in node['status']['conditions'] if item['type'] == 'Ready')
    status = 'Ready' if ready['status'] == 'True' else 'NotReady'
    if node['spec'].get('unschedulable'):
        status += ',SchedulingDisabled'
    prefix = 'node-role.kubernetes.io/'
    roles = ','.join(sorted(label[len(prefix):] for label in node['metadata']['labels'] if label.startswith(prefix)))
    info = node['status']['nodeInfo']
    return [node['metadata']['name'], status, roles or '<none>', age(node['metadata']['creationTimestamp']), info['kubeletVersion'], _address(node, 'InternalIP'), _address(node, 'ExternalIP'), info['osImage'], info['kernelVersion'], info['containerRuntimeVersion']]


def _pod(pod):
    status = pod.get('status', {})
    states = status.get('containerStatuses', [])
    ready = sum(1 for state in states if state['ready'])
    return [pod['metadata']['name'], f'{ready}/{len(pod["spec"]["containers"])}', status.get('reason') or status.get('phase', 'Pending'), 0, age(pod['metadata']['creationTimestamp']), status.get('podIP') or '<none>', pod['spec'].get('nodeName') or '<none>']


def _daemon_set(item):
    status = item['status']
    return [item['metadata']['name'], status['desiredNumberScheduled'], status['currentNumberScheduled'], status['numberReady'], age(item['metadata']['creationTimestamp'])]


def _deployment(item):
    status = item['status']
    return [item['metadata']['name'], f'{status["readyReplicas"]}/{status["replicas"]}', status['replicas'], status['availableReplicas'], age(item['metadata']['creationTimestamp'])]


_ROWS = {'Node': _node, 'Pod': _pod, 'DaemonSet': _daemon_set, 'Deployment': _deployment}


def rows(kind, item):
    """The cells of one object."""
    make = _ROWS.get(kind)
    return make(item) if make else [item['metadata']['name'], age(item['metadata']['creationTimestamp'])]


def columns(kind):
    return _COLUMNS.get(kind, ('Name', 'Age'))


def narrow(kind):
    """How many columns are shown without `-o wide`."""
    return _FIRST_WIDE.get(kind, len(columns(kind)))


def table(kind, items):
    definitions = [{'name': name, 'type': 'string', 'format': 'name' if index == 0 else '', 'description': name, 'priority': 0 if index < narrow(kind) else 1} for index, name in enumerate(columns(kind))]
    body = [{'cells': rows(kind, item), 'object': {'kind': 'PartialObjectMetadata', 'apiVersion': 'meta.k8s.io/v1', 'metadata': item['metadata']}} for item in items]
    return {'kind': 'Table', 'apiVersion': 'meta.k8s.io/v1', 'metadata': {}, 'columnDefinitions': definitions, 'rows': body}
