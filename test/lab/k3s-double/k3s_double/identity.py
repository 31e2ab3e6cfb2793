"""Who this node is: name, addresses, password, and what it tells the cluster about itself."""

import json
import os
import platform
import secrets
import socket
from dataclasses import dataclass

from . import addresses, flags, log, settings
from .log import Fatal


@dataclass(frozen=True)
class Identity:
    name: str
    internals: tuple
    externals: tuple

    @property
    def internal(self):
        return self.internals[0]

    @property
    def external(self):
        return self.externals[0] if self.externals else None


def _kept(name, length):
    path = settings.at(f'{settings.NODE_DIRECTORY}/{name}')
    held = settings.read(path)
    if not held:
        held = secrets.token_hex(length)
        settings.write(path, held)
    return held.strip()


def password():
    """The node's password: made once, kept even when K3s is uninstalled."""
    value = _kept('password', 16)
    log.hide(value)
    return value


def node_identity(configuration):
    """Name and addresses by the flags, else the host name and the address of the default route."""
    name = (configuration.get('node-name') or socket.gethostname()).lower()
    if name.split('.')[0] in ('', 'localhost'):
        raise Fatal(f'the host name "{name}" cannot be a node name: set --node-name')
    if configuration.get('with-node-id'):
        name = f'{name}-{_kept("id", 4)}'
    internals = configuration.list('node-ip')
    if not internals and configuration.get('flannel-iface'):
        internals = [addresses.of_interface(configuration.get('flannel-iface'))]
    if not internals:
        found = addresses.default()
        if found is None:
            raise Fatal('no default routes found in "/proc/net/route" or "/proc/net/ipv6_route": set --node-ip')
        internals = [found]
    return Identity(name, tuple(internals), tuple(configuration.list('node-external-ip')))


def _release():
    text = settings.read('/etc/os-release') or ''
    fields = dict(line.split('=', 1) for line in text.splitlines() if '=' in line)
    return fields.get('PRETTY_NAME', 'Linux').strip('"')


def architecture():
    return {'x86_64': 'amd64', 'aarch64': 'arm64', 'armv7l': 'arm'}.get(platform.machine(), platform.machine())


def node_info():
    machine_id = (settings.read('/etc/machine-id') or '').strip()
    boot_id = (settings.read('/proc/sys/kernel/random/boot_id') or '').strip()
    return {
        'architecture': architecture(),
        'bootID': boot_id,
        'machineID': machine_id,
        'systemUUID': machine_id,
        'containerRuntimeVersion': 'k3s-double://namespaces',
        'kernelVersion': platform.release(),
        'kubeProxyVersion': '',
        'kubeletVersion': settings.version(),
        'operatingSystem': 'linux',
        'osImage': _release(),
    }


def capacity():
    memory = next((line.split()[1] for line in (settings.read('/proc/meminfo') or '').splitlines() if line.startswith('MemTotal')), '0')
    return {'cpu': str(os.cpu_count() or 1), 'memory': f'{memory}Ki', 'pods': '110'}


def _arguments(configuration):
    out = [configuration.role]
    for name, value in configuration.values.items():
        for item in value if isinstance(value, list) else [value]:
            text = str(item).lower() if isinstance(item, bool) else str(item)
            out += [f'--{name}', '********' if name in flags.SECRET else text]
    return out


def annotations(configuration, identity):
    out = {
        'k3s.io/hostname': identity.name,
        'k3s.io/internal-ip': ','.join(identity.internals),
        'k3s.io/node-args': json.dumps(_arguments(configuration)),
        'k3s.io/node-env': '{}',
    }
    if identity.externals:
        out['k3s.io/external-ip'] = ','.join(identity.externals)
    return out


def labels(configuration, identity, roles):
    """All labels, and the names of those that count at the first registration only."""
    given = dict(label.split('=', 1) for label in configuration.list('node-label'))
    machine = architecture()
    fixed = {
        'beta.kubernetes.io/arch': machine,
        'beta.kubernetes.io/instance-type': 'k3s',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': machine,
        'kubernetes.io/hostname': identity.name,
        'kubernetes.io/os': 'linux',
        'node.kubernetes.io/instance-type': 'k3s',
        **{f'node-role.kubernetes.io/{role}': 'true' for role in roles},
    }
    return {**given, **fixed}, sorted(given)


def taints(configuration):
    out = []
    for text in configuration.list('node-taint'):
        pair, _, effect = text.rpartition(':')
        key, _, value = pair.partition('=')
        out.append({'key': key, 'effect': effect, **({'value': value} if value else {})})
    return out


def address_entries(identity):
    """(type, address) in the order that the cloud controller of K3s writes them."""
    internal = [('InternalIP', address) for address in identity.internals]
    external = [('ExternalIP', address) for address in identity.externals]
    return [*internal, *external, ('Hostname', identity.name)]
