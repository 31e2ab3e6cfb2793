import {sharesSite} from '../checks/conclusions/sites.js';
import {addressFamily, isAddress} from '../cluster/addresses.js';
import type {NodeSpec} from '../cluster/schema.js';
import {serversOf} from '../cluster/sites.js';
import type {MeshContext, Requirement} from './mesh.js';
import {podFamilies} from './node-ips.js';

/** The ports of K3s, from its page "Requirements". */
export const k3sPorts = {
	api: 6443,
	kubelet: 10_250,
	etcdClient: 2379,
	etcdPeer: 2380,
	vxlan: 8472,
	wireguardIpv4: 51_820,
	wireguardIpv6: 51_821,
} as const;

/** Do the servers keep the state in embedded etcd? A single server has SQLite instead. */
export const usesEmbeddedEtcd = ({
	cluster,
}: Pick<MeshContext, 'cluster'>): boolean =>
	cluster.datastore === 'embedded' && serversOf(cluster.nodes).length > 1;

/** Every node with every other, in both directions. */
export const nodePairs = (
	nodes: readonly NodeSpec[],
): ReadonlyArray<readonly [NodeSpec, NodeSpec]> =>
	nodes.flatMap((from) =>
		nodes
			.filter((to) => to.name !== from.name)
			.map((to) => [from, to] as const),
	);

/** Every node reaches the API of every server, the server itself included: pods find it there. */
const apiRequirements = ({cluster}: MeshContext): Requirement[] =>
	serversOf(cluster.nodes).flatMap((server) =>
		cluster.nodes.map((node): Requirement => {
			let why = `${node.name} joins at ${server.name} and its pods reach the Kubernetes API there`;
			if (node.name === server.name) {
				why = `pods on ${server.name} reach the Kubernetes API under its external address, so it must reach itself there (hairpin)`;
			} else if (node.role === 'server') {
				why = `pods on ${node.name} reach the Kubernetes API of ${server.name}, too`;
			}

			return {
				from: node.name,
				to: server.name,
				addressKind: 'external',
				scope: 'all',
				protocol: 'tcp',
				port: k3sPorts.api,
				severity: 'required',
				why,
			};
		}),
	);

const kubeletRequirements = ({cluster}: MeshContext): Requirement[] =>
	nodePairs(cluster.nodes).map(([from, to]) => ({
		from: from.name,
		to: to.name,
		addressKind: 'external',
		scope: 'all',
		protocol: 'tcp',
		port: k3sPorts.kubelet,
		severity: 'recommended',
		why: `metrics of ${to.name} (kubectl top) are read over it when metrics-server runs on ${from.name}`,
	}));

/** etcd and joining servers use internal addresses, wherever the servers are. */
const serverRequirements = (context: MeshContext): Requirement[] =>
	usesEmbeddedEtcd(context)
		? nodePairs(serversOf(context.cluster.nodes)).flatMap(([from, to]) =>
				[
					{
						port: k3sPorts.etcdClient,
						why: `etcd on ${from.name} and ${to.name} is one database: clients`,
					},
					{
						port: k3sPorts.etcdPeer,
						why: `etcd on ${from.name} and ${to.name} is one database: members`,
					},
					{
						port: k3sPorts.api,
						why: `${from.name} joins ${to.name} on its internal address`,
					},
				].map(({port, why}): Requirement => ({
					from: from.name,
					to: to.name,
					addressKind: 'internal',
					scope: 'all',
					protocol: 'tcp',
					port,
					severity: 'required',
					why,
				})),
			)
		: [];

/**
 * K3s's docs ask for its ports on internal addresses as well; inside one site that can be had. A site that the file
 * names stays one here whatever was measured: its firewalls may be all that stands between its nodes.
 */
const internalRequirements = (context: MeshContext): Requirement[] => {
	const etcd = usesEmbeddedEtcd(context);
	const together = sharesSite(context);
	return nodePairs(context.cluster.nodes)
		.filter(
			([from, to]) =>
				from.internalIp !== undefined &&
				to.internalIp !== undefined &&
				(together(from.name, to.name) ||
					(from.site !== undefined && from.site === to.site)),
		)
		.flatMap(([from, to]) => {
			const requirement = (port: number, why: string): Requirement => ({
				from: from.name,
				to: to.name,
				addressKind: 'internal',
				scope: 'same-site',
				protocol: 'tcp',
				port,
				severity: 'recommended',
				why,
			});
			const isServerPair = from.role === 'server' && to.role === 'server';
			return [
				...(to.role === 'server' && !(etcd && isServerPair)
					? [
							requirement(
								k3sPorts.api,
								`${from.name} can use ${to.name} as a server without leaving their site`,
							),
						]
					: []),
				requirement(
					k3sPorts.kubelet,
					`tools that use internal addresses read metrics of ${to.name} over it`,
				),
			];
		});
};

/** What every mesh needs: K3s's own ports. */
export const k3sRequirements = (
	context: MeshContext,
): readonly Requirement[] => [
	...apiRequirements(context),
	...serverRequirements(context),
	...kubeletRequirements(context),
	...internalRequirements(context),
];

/**
 * WireGuard between the external addresses of all pairs. Flannel has a device for each family of the pods, with a port
 * of its own, and sends the packets of each between addresses of that family: pods that have IPv6 beside IPv4 need a way
 * over IPv6, too.
 */
export const wireguardRequirements = ({
	cluster,
}: Pick<MeshContext, 'cluster'>): readonly Requirement[] => {
	const ports = new Map(
		cluster.nodes.map((node) => [node.name, wireguardPort(node)]),
	);
	const families = podFamilies(cluster);
	const hasIpv6 = families.includes(6);
	const isIpv6Only = hasIpv6 && !families.includes(4);
	return nodePairs(cluster.nodes).flatMap(([from, to]) => {
		const requirement = (
			addressKind: 'external' | 'external-ipv6',
			port: number,
			by: string,
		): Requirement => ({
			from: from.name,
			to: to.name,
			addressKind,
			scope: 'all',
			protocol: 'udp',
			port,
			severity: 'required',
			why: `pods on ${from.name} and ${to.name} reach each other ${by}through WireGuard`,
		});
		const port = ports.get(to.name)!;
		return [
			...(isIpv6Only && port !== k3sPorts.wireguardIpv6
				? []
				: [requirement('external', port, '')]),
			...(hasIpv6 && port !== k3sPorts.wireguardIpv6
				? [
						requirement(
							'external-ipv6',
							k3sPorts.wireguardIpv6,
							'under their IPv6 addresses ',
						),
					]
				: []),
		];
	});
};

/** The port on which a node takes WireGuard packets: by the family of its external address. */
export const wireguardPort = ({externalIp}: NodeSpec): number =>
	externalIp === undefined
		? k3sPorts.wireguardIpv4
		: portUnder(externalIp, k3sPorts.wireguardIpv4);

const wireguardPorts = new Set<number>([
	k3sPorts.wireguardIpv4,
	k3sPorts.wireguardIpv6,
]);

/** The port under another address of a node: flannel has one for WireGuard in each address family, all others are the same. */
export const portUnder = (address: string, port: number): number => {
	if (!wireguardPorts.has(port)) {
		return port;
	}

	return isAddress(address) && addressFamily(address) === 6
		? k3sPorts.wireguardIpv6
		: k3sPorts.wireguardIpv4;
};
