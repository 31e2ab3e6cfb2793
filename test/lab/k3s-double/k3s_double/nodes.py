"""The server's side of the nodes: password, registration, heartbeat, and what each node must know of the others."""

import hashlib
import json

from . import controllers, log, objects, services, settings
from .store import Conflict

PASSWORD_REJECTED = "Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag"

FLANNEL = 'flannel.alpha.coreos.com'
HANDSHAKES = 'k3s-double/handshakes'


class Refused(Exception):
    """The node is not let in; the text goes to the node."""


def check_password(store, name, password):
    """The first password that a name comes with is kept; every later one must be the same."""
    key = objects.key('secrets', 'kube-system', f'{name}.node-password.k3s')
    shown = hashlib.sha256(f'{name}:{password}'.encode()).hexdigest()
    held = store.get(key)
    if held is None:
        store.create(key, objects.new('Secret', f'{name}.node-password.k3s', 'kube-system', type='Opaque', data={'hash': shown}))
    elif held['data']['hash'] != shown:
        log.error(f'unable to verify password for node {name}: hash does not match')
        raise Refused(PASSWORD_REJECTED)


def _address(node, kind):
    return next((entry['address'] for entry in node['status']['addresses'] if entry['type'] == kind), None)


def _check_unique(store, report):
    """Two ready nodes with one address: the real k3s takes both and the mesh works for one of them."""
    ages = store.ages()
    for other in store.list('/nodes/'):
        name = other['metadata']['name']
        if name == report['name'] or ages.get(name, 10**9) >= settings.NOT_READY_SECONDS:
            continue
        for kind, address in report['addresses']:
            if kind == 'ExternalIP' and address == _address(other, kind):
                raise Refused(f'node {name} has the external IP {address} already: one of the two could never be reached by the mesh (the real k3s accepts it, this double refuses)')


def register(store, cluster, report):
    """Creates the Node or updates it. Labels and taints count at the first registration only."""
    _check_unique(store, report)
    name = report['name']
    key = objects.key('nodes', None, name)
    cidrs = store.allocate(name, cluster['cluster-cidr'])
    held = store.get(key)
    node = held or objects.new('Node', name, spec={'podCIDR': cidrs[0], 'podCIDRs': cidrs, 'providerID': f'k3s://{name}', **({'taints': report['taints']} if report['taints'] else {})})
    labels = report['labels'] if held is None else {part: value for part, value in report['labels'].items() if part not in report['registrationLabels']}
    node['metadata']['labels'] = {**node['metadata']['labels'], **labels}
    annotations = {part: value for part, value in node['metadata']['annotations'].items() if not part.startswith('k3s.io/')}
    # public-ip-overwrite of an earlier start stays, as in K3s: nothing there ever removes it.
    node['metadata']['annotations'] = {**annotations, **report['annotations']}
    addresses = [{'type': kind, 'address': address} for kind, address in report['addresses']]
    node['status'] = {
        'addresses': addresses,
        'capacity': report['capacity'],
        'allocatable': report['capacity'],
        'daemonEndpoints': {'kubeletEndpoint': {'Port': report['port']}},
        'nodeInfo': report['nodeInfo'],
    }
    try:
        store.create(key, node) if held is None else store.put(key, node)
    except Conflict as error:
        raise Refused(f'node {name} is just being registered from elsewhere') from error
    store.beat(name)
    log.info(f'Node {name} registered: {", ".join(f"{kind} {address}" for kind, address in report["addresses"])}; podCIDR {cidrs[0]}')
    return {'podCIDRs': cidrs, 'overwrite': node['metadata']['annotations'].get(f'{FLANNEL}/public-ip-overwrite')}


def peers(store, name):
    """What the flannel of one node must know of the flannel of every other."""
    out = []
    for node in store.list('/nodes/'):
        annotations = node['metadata']['annotations']
        data = annotations.get(f'{FLANNEL}/backend-data')
        content = json.loads(data) if data else None
        if node['metadata']['name'] != name and content:
            out.append({'name': node['metadata']['name'], 'publicKey': content.get('PublicKey') or content.get('VtepMAC'), 'address': annotations[f'{FLANNEL}/public-ip'], 'port': content.get('Port'), 'cidrs': node['spec']['podCIDRs']})
    return out


def sync(store, report):
    """A heartbeat with news from the node. Returns what the node must do, or None when it was deleted."""
    name = report['name']
    key = objects.key('nodes', None, name)
    node = store.get(key)
    if node is None:
        return None
    store.beat(name)
    annotations = {**node['metadata']['annotations'], **report['annotations']}
    if annotations != node['metadata']['annotations']:
        node['metadata']['annotations'] = annotations
        try:
            store.put(key, node, node['metadata']['resourceVersion'])
        except Conflict:
            # Somebody else changed the node at this moment; the next heartbeat brings the same news.
            pass
    for pod in report['pods']:
        _pod_status(store, pod)
    controllers.reconcile(store)
    mine = [pod for pod in store.list('/pods/') if pod['spec'].get('nodeName') == name]
    return {'peers': peers(store, name), 'pods': mine, 'services': services.view(store)}


def _tell(store, pod, message):
    """An event about a pod that has no sandbox; one a pod, however often it happens."""
    metadata = pod['metadata']
    name = f'{metadata["name"]}.{metadata["uid"][:8]}'
    about = {'kind': 'Pod', 'namespace': metadata['namespace'], 'name': metadata['name'], 'uid': metadata['uid']}
    try:
        store.create(objects.key('events', metadata['namespace'], name), objects.new('Event', name, metadata['namespace'], type='Warning', reason='FailedCreatePodSandBox', message=message, involvedObject=about, count=1))
    except Conflict:
        pass


def _pod_status(store, report):
    namespace, name = report['namespace'], report['name']
    key = objects.key('pods', namespace, name)
    pod = store.get(key)
    if pod is None or pod['metadata']['uid'] != report['uid']:
        return
    running = report['phase'] == 'Running'
    state = {'running': {'startedAt': report['startedAt']}} if running else {'waiting': {'reason': report['reason'], 'message': report['message']}}
    containers = [{'name': container['name'], 'image': container.get('image', ''), 'ready': running, 'started': running, 'restartCount': 0, 'state': state} for container in pod['spec']['containers']]
    if report.get('event'):
        _tell(store, pod, report['event'])
    status = {'phase': report['phase'], 'hostIP': report['hostIP'], 'startTime': report['startedAt'], 'containerStatuses': containers}
    if report['ip']:
        status |= {'podIP': report['ip'], 'podIPs': [{'ip': address} for address in (report['ip'], report.get('ip6')) if address]}
    if report['reason']:
        status |= {'reason': report['reason'], 'message': report['message']}
    conditions = [{'type': kind, 'status': 'True' if running else 'False', 'lastTransitionTime': report['startedAt']} for kind in ('Initialized', 'Ready', 'ContainersReady', 'PodScheduled')]
    pod['status'] = {**status, 'conditions': conditions}
    store.put(key, pod)
    store.put(f'/logs/{namespace}/{name}', {'text': report['log']})
