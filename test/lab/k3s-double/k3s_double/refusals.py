"""Everything for which the double refuses to start. The real k3s only warns about some of it, or hangs."""

import json
import os
import re
import stat
import urllib.parse

from . import addresses, settings, vpn
from .log import Fatal

_DISABLE = ('coredns', 'servicelb', 'traefik', 'local-storage', 'metrics-server', 'runtimes')
_BACKENDS = ('none', 'vxlan', 'host-gw', 'wireguard-native')
_NAME = re.compile(r'[a-z0-9]([-a-z0-9.]*[a-z0-9])?')
_NOT_PLAYED = ('rootless', 'docker', 'cluster-reset', 'disable-agent', 'disable-apiserver', 'disable-etcd')
_DATASTORES = ('double', 'postgres', 'postgresql', 'mysql', 'http', 'https')


def check(configuration):
    """Raises Fatal with every reason that was found."""
    problems = []
    for part in (_pairs, _secret_files, _node, _labels, _flannel_files, vpn.problems, _not_played):
        problems.extend(part(configuration))
    role_part = _server if configuration.role == 'server' else _agent
    problems.extend(role_part(configuration))
    if problems:
        raise Fatal(*problems)


def _pairs(configuration):
    for one, other in (('token', 'token-file'), ('agent-token', 'agent-token-file'), ('vpn-auth', 'vpn-auth-file'), ('cluster-init', 'server'), ('cluster-init', 'datastore-endpoint'), ('server', 'datastore-endpoint')):
        if configuration.get(one) and configuration.get(other):
            yield f'--{one} and --{other} contradict each other'


def _secret_files(configuration):
    for name in ('token-file', 'agent-token-file', 'vpn-auth-file'):
        path = configuration.get(name)
        if not path:
            continue
        if not os.path.isfile(path):
            yield f'Timeout while trying to read the file {path} (--{name}; the real k3s waits 4 minutes for it)'
        elif stat.S_IMODE(os.stat(path).st_mode) & 0o077:
            yield f'{path} holds a secret and has mode {stat.S_IMODE(os.stat(path).st_mode):04o}: others can read it, 0600 is needed'
        elif not settings.read(path).strip():
            yield f'{path} (--{name}) is empty'


def _ip_list(configuration, name):
    for text in configuration.list(name):
        if addresses.parse(text) is None:
            yield f'--{name}: invalid IP address: {text}'


def _node(configuration):
    yield from _ip_list(configuration, 'node-ip')
    yield from _ip_list(configuration, 'node-external-ip')
    external = configuration.list('node-external-ip')
    for text in external:
        address = addresses.parse(text)
        if address and (address.is_unspecified or address.is_multicast):
            yield f'--node-external-ip: {text} is not an address that others can reach'
    for text in configuration.list('node-ip'):
        address = addresses.parse(text)
        if address and not addresses.is_local(address):
            hint = ': a public address that is not on an interface belongs into node-external-ip only' if text in external or address.is_global else ''
            yield f'failed to validate nodeIP: node IP: "{text}" not found in the host\'s network interfaces{hint}'
    name = configuration.get('node-name')
    if name and (len(name) > 253 or not _NAME.fullmatch(name)):
        yield f'--node-name: "{name}" is not a valid node name (RFC 1123: lower case letters, digits, "-" and ".")'
    if configuration.is_set('bind-address') and configuration.get('bind-address') not in ('', '0.0.0.0', '::'):
        yield f'--bind-address {configuration.get("bind-address")}: logs and exec fail in several versions of K3s when it is not 0.0.0.0'
    interface = configuration.get('flannel-iface')
    if interface and addresses.of_interface(interface) is None:
        yield f'unable to find interface {interface} (--flannel-iface), or it has no IPv4 address'
    resolver = configuration.get('resolv-conf')
    if resolver and not os.path.isfile(resolver):
        yield f'--resolv-conf: {resolver} does not exist'


def _labels(configuration):
    for label in configuration.list('node-label'):
        key, equals, _ = label.partition('=')
        if not equals or not key:
            yield f'--node-label: "{label}" is not key=value'
        elif key.split('/')[0].endswith('kubernetes.io') and not key.startswith('node.kubernetes.io/'):
            yield f'unknown \'kubernetes.io\' or \'k8s.io\' labels specified with --node-labels: [{key}]'
    for taint in configuration.list('node-taint'):
        if not re.fullmatch(r'[^=:\s]+(=[^=:\s]*)?:(NoSchedule|PreferNoSchedule|NoExecute)', taint):
            yield f'--node-taint: invalid taint spec: {taint}'


def flannel_conf(configuration):
    """The parsed flannel-conf, or None when the flag is not set."""
    path = configuration.get('flannel-conf')
    return json.loads(settings.read(path)) if path else None


def _flannel_files(configuration):
    for name in ('flannel-conf', 'flannel-cni-conf'):
        path = configuration.get(name)
        if not path:
            continue
        text = settings.read(path)
        if text is None:
            yield f'--{name}: open {path}: no such file or directory'
            continue
        try:
            content = json.loads(text)
        except ValueError as error:
            yield f'--{name}: {path} is not JSON: {error}'
            continue
        if name == 'flannel-conf':
            yield from _net_conf(path, content)


def _net_conf(path, content):
    backend = content.get('Backend') if isinstance(content, dict) else None
    if not isinstance(backend, dict) or not isinstance(backend.get('Type'), str):
        yield f'--flannel-conf: {path} has no Backend.Type'
        return
    if addresses.network(str(content.get('Network'))) is None:
        yield f'--flannel-conf: {path} has no valid Network'
    for key in ('MTU', 'ListenPort', 'PersistentKeepaliveInterval'):
        if key in backend and (not isinstance(backend[key], int) or isinstance(backend[key], bool)):
            yield f'--flannel-conf: {path}: Backend.{key} must be a whole number'


def _not_played(configuration):
    for name in _NOT_PLAYED:
        if configuration.get(name):
            yield f'--{name} is a flag of k3s that this double does not play'


def check_flannel(configuration, cluster):
    """What a node must bring when the cluster's flannel is like this. `cluster` is what the server says."""
    problems = []
    if cluster['flannel-external-ip'] and not configuration.list('node-external-ip'):
        problems.append('Server has flannel-external-ip flag set but this node does not set node-external-ip. Flannel will use internal address when connecting to this node. (the real k3s warns and goes on, this double refuses)')
    conf = flannel_conf(configuration)
    if conf:
        wanted = {'wireguard-native': 'wireguard'}.get(cluster['flannel-backend'], cluster['flannel-backend'])
        if conf['Backend']['Type'] != wanted:
            problems.append(f'--flannel-conf says Backend.Type {conf["Backend"]["Type"]}, the cluster uses {cluster["flannel-backend"]}')
        if conf['Network'] != cluster['cluster-cidr'][0]:
            problems.append(f'--flannel-conf says Network {conf["Network"]}, the cluster uses {cluster["cluster-cidr"][0]}')
    if problems:
        raise Fatal(*problems)


def _url(name, text, port):
    url = urllib.parse.urlsplit(text)
    try:
        given = url.port
    except ValueError:
        given = None
    if url.scheme != 'https':
        yield f'--{name}: only https:// URLs are supported, found {text}'
    elif not url.hostname:
        yield f'--{name}: {text} names no host'
    elif given is None:
        yield f'--{name}: {text} has no port: without :{port} the real k3s dials 443 and waits for ever'
    elif given != port:
        yield f'--{name}: {text} is not port {port}'
    elif url.path not in ('', '/'):
        yield f'--{name}: {text} must not have a path'


def _agent(configuration):
    server = configuration.get('server')
    if not server:
        yield '--server is required'
    else:
        yield from _url('server', server, settings.API_PORT)
    if not configuration.get('token') and not configuration.get('token-file'):
        yield '--token is required'


def _networks(configuration, name):
    for text in configuration.list(name):
        if addresses.network(text) is None:
            yield f'invalid {name} {text}'


def _server(configuration):
    if configuration.get('server'):
        yield from _url('server', configuration.get('server'), settings.API_PORT)
        if not configuration.get('token') and not configuration.get('token-file'):
            yield '--token is required to join a cluster'
    for name in ('cluster-cidr', 'service-cidr'):
        yield from _networks(configuration, name)
    pods = [addresses.network(text) for text in configuration.list('cluster-cidr')]
    services = [addresses.network(text) for text in configuration.list('service-cidr')]
    for pod in filter(None, pods):
        for service in filter(None, services):
            if pod.version == service.version and pod.overlaps(service):
                yield f'cluster-cidr {pod} and service-cidr {service} overlap'
    yield from _ip_list(configuration, 'cluster-dns')
    for text in configuration.list('cluster-dns'):
        address = addresses.parse(text)
        if address and not any(service and address in service for service in services):
            yield f'cluster-dns {text} is not in service-cidr'
    advertise = configuration.get('advertise-address')
    if advertise and addresses.parse(advertise) is None:
        yield f'--advertise-address: invalid IP address: {advertise}'
    for name in ('https-listen-port', 'advertise-port'):
        port = configuration.get(name)
        if port is not None and port != settings.API_PORT:
            yield f'--{name} {port}: agents and the preflight expect {settings.API_PORT}'
    yield from _server_flannel(configuration)
    for item in configuration.list('disable'):
        for part in item.split(','):
            if part not in _DISABLE:
                yield f'--disable: "{part}" is none of {", ".join(_DISABLE)}'
    if configuration.get('egress-selector-mode') not in ('agent', 'cluster', 'pod', 'disabled'):
        yield f'invalid egress-selector-mode {configuration.get("egress-selector-mode")}'
    mode = configuration.get('write-kubeconfig-mode')
    if not re.fullmatch(r'0?[0-7]{3}', mode):
        yield f'--write-kubeconfig-mode: "{mode}" is not an octal mode'
    for name in configuration.list('tls-san'):
        if addresses.parse(name) is None and not re.fullmatch(r'(\*\.)?[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?', name):
            yield f'--tls-san: "{name}" is neither an address nor a DNS name'
    endpoint = configuration.get('datastore-endpoint')
    if endpoint:
        url = urllib.parse.urlsplit(endpoint.split(',')[0].replace('@tcp(', '@').replace(')', ''))
        if url.scheme not in _DATASTORES or not url.hostname:
            yield f'--datastore-endpoint: a URL of one of {", ".join(_DATASTORES)} with a host is needed'


def _server_flannel(configuration):
    backend = configuration.get('flannel-backend')
    if backend in ('wireguard', 'ipsec'):
        yield f'The flannel-backend {backend} was removed from K3s; use wireguard-native'
    elif backend not in _BACKENDS:
        yield f'--flannel-backend: "{backend}" is none of {", ".join(_BACKENDS)}'
    if not configuration.get('flannel-external-ip'):
        return
    if not configuration.list('node-external-ip'):
        yield '--flannel-external-ip needs --node-external-ip on this node as well'
    if backend != 'wireguard-native':
        yield f'Flannel is using external addresses with an insecure backend: {backend}. (the real k3s warns and goes on, this double refuses)'
    if configuration.get('disable-cloud-controller'):
        yield '--flannel-external-ip with --disable-cloud-controller: no node would ever get its external address'
