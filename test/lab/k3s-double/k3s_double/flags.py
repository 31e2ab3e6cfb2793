"""Names, kinds and environment variables of the flags of `k3s server` and `k3s agent`.

Source: the CLI reference of the K3s documentation (server, agent). Kinds: string, bool, int,
duration, list (repeatable), addresses (a list whose elements may hold commas).
"""

from dataclasses import dataclass

_BOTH = """
debug bool K3S_DEBUG
v int
vmodule string
log,l string
alsologtostderr bool
bind-address string
token,t string K3S_TOKEN
token-file string K3S_TOKEN_FILE
server,s string K3S_URL
data-dir,d string K3S_DATA_DIR
node-name string K3S_NODE_NAME
with-node-id bool
node-label list
node-taint list
image-credential-provider-bin-dir string
image-credential-provider-config string
selinux bool K3S_SELINUX
lb-server-port int K3S_LB_SERVER_PORT
protect-kernel-defaults bool
container-runtime-endpoint string
default-runtime string
image-service-endpoint string
pause-image string
snapshotter string
private-registry string
system-default-registry string
airgap-extra-registry list
disable-default-registry-endpoint bool
nonroot-devices bool
node-ip,i addresses
node-external-ip addresses
node-internal-dns list
node-external-dns list
resolv-conf string K3S_RESOLV_CONF
flannel-iface string
flannel-conf string
flannel-cni-conf string
kubelet-arg list
kube-proxy-arg list
enable-pprof bool
rootless bool
prefer-bundled-bin bool
docker bool
vpn-auth string K3S_VPN_AUTH
vpn-auth-file string K3S_VPN_AUTH_FILE
"""

_AGENT = """
disable-apiserver-lb bool
"""

_SERVER = """
https-listen-port int
advertise-address string
advertise-port int
tls-san addresses
tls-san-security bool
cluster-cidr addresses
service-cidr addresses
service-node-port-range string
cluster-dns addresses
cluster-domain string
flannel-backend string
flannel-ipv6-masq bool
flannel-external-ip bool
egress-selector-mode string
servicelb-namespace string
write-kubeconfig,o string K3S_KUBECONFIG_OUTPUT
write-kubeconfig-mode string K3S_KUBECONFIG_MODE
write-kubeconfig-group string K3S_KUBECONFIG_GROUP
write-kubeconfig-name string
helm-job-image string
agent-token string K3S_AGENT_TOKEN
agent-token-file string K3S_AGENT_TOKEN_FILE
cluster-init bool K3S_CLUSTER_INIT
cluster-reset bool K3S_CLUSTER_RESET
cluster-reset-restore-path string
kube-apiserver-arg list
etcd-arg list
kube-controller-manager-arg list
kube-scheduler-arg list
kube-cloud-controller-manager-arg list
datastore-endpoint string K3S_DATASTORE_ENDPOINT
datastore-cafile string K3S_DATASTORE_CAFILE
datastore-certfile string K3S_DATASTORE_CERTFILE
datastore-keyfile string K3S_DATASTORE_KEYFILE
kine-tls bool
etcd-expose-metrics bool
etcd-disable-snapshots bool
etcd-snapshot-name string
etcd-snapshot-schedule-cron string
etcd-snapshot-reconcile-interval duration
etcd-snapshot-retention int
etcd-snapshot-dir string
etcd-snapshot-compress bool
etcd-s3 bool
etcd-s3-endpoint string
etcd-s3-endpoint-ca string
etcd-s3-skip-ssl-verify bool
etcd-s3-access-key string
etcd-s3-secret-key string
etcd-s3-session-token string
etcd-s3-bucket string
etcd-s3-bucket-lookup-type string
etcd-s3-region string
etcd-s3-folder string
etcd-s3-proxy string
etcd-s3-config-secret string
etcd-s3-insecure bool
etcd-s3-timeout duration
etcd-s3-retention int
default-local-storage-path string
disable list
disable-agent bool
disable-scheduler bool
disable-cloud-controller bool
disable-kube-proxy bool
disable-network-policy bool
disable-helm-controller bool
disable-apiserver bool
disable-controller-manager bool
disable-etcd bool
embedded-registry bool
supervisor-metrics bool
secrets-encryption bool
secrets-encryption-provider string
"""

# First minor version of Kubernetes whose K3s knows the flag.
_SINCE = {'write-kubeconfig-name': 37}

# Flags whose value is a secret: never in argv, and only in files that nobody else can read.
SECRET = ('token', 'agent-token', 'vpn-auth', 'datastore-endpoint', 'etcd-s3-secret-key', 'etcd-s3-session-token')

# All servers of a cluster must agree on these.
CRITICAL = (
    'agent-token',
    'cluster-cidr',
    'cluster-dns',
    'cluster-domain',
    'disable-cloud-controller',
    'disable-helm-controller',
    'disable-network-policy',
    'egress-selector-mode',
    'embedded-registry',
    'flannel-backend',
    'flannel-external-ip',
    'flannel-ipv6-masq',
    'secrets-encryption',
    'secrets-encryption-provider',
    'service-cidr',
)

DEFAULTS = {
    'https-listen-port': None,
    'cluster-cidr': ['10.42.0.0/16'],
    'service-cidr': ['10.43.0.0/16'],
    'cluster-domain': 'cluster.local',
    'flannel-backend': 'vxlan',
    'egress-selector-mode': 'agent',
    'write-kubeconfig-mode': '0600',
    'tls-san-security': True,
}


@dataclass(frozen=True)
class Flag:
    name: str
    kind: str
    short: str
    environment: str
    roles: frozenset

    @property
    def is_list(self):
        return self.kind in ('list', 'addresses')


def _rows(text, roles, minor):
    for line in text.split('\n'):
        if not line:
            continue
        names, kind, *environment = line.split()
        name, _, short = names.partition(',')
        if _SINCE.get(name, 0) <= minor:
            yield Flag(name, kind, short, environment[0] if environment else '', roles)


def table(minor):
    """All flags of this minor version by name."""
    rows = (
        *_rows(_BOTH, frozenset(('server', 'agent')), minor),
        *_rows(_AGENT, frozenset(('agent',)), minor),
        *_rows(_SERVER, frozenset(('server',)), minor),
    )
    return {flag.name: flag for flag in rows}
