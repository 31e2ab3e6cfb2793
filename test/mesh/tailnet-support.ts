import type {Cluster, ClusterInput} from '../../source/cluster/schema.js';
import type {HostFacts, TailscaleFacts} from '../../source/facts/host-facts.js';
import type {MeshContext} from '../../source/mesh/mesh.js';
import {ha3, lan3, makeCluster, makeContext} from '../plan/fixtures.js';

/** A machine that is logged in to Tailscale's own control server, with nothing about it. */
export const loggedIn = (
	last: number,
	rest: Partial<TailscaleFacts> = {},
): TailscaleFacts => ({
	version: '1.92.3',
	state: 'Running',
	tun: true,
	id: `${last}`,
	addresses: [`100.64.0.${last}`, `fd7a:115c:a1e0::${last}`],
	tailnet: 'example.org',
	controlServer: 'https://controlplane.tailscale.com',
	dnsName: undefined,
	tags: [],
	keyExpiresAt: undefined,
	advertisedRoutes: [],
	approvedRoutes: [],
	acceptsRoutes: true,
	acceptsDns: false,
	usesExitNode: false,
	ownPreferences: [],
	peers: [],
	health: [],
	...rest,
});

/** What a cluster file says besides its nodes. */
export type Rest = Omit<ClusterInput, 'version' | 'name' | 'nodes'>;

const inputs = (cluster: Cluster): ClusterInput['nodes'] =>
	cluster.nodes.map((node) => ({...node, ssh: node.ssh.host}));

/** A server and two agents in the mesh, with a release that K3s's own integration works in. */
export const tailnet3 = (rest: Rest = {}): Cluster =>
	makeCluster(inputs(lan3()), {
		k3s: {version: 'v1.36.3+k3s1'},
		mesh: {kind: 'tailscale', tags: ['tag:k3s']},
		...rest,
	});

/** Three servers at one place and an agent elsewhere. */
export const tailnetHa = (rest: Rest = {}): Cluster =>
	makeCluster(inputs(ha3()), {
		k3s: {version: 'v1.35.3+k3s1'},
		mesh: {kind: 'tailscale', tags: ['tag:k3s']},
		...rest,
	});

/** Facts of the agent `nuc` changed, in a cluster of three. */
export const onNuc = (
	facts: Partial<HostFacts>,
	rest: Rest = {},
): MeshContext => makeContext(tailnet3(rest), {nuc: facts});
