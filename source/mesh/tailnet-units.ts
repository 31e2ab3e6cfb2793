import type {Cluster} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import {environmentPath} from '../plan/paths.js';
import {compareK3sVersions} from '../cluster/versions.js';
import {hasDirectPods, tailnetFamilies, tailnetInterface} from './tailnet.js';

/** Our drop-in for the unit of tailscaled. */
export const tailscaledDropIn =
	'/etc/systemd/system/tailscaled.service.d/10-k3s-mesh.conf';

/** Our drop-in for the unit of K3s, `k3s` or `k3s-agent`: one of its own, beside that of a proxy. */
export const k3sDropIn = (unit: string): string =>
	`/etc/systemd/system/${unit}.service.d/10-k3s-mesh-tailnet.conf`;

/** How long K3s waits for the tailnet at its start, in seconds; systemd then starts it anew. */
const waitSeconds = 60;

const header = [
	'# Written by k3s-mesh-tui. Its next run puts back what is changed here.',
];

/** The first kernel that hands packets which were put together on their way in to a VXLAN device (tailscale/tailscale#11026). */
const mendedKernel = '6.8.5';

/**
 * Would packets of pods get lost? Tailscale puts UDP packets of a peer together before it hands them to the kernel, and
 * older kernels drop such packets when a VXLAN device is to unpack them. Those that carry no checksum, as flannel's over
 * IPv4, are left alone up to now; over IPv6 they carry one.
 */
const losesVxlan = (
	cluster: Cluster,
	{kernel}: Pick<HostFacts, 'kernel'>,
): boolean =>
	cluster.mesh.kind === 'tailscale-ip' &&
	!hasDirectPods(cluster) &&
	compareK3sVersions(/^\d+\.\d+\.\d+/.exec(kernel)?.[0] ?? '', mendedKernel) <
		0;

/**
 * Keeps tailscaled from sending its own packets through the pods' network: it takes any address of the machine for a way
 * to its peers, and would tunnel itself through itself (k3s-io/k3s#9097, tailscale/tailscale#14306). Where there is a
 * proxy, tailscaled gets it as our downloads do: it reaches its control server and relays by it (net/tshttpproxy).
 */
export const tailscaledUnit = (
	cluster: Cluster,
	facts: Pick<HostFacts, 'proxy' | 'kernel'>,
): string => {
	const {network, proxy} = cluster;
	return [
		...header,
		'[Service]',
		...network.podCidr.map((cidr) => `IPAddressDeny=${cidr}`),
		...(losesVxlan(cluster, facts)
			? ['Environment=TS_TUN_DISABLE_UDP_GRO=true']
			: []),
		...(proxy !== undefined || facts.proxy?.ofMachine === true
			? [
					'EnvironmentFile=-/etc/environment',
					`EnvironmentFile=-${environmentPath}`,
				]
			: []),
		'',
	].join('\n');
};

/**
 * Has K3s start once the tailnet's interface has its addresses: tailscaled says that it is ready earlier
 * (tailscale/tailscale#11504), and after a boot K3s would find neither (k3s-io/k3s#13597). systemd takes `$$` for `$`.
 */
export const k3sUnit = (cluster: Cluster): string => {
	const looks = tailnetFamilies(cluster)
		.map(
			(family) =>
				`[ -n "$$(ip -${family} -o addr show dev ${tailnetInterface} scope global 2>/dev/null)" ]`,
		)
		.join(' && ');
	return [
		...header,
		'[Unit]',
		'Wants=tailscaled.service',
		'After=tailscaled.service',
		'',
		'[Service]',
		`ExecStartPre=/bin/sh -c 'left=${waitSeconds}; until ${looks}; do left=$$((left - 1)); if [ $$left -le 0 ]; then echo "${tailnetInterface} has no address: is this machine logged in to its tailnet?" >&2; exit 1; fi; sleep 1; done'`,
		'',
	].join('\n');
};
