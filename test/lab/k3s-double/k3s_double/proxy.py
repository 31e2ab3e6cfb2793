"""kube-proxy's part on a node: a service address leads to what is behind it; and the list that the cluster DNS answers from."""

import json
import time

from . import host, log, settings

_CHAIN = 'KUBE-SERVICES'
_MASQUERADE = 'KUBE-POSTROUTING'
# A firewall that is loaded anew may have taken the rules away.
_AGAIN_SECONDS = 30


def services_file():
    return settings.at(f'{settings.RUN_DIRECTORY}/services.json')


def rules(services):
    """The NAT rules for services, as iptables-restore reads them; both chains are emptied first."""
    lines = ['*nat', f':{_CHAIN} - [0:0]', f':{_MASQUERADE} - [0:0]']
    for service in services:
        for port in service['ports']:
            targets = port['targets']
            for index, (address, target) in enumerate(targets):
                left = len(targets) - index
                share = f'-m statistic --mode random --probability {1 / left:.5f} ' if left > 1 else ''
                comment = f'"{service["namespace"]}/{service["name"]}"'
                lines.append(f'-A {_CHAIN} -d {service["address"]}/32 -p {port["protocol"]} -m {port["protocol"]} --dport {port["port"]} -m comment --comment {comment} {share}-j DNAT --to-destination {address}:{target}')
    # The answer must come back through this host even when both ends are on one bridge (masquerade-all).
    lines += [f'-A {_MASQUERADE} -d {address}/32 -m conntrack --ctstate DNAT -j MASQUERADE' for address in _targets(services)]
    return '\n'.join([*lines, 'COMMIT', ''])


def _targets(services):
    return sorted({address for service in services for port in service['ports'] for address, _ in port['targets']})


class Proxy:
    """The services of this node."""

    def __init__(self, domain):
        self._domain = domain
        self._held = None
        self._at = 0.0
        self._failed = log.Steady(log.error)

    def apply(self, services):
        """Takes the services as the API knows them; only IPv4 ones are played."""
        services = [service for service in services if ':' not in service['address']]
        changed = services != self._held
        if changed:
            settings.write(services_file(), json.dumps({'domain': self._domain, 'services': services}), 0o644)
            self._held = services
        if settings.NETWORK and (changed or time.monotonic() - self._at > _AGAIN_SECONDS):
            self._at = time.monotonic()
            self._load(services)

    def _load(self, services):
        try:
            host.run('iptables-restore', '-w', '5', '--noflush', input_text=rules(services))
            for chain, target in (('PREROUTING', _CHAIN), ('OUTPUT', _CHAIN), ('POSTROUTING', _MASQUERADE)):
                jump = (chain, '-m', 'comment', '--comment', 'kubernetes services', '-j', target)
                if not host.attempt('iptables', '-w', '5', '-t', 'nat', '-C', *jump):
                    host.run('iptables', '-w', '5', '-t', 'nat', '-A', *jump)
            self._failed.clear()
        except host.CommandFailed as error:
            self._failed(f'Failed to load the rules of services: {error}')
