"""Flannel's part: the interface that carries pod traffic to the other nodes, and its annotations.

wireguard-native is real WireGuard where the kernel has it. Elsewhere, and for vxlan always, packets go through a
TUN interface of the same name and one UDP port, authenticated and NOT encrypted (tunnel.py).
"""

import base64
import hashlib
import json
import os
from dataclasses import dataclass

from . import addresses, host, log, refusals, settings, vpn
from .host import CommandFailed
from .log import Fatal
from .nodes import FLANNEL
from .tunnel import Tunnel
from .wireguard import WireGuard

_HANDSHAKES_FILE = 'handshakes.json'


@dataclass(frozen=True)
class _Backend:
    annotation: str
    interface: str
    port: int
    overhead: int


_BACKENDS = {
    'wireguard-native': _Backend('wireguard', 'flannel-wg', 51820, 80),
    'vxlan': _Backend('vxlan', 'flannel.1', 8472, 50),
    vpn.PROVIDER: _Backend('extension', vpn.INTERFACE, 0, 0),
}


class Mesh:
    """One node's flannel."""

    def __init__(self, configuration, identity, cluster):
        self._cluster = cluster
        self._external = bool(cluster['flannel-external-ip']) and identity.external
        self._backend = _BACKENDS.get(cluster['flannel-backend'])
        conf = (refusals.flannel_conf(configuration) or {}).get('Backend', {})
        # The far side sends to the interface that flannel was given, whatever the node's address is.
        self._inner = addresses.of_interface(configuration.get('flannel-iface')) if configuration.get('flannel-iface') else identity.internal
        outer = conf.get('MTU') or addresses.mtu_of(self._inner)
        self.mtu = outer - (self._backend.overhead if self._backend else 0)
        self._port = conf.get('ListenPort') or (self._backend.port if self._backend else 0)
        self._link = None
        self._key = None

    def start(self, cidrs):
        """Creates the interface. Without root (or with networking off) only the annotations are made."""
        self._write_net_conf()
        if self._backend is None:
            log.warning(f'the double plays no mesh for flannel-backend {self._cluster["flannel-backend"]}: pods of different nodes do not reach each other')
            return
        if self._backend.annotation == 'extension':
            self._start_extension(cidrs)
            return
        self._key = self._private_key()
        if not settings.NETWORK:
            log.warning('networking is off: there is no mesh interface, only its annotations')
            return
        arguments = (self._backend.interface, self._port, self.mtu, cidrs[0], self._cluster['cluster-cidr'][0])
        wanted = self._backend.annotation == 'wireguard'
        try:
            if wanted and WireGuard.supported():
                self._link = WireGuard(*arguments, self._key_file())
                log.info(f'{self._backend.interface} is a WireGuard interface of the kernel, UDP {self._port}, MTU {self.mtu}')
            else:
                # Peers know each other by what the annotations say of them.
                name = self.public_key() if wanted else self._mac()
                self._link = Tunnel(*arguments, name, self._cluster['mesh-secret'])
                reason = 'this kernel has no WireGuard, which would be the end of a real K3s: ' if wanted else ''
                log.warning(f'{reason}{self._backend.interface} is played by a TUN interface: packets go over UDP {self._port}, authenticated but NOT encrypted, MTU {self.mtu}')
        except CommandFailed as error:
            raise Fatal(f'flannel exited: failed to register flannel network: {error}') from error
        self._accept_forwarding()

    def _start_extension(self, cidrs):
        try:
            vpn.announce(cidrs)
        except (CommandFailed, ValueError) as error:
            raise Fatal(f'flannel exited: failed to register flannel network: {error}') from error
        if settings.NETWORK:
            self._accept_forwarding()

    def _write_net_conf(self):
        backend = {'Type': self._backend.annotation if self._backend else self._cluster['flannel-backend']}
        if self._backend and self._backend.annotation == 'wireguard':
            backend['PersistentKeepaliveInterval'] = 25
        content = {'Network': self._cluster['cluster-cidr'][0], 'EnableIPv6': False, 'EnableIPv4': True, 'Backend': backend}
        settings.write(settings.at(f'{settings.DATA_DIRECTORY}/agent/etc/flannel/net-conf.json'), json.dumps(content))

    def _accept_forwarding(self):
        """As flannel does: packets of the pod networks may be forwarded."""
        host.sysctl('net.ipv4.ip_forward', '1')
        for cidr in self._cluster['cluster-cidr']:
            program = 'ip6tables' if ':' in cidr else 'iptables'
            host.attempt(program, '-N', 'FLANNEL-FWD')
            host.attempt(program, '-F', 'FLANNEL-FWD')
            for side in ('-s', '-d'):
                host.attempt(program, '-A', 'FLANNEL-FWD', side, cidr, '-m', 'comment', '--comment', 'flanneld forward', '-j', 'ACCEPT')
            if not host.attempt(program, '-C', 'FORWARD', '-m', 'comment', '--comment', 'flanneld forward', '-j', 'FLANNEL-FWD'):
                host.attempt(program, '-A', 'FORWARD', '-m', 'comment', '--comment', 'flanneld forward', '-j', 'FLANNEL-FWD')

    def _key_file(self):
        return settings.at(f'{settings.FLANNEL_RUN_DIRECTORY}/wgkey')

    def _private_key(self):
        """Kept on a tmpfs, so a reboot makes a new one."""
        held = settings.read(self._key_file())
        if not held:
            if settings.NETWORK and WireGuard.supported():
                held = host.run('wg', 'genkey').strip()
            else:
                held = base64.b64encode(os.urandom(32)).decode()
            settings.write(self._key_file(), held + '\n', 0o400)
        return held.strip()

    def public_key(self):
        if self._link and isinstance(self._link, WireGuard):
            return self._link.public_key
        return base64.b64encode(hashlib.sha256(self._key.encode()).digest()).decode()

    def overwrite_annotation(self):
        return {f'{FLANNEL}/public-ip-overwrite': self._external} if self._external else {}

    def annotations(self, overwrite):
        """`overwrite` is the annotation that the Node carries, perhaps from an earlier start."""
        if self._backend is None:
            return {}
        data = self._backend_data()
        return {
            f'{FLANNEL}/backend-type': self._backend.annotation,
            f'{FLANNEL}/backend-data': json.dumps(data, separators=(',', ':')),
            f'{FLANNEL}/kube-subnet-manager': 'true',
            f'{FLANNEL}/public-ip': overwrite or self._inner,
        }

    def _backend_data(self):
        if self._backend.annotation == 'extension':
            return None
        return {'PublicKey': self.public_key(), 'Port': self._port} if self._backend.annotation == 'wireguard' else {'VNI': 1, 'VtepMAC': self._mac()}

    def _mac(self):
        digest = hashlib.sha256(self._key.encode()).hexdigest()
        return ':'.join(['02', *(digest[index : index + 2] for index in range(0, 10, 2))])

    def set_peers(self, peers):
        """Takes the nodes as the API knows them; a peer whose key or address changed starts afresh."""
        if self._link:
            self._link.set_peers([{**peer, 'port': peer['port'] or self._port} for peer in peers])
            self._record()

    def handshakes(self):
        """Seconds since the epoch of the last handshake with each node, 0 for never."""
        return {peer['name']: peer['latestHandshake'] for peer in self._link.peers()} if self._link else {}

    def _record(self):
        content = {'interface': self._backend.interface, 'userspace': isinstance(self._link, Tunnel), 'publicKey': self.public_key(), 'listenPort': self._port, 'mtu': self.mtu, 'peers': self._link.peers()}
        settings.write(settings.at(f'{settings.RUN_DIRECTORY}/{_HANDSHAKES_FILE}'), json.dumps(content, indent=2) + '\n', 0o644)
