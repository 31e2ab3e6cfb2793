/**
 * Keys of K3s's config file, by who knows them. Source: the K3s CLI reference (`k3s server`, `k3s agent`), which the
 * config file follows key by key.
 */

const words = (text: string): ReadonlySet<string> =>
	new Set(text.trim().split(/\s+/));

/** Keys that servers and agents know. */
const commonKeys = words(`
	debug v vmodule log alsologtostderr bind-address token token-file server data-dir node-name with-node-id node-label
	node-taint image-credential-provider-bin-dir image-credential-provider-config selinux lb-server-port
	protect-kernel-defaults container-runtime-endpoint default-runtime image-service-endpoint pause-image snapshotter
	private-registry system-default-registry airgap-extra-registry disable-default-registry-endpoint nonroot-devices
	node-ip node-external-ip node-internal-dns node-external-dns resolv-conf flannel-iface flannel-conf flannel-cni-conf
	kubelet-arg kube-proxy-arg enable-pprof rootless prefer-bundled-bin docker vpn-auth vpn-auth-file
`);

/** Keys that agents alone know. */
const agentKeys = words('disable-apiserver-lb');

/** Keys that servers alone know. */
const serverKeys = words(`
	https-listen-port advertise-address advertise-port tls-san tls-san-security cluster-cidr service-cidr
	service-node-port-range cluster-dns cluster-domain flannel-backend flannel-ipv6-masq flannel-external-ip
	egress-selector-mode servicelb-namespace write-kubeconfig write-kubeconfig-mode write-kubeconfig-group
	write-kubeconfig-name helm-job-image agent-token agent-token-file cluster-init cluster-reset
	cluster-reset-restore-path kube-apiserver-arg etcd-arg kube-controller-manager-arg kube-scheduler-arg
	kube-cloud-controller-manager-arg datastore-endpoint datastore-cafile datastore-certfile datastore-keyfile kine-tls
	etcd-expose-metrics etcd-disable-snapshots etcd-snapshot-name etcd-snapshot-schedule-cron
	etcd-snapshot-reconcile-interval etcd-snapshot-retention etcd-snapshot-dir etcd-snapshot-compress etcd-s3
	etcd-s3-endpoint etcd-s3-endpoint-ca etcd-s3-skip-ssl-verify etcd-s3-access-key etcd-s3-secret-key
	etcd-s3-session-token etcd-s3-bucket etcd-s3-bucket-lookup-type etcd-s3-region etcd-s3-folder etcd-s3-proxy
	etcd-s3-config-secret etcd-s3-insecure etcd-s3-timeout etcd-s3-retention default-local-storage-path disable
	disable-agent disable-scheduler disable-cloud-controller disable-kube-proxy disable-network-policy
	disable-helm-controller disable-apiserver disable-controller-manager disable-etcd embedded-registry
	supervisor-metrics secrets-encryption secrets-encryption-provider
`);

const secretKeys = words(
	'token agent-token vpn-auth datastore-endpoint etcd-s3-access-key etcd-s3-secret-key etcd-s3-session-token',
);

const fixedKeys = words('data-dir https-listen-port bind-address');

/** Does the key move what this program looks for in its usual place: K3s's data, or its API on port 6443 of every address? */
export const isFixedKey = (key: string): boolean =>
	fixedKeys.has(plainKey(key));

/** The key without the `+` that appends to a list. */
export const plainKey = (key: string): string => key.replace(/\+$/, '');

/** Does the key hold a secret? */
export const isSecretKey = (key: string): boolean =>
	secretKeys.has(plainKey(key));

/** Every key that K3s knows on some node. */
export const knownK3sKeys: readonly string[] = [
	...commonKeys,
	...agentKeys,
	...serverKeys,
];

/** Does `k3s server` or `k3s agent` know the key? K3s drops the others with a warning in its log only. */
export const knowsKey = (role: 'server' | 'agent', key: string): boolean => {
	const plain = plainKey(key);
	return (
		commonKeys.has(plain) ||
		(role === 'agent' ? agentKeys : serverKeys).has(plain)
	);
};
