"""The server's side of services: which pods are behind them, and what each node must know of them."""

from . import objects
from .store import Conflict


def _behind(service, pods):
    """The addresses of the running pods that a service selects in its namespace."""
    selector = service['spec'].get('selector') or {}
    namespace = service['metadata']['namespace']
    fitting = [pod for pod in pods if pod['metadata']['namespace'] == namespace and all((pod['metadata'].get('labels') or {}).get(name) == value for name, value in selector.items())]
    running = [pod['status'] for pod in fitting if pod.get('status', {}).get('phase') == 'Running']
    return sorted(status['podIP'] for status in running if status.get('podIP'))


def _ports(service):
    # A name as targetPort would need the container's ports; the double takes the service's own port then.
    return [{'name': port.get('name', ''), 'port': port['targetPort'] if isinstance(port.get('targetPort'), int) else port['port'], 'protocol': port.get('protocol', 'TCP')} for port in service['spec'].get('ports', [])]


def _endpoints(store):
    return {(item['metadata']['namespace'], item['metadata']['name']): item for item in store.list('/endpoints/')}


def reconcile(store, pods):
    """Writes the endpoints of every service with a selector. Safe to run on several servers."""
    known = _endpoints(store)
    for service in store.list('/services/'):
        if not service['spec'].get('selector'):
            continue
        namespace, name = service['metadata']['namespace'], service['metadata']['name']
        found = _behind(service, pods)
        subsets = [{'addresses': [{'ip': address} for address in found], 'ports': _ports(service)}] if found else []
        key = objects.key('endpoints', namespace, name)
        held = known.get((namespace, name))
        try:
            if held is None:
                store.create(key, objects.new('Endpoints', name, namespace, subsets=subsets))
            elif held['subsets'] != subsets:
                store.put(key, {**held, 'subsets': subsets}, held['metadata']['resourceVersion'])
        except Conflict:
            pass


def view(store):
    """Every service with an address, and for each of its ports where its packets go to."""
    out, known = [], _endpoints(store)
    for service in store.list('/services/'):
        metadata, address = service['metadata'], service['spec'].get('clusterIP')
        if address in (None, '', 'None'):
            continue
        subsets = known.get((metadata['namespace'], metadata['name']), {}).get('subsets', [])
        ports = []
        for port in service['spec'].get('ports', []):
            protocol, label = port.get('protocol', 'TCP'), port.get('name', '')
            ports.append({
                'port': port['port'],
                'protocol': protocol.lower(),
                'targets': [[entry['ip'], target['port']] for subset in subsets for target in subset['ports'] if (target.get('name', ''), target['protocol']) == (label, protocol) for entry in subset['addresses']],
            })
        out.append({'namespace': metadata['namespace'], 'name': metadata['name'], 'address': address, 'ports': ports})
    return out
