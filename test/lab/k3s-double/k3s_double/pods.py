"""Pods, played by network namespaces: an address of the pod network on cni0, and a responder instead of containers."""

import json
import os
import shutil
import signal
import subprocess
import sys

from . import addresses, host, images, ipam, log, settings
from .host import CommandFailed

_BRIDGE = 'cni0'
_PORT = '8080'


def _played(container):
    """What the responder listens on for a container's command, or None when the double does not play it."""
    words = [str(word) for word in [*(container.get('command') or []), *(container.get('args') or [])]]
    if words and os.path.basename(words[0]) == 'busybox':
        words = words[1:]
    name = os.path.basename(words[0]) if words else ''
    if name == '' and 'coredns' in container.get('image', ''):
        return 'dns:53'
    if name in ('', 'sleep', 'pause'):
        return _PORT
    if name in ('httpd', 'nc'):
        given = words[words.index('-p') + 1] if '-p' in words[:-1] else _PORT
        port = given.rpartition(':')[2]
        return port if port.isdigit() else None
    return None


class Pods:
    """The pods of this node; they survive a restart of the program, as containers do."""

    def __init__(self, cidrs, host_ip, mtu):
        networks = [addresses.network(cidr) for cidr in cidrs]
        self._network = networks[0]
        self._network6 = next((network for network in networks[1:] if network.version == 6), None)
        self._host_ip = host_ip
        self._mtu = mtu
        self._folder = settings.at(f'{settings.RUN_DIRECTORY}/pods')
        os.makedirs(self._folder, exist_ok=True)
        self._held = {}
        for name in sorted(os.listdir(self._folder)):
            record = json.loads(settings.read(f'{self._folder}/{name}'))
            self._held[record['uid']] = record
        if settings.NETWORK and any(record['ip'] for record in self._held.values()):
            self._bridge()

    def _bridge(self):
        """The bridge comes with the first pod, as it does from the bridge plugin of CNI."""
        host.attempt('ip', 'link', 'add', _BRIDGE, 'type', 'bridge')
        host.run('ip', 'address', 'replace', f'{self._network[1]}/{self._network.prefixlen}', 'dev', _BRIDGE)
        host.run('ip', 'link', 'set', _BRIDGE, 'mtu', str(self._mtu), 'up')
        host.sysctl('net.ipv4.ip_forward', '1')
        if self._network6:
            host.run('ip', 'address', 'replace', f'{self._network6[1]}/{self._network6.prefixlen}', 'dev', _BRIDGE, 'nodad')
            host.sysctl('net.ipv6.conf.all.forwarding', '1')

    def apply(self, wanted):
        """Starts the pods that are new and takes down those that are gone."""
        by_uid = {pod['metadata']['uid']: pod for pod in wanted}
        for uid in [uid for uid in self._held if uid not in by_uid]:
            self._stop(self._held.pop(uid))
        for uid, pod in by_uid.items():
            held = self._held.get(uid)
            waits = held and held.get('pulls')
            if held and not waits and (held['phase'] != 'Running' or not held['pid'] or _alive(held['pid'])):
                continue
            if held and not waits:
                self._stop(held)
            self._start(pod, held['reason'] if waits else '')

    def _free_address(self):
        taken = {*(record['ip'] for record in self._held.values()), *ipam.reserved()}
        return next(str(address) for address in list(self._network.hosts())[1:] if str(address) not in taken)

    def _start(self, pod, earlier):
        metadata = pod['metadata']
        record = {'uid': metadata['uid'], 'namespace': metadata['namespace'], 'name': metadata['name'], 'hostIP': self._host_ip, 'ip': None, 'ip6': None, 'pid': None, 'phase': 'Pending', 'reason': '', 'message': '', 'startedAt': log.now()}
        ports = [_played(container) for container in pod['spec']['containers']]
        if pod['spec'].get('hostNetwork') or pod['spec'].get('initContainers') or None in ports:
            record |= {'reason': 'CreateContainerError', 'message': 'this test double of K3s runs no programs in pods: sleep, pause, "httpd -p PORT" and "nc -p PORT" are played by a responder, init containers and hostNetwork are not played'}
        elif missing := images.failure([container.get('image', '') for container in pod['spec']['containers']], earlier):
            record |= {**missing, 'pulls': True}
        else:
            record['ip'] = self._free_address()
            ipam.reserve(record['ip'], record['uid'])
            if self._network6:
                # As many as there are of IPv4: the one with the same place.
                record['ip6'] = str(self._network6[int(addresses.parse(record['ip'])) - int(self._network[0])])
            record |= self._play(record, sorted(set(ports)))
        self._held[record['uid']] = record
        settings.write(f'{self._folder}/{record["uid"]}.json', json.dumps(record))
        if record['reason'] != earlier or not earlier:
            log.info(f'Pod {record["namespace"]}/{record["name"]}: {record["phase"]} {record["ip"] or record["message"]}')

    def _play(self, record, ports):
        if not settings.NETWORK:
            return {'phase': 'Running', 'message': 'networking is off: this pod has an address, and nothing answers there'}
        namespace = self._namespace(record)
        try:
            self._bridge()
            host.attempt('ip', 'netns', 'delete', namespace)
            host.run('ip', 'netns', 'add', namespace)
            link = f'veth{record["uid"][:8]}'
            host.run('ip', 'link', 'add', link, 'mtu', str(self._mtu), 'type', 'veth', 'peer', 'name', 'eth0', 'mtu', str(self._mtu), 'netns', namespace)
            host.run('ip', 'link', 'set', link, 'master', _BRIDGE, 'up')
            inside = ('ip', '-netns', namespace)
            host.run(*inside, 'link', 'set', 'lo', 'up')
            host.run(*inside, 'address', 'add', f'{record["ip"]}/{self._network.prefixlen}', 'dev', 'eth0')
            host.run(*inside, 'link', 'set', 'eth0', 'up')
            host.run(*inside, 'route', 'add', 'default', 'via', str(self._network[1]))
            if self._network6:
                host.run(*inside, 'address', 'add', f'{record["ip6"]}/{self._network6.prefixlen}', 'dev', 'eth0', 'nodad')
                host.run(*inside, 'route', 'add', 'default', 'via', str(self._network6[1]))
        except CommandFailed as error:
            return {'phase': 'Pending', 'reason': 'CreatePodSandboxError', 'message': str(error)}
        program = [sys.executable, os.path.realpath(sys.argv[0]), 'double-pod', record['name'], *ports]
        log_file = self._log_file(record)
        os.makedirs(os.path.dirname(log_file), exist_ok=True)
        with open(log_file, 'ab') as output:
            process = subprocess.Popen(['ip', 'netns', 'exec', namespace, *program], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env={'PATH': os.environ.get('PATH', '')})
        return {'phase': 'Running', 'pid': process.pid}

    def _namespace(self, record):
        return f'cni-{record["uid"]}'

    def _log_file(self, record):
        return settings.at(f'/var/log/pods/{record["namespace"]}_{record["name"]}_{record["uid"]}/0.log')

    def _stop(self, record):
        if record['pid'] and _alive(record['pid']):
            os.kill(record['pid'], signal.SIGKILL)
            try:
                os.waitpid(record['pid'], 0)
            except ChildProcessError:
                pass
        if settings.NETWORK:
            host.attempt('ip', 'netns', 'delete', self._namespace(record))
        if record['ip']:
            ipam.release(record['ip'])
        shutil.rmtree(os.path.dirname(self._log_file(record)), ignore_errors=True)
        path = f'{self._folder}/{record["uid"]}.json'
        if os.path.exists(path):
            os.remove(path)

    def report(self):
        """The state and the log of each pod, for the API."""
        out = []
        for record in self._held.values():
            text = settings.read(self._log_file(record)) or (f'{record["message"]}\n' if record['message'] else '')
            out.append({**{name: value for name, value in record.items() if name not in ('pid', 'pulls')}, 'log': text[-16384:]})
        return out


def _alive(pid):
    """Whether the process still is the responder that was started (and not a later one with the same number)."""
    try:
        with open(f'/proc/{pid}/cmdline', 'rb') as file:
            return b'double-pod' in file.read()
    except OSError:
        return False
