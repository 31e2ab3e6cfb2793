"""flannel-wg as a WireGuard interface of the kernel, set up with ip(8) and wg(8)."""

from . import addresses, host
from .host import CommandFailed

_PROBE = 'k3sdoubleprobe'


class WireGuard:
    """Recreates the interface; peers come with set_peers."""

    _supported = None

    @classmethod
    def supported(cls):
        """Whether this kernel can make such an interface and wg(8) is there."""
        if cls._supported is None:
            host.attempt('modprobe', 'wireguard')
            made = host.attempt('ip', 'link', 'add', _PROBE, 'type', 'wireguard')
            host.attempt('ip', 'link', 'delete', _PROBE)
            cls._supported = made and host.attempt('wg', '--version')
        return cls._supported

    def __init__(self, name, port, mtu, pod_cidr, cluster_cidr, key_file):
        self._name = name
        self._held = {}
        host.attempt('ip', 'link', 'delete', name)
        host.run('ip', 'link', 'add', name, 'type', 'wireguard')
        host.run('wg', 'set', name, 'listen-port', str(port), 'private-key', key_file)
        host.run('ip', 'address', 'add', f'{addresses.network(pod_cidr)[0]}/32', 'dev', name)
        host.run('ip', 'link', 'set', name, 'mtu', str(mtu), 'up')
        host.run('ip', 'route', 'replace', cluster_cidr, 'dev', name)
        self.public_key = host.run('wg', 'show', name, 'public-key').strip()

    def set_peers(self, peers):
        wanted = {peer['publicKey']: peer for peer in peers}
        for key in set(self._held) - set(wanted):
            host.run('wg', 'set', self._name, 'peer', key, 'remove')
        for key, peer in wanted.items():
            if self._held.get(key) == peer:
                continue
            endpoint = f'[{peer["address"]}]:{peer["port"]}' if ':' in peer['address'] else f'{peer["address"]}:{peer["port"]}'
            host.run('wg', 'set', self._name, 'peer', key, 'endpoint', endpoint, 'persistent-keepalive', '25', 'allowed-ips', ','.join(peer['cidrs']))
        self._held = wanted

    def _column(self, what):
        try:
            lines = host.run('wg', 'show', self._name, what).splitlines()
        except CommandFailed:
            return {}
        return {line.split('\t')[0]: line.split('\t')[1:] for line in lines}

    def peers(self):
        shakes, endpoints, bytes_ = self._column('latest-handshakes'), self._column('endpoints'), self._column('transfer')
        return [
            {'name': peer['name'], 'publicKey': key, 'endpoint': (endpoints.get(key) or ['(none)'])[0], 'allowedIps': peer['cidrs'], 'latestHandshake': int((shakes.get(key) or ['0'])[0]), 'receivedBytes': int((bytes_.get(key) or ['0', '0'])[0]), 'sentBytes': int((bytes_.get(key) or ['0', '0'])[1])}
            for key, peer in self._held.items()
        ]
