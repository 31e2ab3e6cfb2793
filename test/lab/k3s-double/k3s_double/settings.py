"""Where the double keeps things and which ports it uses.

Everything can be moved by K3S_DOUBLE_* variables, so that the double's own tests run without root
and beside each other. On a lab host none of them is set and the values are those of K3s.
"""

import os

DEFAULT_VERSION = 'v1.36.3+k3s1'
GO_VERSION = 'go1.25.9'

ROOT = os.environ.get('K3S_DOUBLE_ROOT', '').rstrip('/')


def _port(name, default):
    return int(os.environ.get(f'K3S_DOUBLE_{name}_PORT', default))


API_PORT = _port('API', 6443)
KUBELET_PORT = _port('KUBELET', 10250)
ETCD_CLIENT_PORT = _port('ETCD_CLIENT', 2379)
ETCD_PEER_PORT = _port('ETCD_PEER', 2380)

# Tests run several nodes on one machine: each on its own loopback address, all on the same ports.
BIND = os.environ.get('K3S_DOUBLE_BIND', '')
LOOPBACK = BIND or '127.0.0.1'

# One factor for all intervals, so that tests need not wait for seconds to pass.
TEMPO = float(os.environ.get('K3S_DOUBLE_TEMPO', '1'))
RETRY_SECONDS = 5 * TEMPO
SYNC_SECONDS = 2 * TEMPO
NOT_READY_SECONDS = float(os.environ.get('K3S_DOUBLE_NOT_READY_SECONDS', '15'))
DIAL_SECONDS = 5.0

NETWORK = os.environ.get('K3S_DOUBLE_NETWORK', 'on') != 'off' and os.geteuid() == 0

CONFIG_FILE = '/etc/rancher/k3s/config.yaml'
DATA_DIRECTORY = '/var/lib/rancher/k3s'
NODE_DIRECTORY = '/etc/rancher/node'
RUN_DIRECTORY = '/run/k3s-double'
FLANNEL_RUN_DIRECTORY = '/run/flannel'


def version():
    """The version that build.py stamped, else K3S_DOUBLE_VERSION, else a default."""
    try:
        from . import stamp
    except ImportError:
        return os.environ.get('K3S_DOUBLE_VERSION', DEFAULT_VERSION)
    return stamp.VERSION


def minor():
    """The minor number of the Kubernetes version: 36 for v1.36.3+k3s1."""
    return int(version().split('.')[1])


def at(path):
    """The path below the root prefix (which is empty on a lab host)."""
    return ROOT + path


def write(path, content, mode=0o600):
    """Writes a file atomically and creates its folder."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    data = content if isinstance(content, bytes) else content.encode()
    temporary = f'{path}.{os.getpid()}.new'
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, 'wb') as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
    os.replace(temporary, path)


def read(path):
    """The text of a file, or None when it is not there."""
    try:
        with open(path, encoding='utf-8') as file:
            return file.read()
    except FileNotFoundError:
        return None
