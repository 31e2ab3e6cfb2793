"""The objects that every K3s cluster starts with, and the values that all servers must agree on."""

import hashlib

from . import addresses, flags, objects
from .store import Conflict


def critical(configuration):
    """The values that must be the same on all servers; a secret only as its hash."""
    out = {name: configuration.get(name) for name in flags.CRITICAL}
    agent_token = configuration.get('agent-token')
    out['agent-token'] = hashlib.sha256(agent_token.encode()).hexdigest() if agent_token else ''
    out['disable=servicelb'] = 'servicelb' in configuration.list('disable')
    for name, value in out.items():
        if value is None:
            out[name] = False
    return out


def mismatch(mine, theirs):
    """The names of the critical values that differ."""
    return sorted(name for name in mine if mine[name] != theirs.get(name))


def _workload(kind, name, image, replicas, label):
    labels = {'k8s-app': label}
    template = {'metadata': {'labels': labels}, 'spec': {'containers': [{'name': name, 'image': image}], 'tolerations': [{'key': 'node-role.kubernetes.io/control-plane', 'operator': 'Exists', 'effect': 'NoSchedule'}]}}
    return objects.new(kind, name, 'kube-system', 'apps/v1', spec={'replicas': replicas, 'selector': {'matchLabels': labels}, 'template': template})


def dns_address(configuration):
    """The address of the cluster's DNS service."""
    return configuration.first('cluster-dns') or str(addresses.network(configuration.first('service-cidr'))[10])


def _dns_service(address):
    ports = [{'name': name, 'port': 53, 'protocol': protocol, 'targetPort': 53} for name, protocol in (('dns', 'UDP'), ('dns-tcp', 'TCP'))]
    return objects.new('Service', 'kube-dns', 'kube-system', spec={'clusterIP': address, 'ports': ports, 'selector': {'k8s-app': 'kube-dns'}, 'type': 'ClusterIP'})


def _create(store, plural, item):
    try:
        store.create(objects.key(plural, item['metadata'].get('namespace'), item['metadata']['name']), item)
    except Conflict:
        pass


def prepare(store, configuration, port):
    """Namespaces, the `kubernetes` service, and the packaged components that are not disabled."""
    for name in ('default', 'kube-system', 'kube-public', 'kube-node-lease'):
        _create(store, 'namespaces', objects.new('Namespace', name, status={'phase': 'Active'}))
    service = addresses.network(configuration.first('service-cidr'))
    ports = [{'name': 'https', 'port': 443, 'protocol': 'TCP', 'targetPort': port}]
    _create(store, 'services', objects.new('Service', 'kubernetes', 'default', spec={'clusterIP': str(service[1]), 'ports': ports, 'type': 'ClusterIP'}))
    disabled = ','.join(configuration.list('disable')).split(',')
    for name, image, label in (('coredns', 'rancher/mirrored-coredns-coredns:1.12.3', 'kube-dns'), ('metrics-server', 'rancher/mirrored-metrics-server:v0.8.1', 'metrics-server')):
        if name in disabled:
            store.delete(objects.key('deployments', 'kube-system', name))
        else:
            _create(store, 'deployments', _workload('Deployment', name, image, 1, label))
    if 'coredns' in disabled:
        store.delete(objects.key('services', 'kube-system', 'kube-dns'))
        store.delete(objects.key('endpoints', 'kube-system', 'kube-dns'))
    else:
        _create(store, 'services', _dns_service(dns_address(configuration)))


def advertise(store, name, address, port):
    """Puts this server's advertise address into the endpoints of the `kubernetes` service."""
    key = objects.key('endpoints', 'default', 'kubernetes')
    for _ in range(20):
        held = store.get(key)
        item = held or objects.new('Endpoints', 'kubernetes', 'default', subsets=[])
        known = {entry['ip']: entry for subset in item['subsets'] for entry in subset['addresses'] if entry['nodeName'] != name}
        known[address] = {'ip': address, 'nodeName': name}
        item['subsets'] = [{'addresses': [known[ip] for ip in sorted(known)], 'ports': [{'name': 'https', 'port': port, 'protocol': 'TCP'}]}]
        try:
            store.put(key, item, held['metadata']['resourceVersion']) if held else store.create(key, item)
            return
        except Conflict:
            continue


def apiservers(store):
    """host:port of every advertised API server."""
    item = store.get(objects.key('endpoints', 'default', 'kubernetes')) or {'subsets': []}
    return [f'{entry["ip"]}:{subset["ports"][0]["port"]}' for subset in item['subsets'] for entry in subset['addresses']]
