"""A userspace stand-in for WireGuard: a TUN interface over one UDP port. Authenticated by the cluster's secret, NOT encrypted.

It keeps what matters to a mesh: a handshake needs an answer before data flows, endpoints roam to where authentic
packets come from, a peer may send only from its own pod network, and the overhead is that of WireGuard (32 bytes).
"""

import fcntl
import hashlib
import hmac
import ipaddress
import os
import socket
import struct
import threading
import time

from . import addresses, host
from .host import CommandFailed

_MAGIC = b'K3SD'
_INITIATION, _RESPONSE, _DATA = 1, 2, 4
_SIZES = {_INITIATION: 148, _RESPONSE: 92}
_HEADER = struct.Struct('!4sB3x8sQ8s')
_SHAKE = struct.Struct('!4sB3x8s8sQ32s')
_REKEY_SECONDS, _REJECT_SECONDS, _RETRY_SECONDS, _KEEPALIVE_SECONDS = 120, 180, 5, 25
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def _identifier(public_key):
    return hashlib.sha256(public_key.encode()).digest()[:8]


class _Peer:
    def __init__(self, given):
        self.given = given
        self.endpoint = (given['address'], given['port'])
        self.networks = [ipaddress.ip_network(cidr) for cidr in given['cidrs']]
        self.shaken = 0.0
        self.pending = None
        self.tried = 0.0
        self.sent_at = 0.0
        self.received = self.sent = 0


class Tunnel:
    """Carries packets between this node's TUN interface and its peers."""

    def __init__(self, name, port, mtu, pod_cidr, cluster_cidr, public_key, secret):
        self._me = _identifier(public_key)
        self._secret = hashlib.sha256(f'tunnel {secret}'.encode()).digest()
        self._peers = {}
        self._counter = time.time_ns()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(('0.0.0.0', port))
        except OSError as error:
            raise CommandFailed(f'listen udp 0.0.0.0:{port}: bind: {error.strerror.lower()}') from error
        self._open(name)
        host.run('ip', 'address', 'replace', f'{addresses.network(pod_cidr)[0]}/32', 'dev', name)
        host.run('ip', 'link', 'set', name, 'mtu', str(mtu), 'up')
        host.run('ip', 'route', 'replace', cluster_cidr, 'dev', name)
        for work in (self._from_interface, self._from_network, self._tick):
            threading.Thread(target=work, daemon=True).start()

    def _open(self, name):
        host.attempt('ip', 'link', 'delete', name)
        try:
            self._tun = os.open('/dev/net/tun', os.O_RDWR)
            fcntl.ioctl(self._tun, _TUNSETIFF, struct.pack('16sH', name.encode(), _IFF_TUN | _IFF_NO_PI))
        except OSError as error:
            raise CommandFailed(f'could not create TUN interface {name}: {error.strerror.lower()}') from error

    def set_peers(self, peers):
        kept = {}
        for given in peers:
            identifier = _identifier(given['publicKey'])
            held = self._peers.get(identifier)
            kept[identifier] = held if held and held.given == given else _Peer(given)
        self._peers = kept

    def peers(self):
        return [
            {'name': peer.given['name'], 'publicKey': peer.given['publicKey'], 'endpoint': f'{peer.endpoint[0]}:{peer.endpoint[1]}', 'allowedIps': peer.given['cidrs'], 'latestHandshake': int(peer.shaken), 'receivedBytes': peer.received, 'sentBytes': peer.sent}
            for peer in self._peers.values()
        ]

    def _tag(self, *parts, size=8):
        return hashlib.blake2s(b''.join(parts), key=self._secret, digest_size=size).digest()

    def _send(self, peer, packet):
        try:
            self._socket.sendto(packet, peer.endpoint)
        except OSError:
            # No route just now, or an ICMP error for an earlier packet: WireGuard drops it as well.
            return
        peer.sent_at = time.monotonic()
        peer.sent += len(packet)

    def _send_shake(self, kind, peer, identifier, number):
        head = struct.pack('!4sB3x8s8sQ', _MAGIC, kind, self._me, identifier, number)
        self._send(peer, (head + self._tag(head, size=32)).ljust(_SIZES[kind], b'\0'))

    def _send_data(self, peer, payload):
        self._counter += 1
        head = struct.pack('!4sB3x8sQ', _MAGIC, _DATA, self._me, self._counter)
        self._send(peer, head + self._tag(head, payload) + payload)

    def _initiate(self, identifier, peer):
        peer.tried = time.monotonic()
        self._send_shake(_INITIATION, peer, identifier, time.time_ns())

    def _for(self, address):
        for identifier, peer in self._peers.items():
            if any(network.version == address.version and address in network for network in peer.networks):
                return identifier, peer
        return None, None

    def _from_interface(self):
        while True:
            packet = os.read(self._tun, 65535)
            destination = _address(packet, destination=True)
            identifier, peer = self._for(destination) if destination else (None, None)
            if peer is None:
                continue
            if time.time() - peer.shaken < _REJECT_SECONDS:
                self._send_data(peer, packet)
            elif time.monotonic() - peer.tried >= _RETRY_SECONDS:
                self._initiate(identifier, peer)

    def _from_network(self):
        while True:
            try:
                packet, source = self._socket.recvfrom(65535)
            except OSError:
                continue
            if len(packet) < _HEADER.size or packet[:4] != _MAGIC:
                continue
            peer = self._peers.get(packet[8:16])
            if peer:
                self._receive(packet, source, packet[8:16], peer)

    def _receive(self, packet, source, identifier, peer):
        if packet[4] == _DATA:
            _, _, _, _, tag = _HEADER.unpack_from(packet)
            payload = packet[_HEADER.size :]
            if hmac.compare_digest(tag, self._tag(packet[: _HEADER.size - 8], payload)):
                self._data(peer, source, payload, len(packet))
            return
        if len(packet) < _SHAKE.size:
            return
        _, kind, _, target, number, tag = _SHAKE.unpack_from(packet)
        if target != self._me or not hmac.compare_digest(tag, self._tag(packet[: _SHAKE.size - 32], size=32)):
            return
        peer.endpoint = source
        peer.received += len(packet)
        if kind == _INITIATION:
            peer.pending = time.time()
            self._send_shake(_RESPONSE, peer, identifier, number)
        elif kind == _RESPONSE:
            peer.shaken = time.time()
            # Tells the other side that its answer arrived; only then does it count the handshake.
            self._send_data(peer, b'')

    def _data(self, peer, source, payload, length):
        if peer.pending:
            peer.shaken, peer.pending = peer.pending, None
        if not peer.shaken:
            return
        peer.endpoint = source
        peer.received += length
        origin = _address(payload, destination=False)
        if origin and any(network.version == origin.version and origin in network for network in peer.networks):
            try:
                os.write(self._tun, payload)
            except OSError:
                pass

    def _tick(self):
        while True:
            time.sleep(1)
            now = time.monotonic()
            for identifier, peer in list(self._peers.items()):
                stale = time.time() - peer.shaken >= _REKEY_SECONDS
                if stale and now - peer.tried >= _RETRY_SECONDS:
                    self._initiate(identifier, peer)
                elif not stale and now - peer.sent_at >= _KEEPALIVE_SECONDS:
                    self._send_data(peer, b'')


def _address(packet, destination):
    """The source or destination of an IP packet, or None."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        return ipaddress.ip_address(packet[16:20] if destination else packet[12:16])
    if version == 6 and len(packet) >= 40:
        return ipaddress.ip_address(packet[24:40] if destination else packet[8:24])
    return None
