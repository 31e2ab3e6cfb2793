import {meshOfKind, type Cluster, type TailnetMesh} from '../cluster/schema.js';
import type {HostFacts, TailscaleFacts} from '../facts/host-facts.js';
import {firstServerOf} from './first-server.js';
import type {MeshContext} from './mesh.js';
import {podFamilies} from './node-ips.js';

/** The interface that tailscaled makes; K3s looks for this name and no other (pkg/vpn). */
export const tailnetInterface = 'tailscale0';

/** The UDP port that tailscaled takes packets of others on, unless it was told another. */
export const tailnetPort = 41_641;

/** MTU of the interface, in bytes: what Tailscale takes for safe on any path (net/tstun). */
export const tailnetMtu = 1280;

/** What VXLAN adds to a packet, in bytes. */
export const vxlanOverhead = 50;

/** The addresses of tailnets. Carriers use the IPv4 range as well (RFC 6598). */
export const tailnetRanges = {
	4: '100.64.0.0/10',
	6: 'fd7a:115c:a1e0::/48',
} as const;

/** The tailnet's settings; their defaults while another mesh is chosen, so that this one can be judged before. */
export const tailnetOf = (cluster: Cluster): TailnetMesh =>
	meshOfKind(
		cluster.mesh.kind === 'wireguard-native'
			? 'tailscale-ip'
			: cluster.mesh.kind,
		cluster.mesh,
	) as TailnetMesh;

/** Do packets between pods stay on the ordinary network, between internal addresses? */
export const hasDirectPods = ({mesh}: Cluster): boolean =>
	mesh.kind === 'tailscale-ip' && mesh.podTraffic === 'direct';

/** The families of the addresses that nodes have in the tailnet, as far as the pods need them; the main one first. */
export const tailnetFamilies = (cluster: Cluster): ReadonlyArray<4 | 6> => {
	const families = podFamilies(cluster);
	return families.length === 0 ? [4] : families;
};

/** Is the machine logged in to its tailnet, so that it has its addresses? */
export const isLoggedIn = (
	facts: HostFacts | undefined,
): facts is HostFacts & {readonly tailscale: TailscaleFacts} =>
	facts?.tailscale?.state === 'Running';

/** The K3s release, as far as it is known: that of the file, else the one that the cluster runs and keeps. */
export const releaseOf = ({
	cluster,
	facts,
}: Pick<MeshContext, 'cluster' | 'facts'>): string | undefined => {
	const first = firstServerOf(cluster, facts);
	const running = first && facts.get(first.name)?.k3s;
	return (
		cluster.k3s.version ??
		(running?.role === 'server' ? running.version : undefined)
	);
};
