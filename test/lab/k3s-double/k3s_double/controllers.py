"""What the controllers of Kubernetes would do: pods for daemon sets and deployments, and what they report."""

import hashlib

from . import log, objects, services, settings
from .store import Conflict


def with_conditions(node, age):
    """The node with the conditions that follow from its last heartbeat."""
    ready = age < settings.NOT_READY_SECONDS
    state = ('True', 'KubeletReady', 'kubelet is posting ready status') if ready else ('Unknown', 'NodeStatusUnknown', 'Kubelet stopped posting node status.')
    seen = log.now(-age)
    healthy = 'False' if ready else 'Unknown'
    conditions = [{'type': kind, 'status': healthy, 'reason': state[1], 'message': state[2], 'lastHeartbeatTime': seen, 'lastTransitionTime': seen} for kind in ('MemoryPressure', 'DiskPressure', 'PIDPressure')]
    conditions.append({'type': 'Ready', 'status': state[0], 'reason': state[1], 'message': state[2], 'lastHeartbeatTime': seen, 'lastTransitionTime': seen})
    return {**node, 'status': {**node['status'], 'conditions': conditions}}


def _short(text, length):
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _pod(owner, name, node):
    template = owner['spec']['template']
    pod = objects.new('Pod', name, owner['metadata']['namespace'], spec={**template['spec'], 'nodeName': node}, status={'phase': 'Pending'})
    pod['metadata']['labels'] = dict(template.get('metadata', {}).get('labels') or {})
    pod['metadata']['annotations'] = dict(template.get('metadata', {}).get('annotations') or {})
    pod['metadata']['ownerReferences'] = [{'apiVersion': 'apps/v1', 'kind': owner['kind'], 'name': owner['metadata']['name'], 'uid': owner['metadata']['uid'], 'controller': True}]
    return pod


def _fits(node, specification):
    labels = node['metadata']['labels']
    wanted = specification.get('nodeSelector') or {}
    if not all(labels.get(name) == value for name, value in wanted.items()):
        return False
    tolerations = specification.get('tolerations') or []
    for taint in node['spec'].get('taints', []):
        tolerated = any((item.get('operator') == 'Exists' and item.get('key') in (None, taint['key'])) or (item.get('key') == taint['key'] and item.get('value', '') == taint.get('value', '')) for item in tolerations)
        if taint['effect'] != 'PreferNoSchedule' and not tolerated:
            return False
    return True


def _wanted(owner, nodes, ready):
    """Pod name → node of what an owner should have."""
    name, template = owner['metadata']['name'], owner['spec']['template']['spec']
    fitting = sorted(node['metadata']['name'] for node in nodes if _fits(node, template))
    if owner['kind'] == 'DaemonSet':
        return {f'{name}-{_short(owner["metadata"]["uid"] + node, 5)}': node for node in fitting}
    schedulable = [node['metadata']['name'] for node in nodes if not node['spec'].get('unschedulable')]
    able = [node for node in fitting if node in ready and node in schedulable]
    count = owner['spec'].get('replicas', 1) if able else 0
    stem = f'{name}-{_short(owner["metadata"]["uid"], 9)}'
    return {f'{stem}-{_short(f"{stem}{index}", 5)}': able[index % len(able)] for index in range(count)}


def reconcile(store):
    """Makes the pods that are missing and removes those that nobody wants. Safe to run on several servers."""
    nodes = store.list('/nodes/')
    ages = store.ages()
    names = {node['metadata']['name'] for node in nodes}
    ready = {name for name in names if ages.get(name, 10**9) < settings.NOT_READY_SECONDS}
    pods = store.list('/pods/')
    for owner in [*store.list('/daemonsets/'), *store.list('/deployments/')]:
        mine = {pod['metadata']['name'] for pod in pods if owned_by(pod, owner) and pod['spec']['nodeName'] in names}
        wanted = _wanted(owner, nodes, ready)
        if owner['kind'] == 'Deployment' and len(mine) == len(wanted):
            continue
        for name, node in wanted.items():
            if name in mine or (owner['kind'] == 'Deployment' and len(mine) >= len(wanted)):
                continue
            try:
                store.create(objects.key('pods', owner['metadata']['namespace'], name), _pod(owner, name, node))
            except Conflict:
                pass
    uids = {owner['metadata']['uid'] for owner in [*store.list('/daemonsets/'), *store.list('/deployments/')]}
    for pod in pods:
        owners = {reference['uid'] for reference in pod['metadata'].get('ownerReferences', [])}
        homeless = pod['spec'].get('nodeName') not in names and pod['spec'].get('nodeName')
        if homeless or (owners and not owners & uids):
            remove_pod(store, pod)
        elif not pod['spec'].get('nodeName') and ready:
            store.put(objects.key('pods', pod['metadata']['namespace'], pod['metadata']['name']), {**pod, 'spec': {**pod['spec'], 'nodeName': sorted(ready)[0]}})
    services.reconcile(store, store.list('/pods/'))


def remove_pod(store, pod):
    namespace, name = pod['metadata']['namespace'], pod['metadata']['name']
    store.delete(objects.key('pods', namespace, name))
    store.delete(f'/logs/{namespace}/{name}')


def owned_by(pod, owner):
    return any(reference['uid'] == owner['metadata']['uid'] for reference in pod['metadata'].get('ownerReferences', []))


def with_status(store, owner, nodes=None):
    """A daemon set or deployment with its counted status."""
    pods = [pod for pod in store.list('/pods/') if owned_by(pod, owner)]
    ready = sum(1 for pod in pods if any(state['ready'] for state in pod.get('status', {}).get('containerStatuses', [])))
    if owner['kind'] == 'DaemonSet':
        wanted = len(_wanted(owner, nodes if nodes is not None else store.list('/nodes/'), set()))
        status = {'desiredNumberScheduled': wanted, 'currentNumberScheduled': len(pods), 'updatedNumberScheduled': len(pods), 'numberReady': ready, 'numberAvailable': ready, 'numberMisscheduled': 0}
    else:
        status = {'replicas': owner['spec'].get('replicas', 1), 'updatedReplicas': len(pods), 'readyReplicas': ready, 'availableReplicas': ready}
    return {**owner, 'status': {**status, 'observedGeneration': 1}}


def _withdraw(store, name):
    """Takes a server that is gone out of the endpoints of the `kubernetes` service."""
    key = objects.key('endpoints', 'default', 'kubernetes')
    held = store.get(key)
    if held:
        subsets = [{**subset, 'addresses': [entry for entry in subset['addresses'] if entry['nodeName'] != name]} for subset in held['subsets']]
        store.put(key, {**held, 'subsets': [subset for subset in subsets if subset['addresses']]}, held['metadata']['resourceVersion'])


def remove_dependants(store, resource, item):
    """What goes when an object goes: pods of an owner, all of a namespace, the password and membership of a node."""
    name = item['metadata']['name']
    if resource.plural in ('daemonsets', 'deployments'):
        for pod in store.list('/pods/'):
            if owned_by(pod, item):
                remove_pod(store, pod)
    elif resource.plural == 'namespaces':
        for other in objects.RESOURCES:
            if other.namespaced:
                for thing in store.list(f'/{other.plural}/{name}/'):
                    store.delete(objects.key(other.plural, name, thing['metadata']['name']))
    elif resource.plural == 'services':
        store.delete(objects.key('endpoints', item['metadata']['namespace'], name))
    elif resource.plural == 'nodes':
        store.delete(objects.key('secrets', 'kube-system', f'{name}.node-password.k3s'))
        _withdraw(store, name)
        if item['metadata']['labels'].get('node-role.kubernetes.io/etcd'):
            store.leave(name)
            log.info(f'Removing etcd member {name} from cluster due to node delete')
