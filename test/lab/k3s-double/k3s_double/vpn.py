"""vpn-auth: the Tailscale integration of K3s, played with the `tailscale` program of the host.

Source: pkg/vpn/vpn.go of K3s. Before anything else the node is logged in, unless it is; its addresses become those of
the node, and flannel leaves pod traffic to the routes that the node announces.
"""

import dataclasses
import ipaddress
import json

from . import addresses, host, log, settings
from .host import CommandFailed
from .log import Fatal

PROVIDER = 'tailscale'
INTERFACE = 'tailscale0'
_KEYS = ('name', 'joinKey', 'controlServerURL')

# First patch of each minor version that leaves a node alone that is logged in, and keeps the routes it announces.
_KEEPS_LOGIN = {31: 15, 32: 11, 33: 7, 34: 3}


@dataclasses.dataclass(frozen=True)
class Auth:
    join_key: str
    control_server: str
    extra: tuple


@dataclasses.dataclass(frozen=True)
class Vpn:
    """A node that is logged in. `private` is the address it would have without."""

    addresses: tuple
    private: str

    def etcd_address(self):
        """The local address, but for the versions whose embedded etcd moved to the tailnet (k3s #14515)."""
        if (1, 35, 5) <= _version() <= (1, 36, 3):
            return self.addresses[0]
        log.warning('Etcd IP (PrivateIP) remains the local IP. Running etcd traffic over VPN is not recommended due to performance issues')
        return self.private


def _version():
    return tuple(int(part) for part in settings.version().lstrip('v').split('+')[0].split('-')[0].split('.'))


def _keeps_login():
    _, minor, patch = _version()
    return minor > max(_KEEPS_LOGIN) or patch >= _KEEPS_LOGIN.get(minor, 10**9)


def text(configuration):
    """The authentication as it was given, or '' without any."""
    path = configuration.get('vpn-auth-file')
    return (settings.read(path) or '' if path else configuration.get('vpn-auth') or '').strip()


def _values(given):
    """The keys with their values; what the real k3s would cut off is refused."""
    head, _, extra = given.partition(',extraArgs=')
    out = {}
    for pair in head.split(','):
        key, equals, value = pair.partition('=')
        if key not in _KEYS:
            raise ValueError(f'VPN Error. The passed VPN auth info includes an unknown parameter: {key}')
        if not equals:
            raise ValueError(f'panic: runtime error: index out of range [1] with length 1 (vpn-auth: {key} has no value)')
        if '=' in value:
            raise ValueError(f'vpn-auth: the value of {key} has a "=": the real k3s uses only what stands before it, without a word, this double refuses')
        out[key] = value
    return out, extra


def parse(given):
    """The authentication. Raises ValueError with the words of K3s."""
    values, extra = _values(given)
    name = values.get('name', '')
    if name != PROVIDER:
        raise ValueError(f'Requested VPN: {name} is not supported. We currently only support tailscale')
    if not values.get('joinKey'):
        raise ValueError('VPN Error. Tailscale requires a JoinKey')
    return Auth(values['joinKey'], values.get('controlServerURL', ''), tuple(extra.split(',extraArgs=')[0].split()))


def problems(configuration):
    """Why the authentication can not be used; nothing without one."""
    given = text(configuration)
    if not given:
        return
    try:
        log.hide(parse(given).join_key)
    except ValueError as error:
        yield str(error)
    if configuration.get('flannel-external-ip'):
        yield '--flannel-external-ip with --vpn-auth: the mesh goes over Tailscale addresses (the real k3s takes one of the two, this double refuses)'
    if configuration.is_set('flannel-backend'):
        yield '--flannel-backend with --vpn-auth: flannel-backend is overridden by tailscale (the real k3s does so without a word, this double refuses)'


def _status():
    return json.loads(host.run('tailscale', 'status', '--json'))


def _login(auth):
    try:
        running = _status().get('BackendState') == 'Running'
    except (CommandFailed, ValueError):
        running = False
    if running and _keeps_login():
        log.info('Tailscale is already running, skipping tailscale up')
        return
    server = ('--login-server', auth.control_server) if auth.control_server else ()
    try:
        host.run('tailscale', 'up', '--authkey', auth.join_key, '--timeout=30s', '--reset', *server, *auth.extra)
    except CommandFailed as error:
        raise Fatal(f'tailscale up failed: {error}') from error


def start(configuration, identity):
    """Logs the node in where vpn-auth asks for it. Returns the Vpn or None, and the identity that follows from it."""
    given = text(configuration)
    if not given:
        return None, identity
    log.info(f'Starting VPN: {PROVIDER}')
    _login(parse(given))
    try:
        found = [ipaddress.ip_address(address) for address in _status().get('TailscaleIPs') or []]
    except (CommandFailed, ValueError) as error:
        raise Fatal(f'failed to run tailscale status --json: {error}') from error
    family = addresses.parse(identity.internal).version
    if not any(address.version == family for address in found):
        raise Fatal(f'address family mismatch when assigning VPN addresses to node: node={list(identity.internals)}, VPN {[str(address) for address in found]}')
    mine = tuple(str(address) for address in sorted(found, key=lambda address: address.version != family))
    log.info(f'Node-ip changed to {list(mine)} due to VPN')
    for name in ('node-ip', 'node-external-ip'):
        if configuration.list(name):
            log.warning(f'VPN provider overrides configured {name} parameter')
    if settings.NETWORK and addresses.of_interface(INTERFACE) is None:
        raise Fatal(f'unable to find vpn interface: {INTERFACE}')
    return Vpn(mine, identity.internal), dataclasses.replace(identity, internals=mine, externals=())


def announce(cidrs):
    """What the flannel of such a node runs after its start: announces the pod network, and takes the routes of others."""
    kept = []
    if len(cidrs) > 1 and not _keeps_login():
        # What such releases say (k3s #11572); which later one mends it is not known, so that the double takes the first that was worked on.
        raise ValueError('failed to run command: tailscale set --accept-routes --advertise-routes=$SUBNET,$IPV6SUBNET Err: exit status 1 Output: ::/0 advertised without its IPv4 counterpart, please also advertise 0.0.0.0/0')
    if _keeps_login():
        kept = json.loads(host.run('tailscale', 'debug', 'prefs')).get('AdvertiseRoutes') or []
    routes = ','.join(dict.fromkeys([*cidrs, *kept]))
    host.run('tailscale', 'set', '--accept-routes', f'--advertise-routes={routes}')
    log.info(f'Announced {routes} to the tailnet')
