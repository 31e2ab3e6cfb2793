"""Reaches the kubelets of the nodes from this server, over the real network and on their preferred addresses."""

import concurrent.futures
import json

from . import log, web


class Kubelets:
    """With flannel-external-ip the ExternalIP is preferred, as K3s tells its API server and metrics-server."""

    def __init__(self, context, external_first):
        self._context = context
        order = ('ExternalIP', 'InternalIP', 'Hostname') if external_first else ('InternalIP', 'ExternalIP', 'Hostname')
        self._order = order

    def address(self, node):
        found = {entry['type']: entry['address'] for entry in reversed(node['status']['addresses'])}
        return next((found[kind] for kind in self._order if kind in found), None)

    def get(self, node, path, timeout=3):
        """The body of a kubelet's answer. Raises OSError with words when it cannot be reached."""
        host = self.address(node)
        port = node['status']['daemonEndpoints']['kubeletEndpoint']['Port']
        try:
            status, body = web.request(f'https://{f"[{host}]" if ":" in host else host}:{port}{path}', self._context, timeout=timeout)
        except web.Unreachable as error:
            raise OSError(str(error)) from error
        if status != 200:
            raise OSError(f'kubelet of {node["metadata"]["name"]} answered {status}')
        return body

    def _one(self, node):
        try:
            usage = json.loads(self.get(node, '/double/usage'))
        except (OSError, ValueError) as error:
            log.error(f'Failed to scrape node: {error} node={node["metadata"]["name"]}')
            return None
        metadata = {'name': node['metadata']['name'], 'creationTimestamp': log.now()}
        return {'kind': 'NodeMetrics', 'apiVersion': 'metrics.k8s.io/v1beta1', 'metadata': metadata, 'timestamp': log.now(), 'window': '10s', 'usage': usage}

    def metrics(self, nodes):
        """One NodeMetrics a node, None for a node that cannot be reached."""
        if not nodes:
            return []
        with concurrent.futures.ThreadPoolExecutor(max_workers=min(len(nodes), 16)) as pool:
            return list(pool.map(self._one, nodes))


def usage():
    """What a kubelet says of its own host: nanocores and kibibytes, as Kubernetes writes quantities."""
    load = open('/proc/loadavg', encoding='ascii').read().split()[0]
    memory = dict(line.split(':', 1) for line in open('/proc/meminfo', encoding='ascii').read().splitlines())
    free, total = (int(memory[name].split()[0]) for name in ('MemAvailable', 'MemTotal'))
    return {'cpu': f'{int(float(load) * 10**9)}n', 'memory': f'{total - free}Ki'}
