import {addressScope, sameAddress} from '../cluster/addresses.js';
import type {Cluster, NodeSpec} from '../cluster/schema.js';
import {sameSite, serversOf} from '../cluster/sites.js';
import type {HostFacts} from '../facts/host-facts.js';
import {controller, pathKey, type Path} from '../facts/measurements.js';
import {k3sPorts, portUnder} from '../mesh/k3s-requirements.js';
import type {Requirement} from '../mesh/mesh.js';
import {furtherAddresses, type FurtherAddress} from './further-addresses.js';
import type {Place} from './messages.js';

const addressOf = (
	node: NodeSpec,
	kind: 'internal' | 'external',
): string | undefined =>
	kind === 'internal' ? node.internalIp : node.externalIp;

/** The paths of one requirement: none when its address is not known. */
const requiredPaths = (
	{from: sender, to: target, ...requirement}: Requirement,
	nodes: ReadonlyMap<string, NodeSpec>,
	furtherOf: ReadonlyMap<string, readonly FurtherAddress[]>,
): readonly Path[] => {
	const from = nodes.get(sender);
	const to = nodes.get(target);
	if (
		from === undefined ||
		to === undefined ||
		(requirement.scope === 'same-site' && !sameSite(from, to))
	) {
		return [];
	}

	const {addressKind, protocol, port} = requirement;
	const own = {from: sender, to: target, protocol, port};
	// What has no address of the kind has no way there either, and would show nothing but that.
	const further = (furtherOf.get(target) ?? []).filter(({addressKind: kind}) =>
		furtherOf.get(sender)?.some((one) => one.addressKind === kind),
	);
	if (addressKind === 'external-ipv6' || addressKind === 'tailscale') {
		return further
			.filter((one) => one.addressKind === addressKind)
			.map((one) => ({...own, ...one}));
	}

	const address = addressOf(to, addressKind);
	const named: readonly Path[] =
		address === undefined ? [] : [{...own, addressKind, address}];
	if (addressKind !== 'external' || from === to) {
		return named;
	}

	return [
		...named,
		...further.map((one) => ({
			...own,
			...one,
			port: portUnder(one.address, port),
		})),
	];
};

/** One path between the internal addresses of every pair: which nodes share a network is found from what answers, and not asked. */
const neighbourPaths = (nodes: readonly NodeSpec[]): readonly Path[] => {
	const inside = nodes.filter(({internalIp}) => internalIp !== undefined);
	return inside.flatMap((from) =>
		inside
			.filter((to) => to !== from)
			.map((to): Path => ({
				from: from.name,
				to: to.name,
				addressKind: 'internal',
				address: to.internalIp!,
				protocol: 'tcp',
				port: k3sPorts.kubelet,
			})),
	);
};

/** The server that alone carries the common address of the API; `undefined` when it is a name, or leads to several. */
export const ownerOfApi = ({
	apiEndpoint,
	nodes,
}: Cluster): NodeSpec | undefined => {
	const owners = serversOf(nodes).filter(({externalIp, internalIp}) =>
		[externalIp, internalIp].some(
			(own) =>
				own !== undefined &&
				apiEndpoint !== undefined &&
				sameAddress(own, apiEndpoint),
		),
	);
	return owners.length === 1 ? owners[0] : undefined;
};

/** kubectl needs the API from here, under the address of each server, and under the name that a kubeconfig would hold. */
const controllerPaths = (cluster: Cluster): readonly Path[] => {
	const {apiEndpoint, nodes} = cluster;
	const servers = serversOf(nodes);
	const places = servers.map(({name, externalIp}) => [name, externalIp]);
	const owner = ownerOfApi(cluster) ?? servers[0];
	return [...places, [owner?.name, apiEndpoint]].flatMap(([to, address]) =>
		to === undefined || address === undefined
			? []
			: [
					{
						from: controller,
						to,
						addressKind: 'external' as const,
						address,
						protocol: 'tcp' as const,
						port: k3sPorts.api,
					},
				],
	);
};

/**
 * Where K3s is bound to the tailnet, nobody outside of it may reach the kubelets. Before K3s runs there is nothing to
 * see: what closes their ports comes with the install.
 */
const outsidePaths = (
	{mesh, nodes}: Cluster,
	facts: ReadonlyMap<string, HostFacts>,
): readonly Path[] =>
	mesh.kind === 'tailscale-ip'
		? nodes.flatMap(({name, externalIp}) =>
				externalIp === undefined || facts.get(name)?.k3s?.unitState !== 'active'
					? []
					: [
							{
								from: controller,
								to: name,
								addressKind: 'external' as const,
								address: externalIp,
								protocol: 'tcp' as const,
								port: k3sPorts.kubelet,
							},
						],
			)
		: [];

/**
 * The paths to measure, each once. Those that the requirements ask for, also under further addresses of the target; one
 * between the internal addresses of every pair; from this machine to every server, and to what nobody may reach. A requirement between a node and
 * itself is its hairpin path. One that is scoped to a site counts only for nodes at one site (`cluster/sites.ts`). An
 * address that nobody gave can not be tried.
 */
export const schedulePaths = (
	cluster: Cluster,
	requirements: readonly Requirement[],
	facts: ReadonlyMap<string, HostFacts>,
): readonly Path[] => {
	const nodes = new Map(cluster.nodes.map((node) => [node.name, node]));
	const furtherOf = new Map(
		cluster.nodes.flatMap((node) => {
			const own = facts.get(node.name);
			return own === undefined
				? []
				: [[node.name, furtherAddresses(node, own)] as const];
		}),
	);
	const paths = new Map<string, Path>();
	for (const path of [
		...requirements.flatMap((requirement) =>
			requiredPaths(requirement, nodes, furtherOf),
		),
		...neighbourPaths(cluster.nodes),
		...controllerPaths(cluster),
		...outsidePaths(cluster, facts),
	]) {
		const key = pathKey(path);
		if (!paths.has(key)) {
			paths.set(key, path);
		}
	}

	return [...paths.values()];
};

/** Addresses of a machine on which others can reach it: one socket each, so that every answer leaves from the address that was asked. */
const listenAddresses = (facts: HostFacts): readonly string[] => [
	...new Set(
		facts.addresses
			.map(({address}) => address)
			.filter((address) => {
				const scope = addressScope(address);
				return scope !== 'link-local' && scope !== 'multicast';
			}),
	),
];

/** Where the agent of a node has to listen: the ports that some path wants of it, on each of its addresses. */
export const listenPlaces = (
	node: string,
	paths: readonly Path[],
	facts: HostFacts,
): readonly Place[] => {
	const ports = new Map<string, Pick<Path, 'protocol' | 'port'>>();
	for (const {to, protocol, port} of paths) {
		if (to === node) {
			ports.set(`${protocol}/${port}`, {protocol, port});
		}
	}

	return [...ports.values()].flatMap(({protocol, port}) =>
		listenAddresses(facts).map((address) => ({protocol, address, port})),
	);
};
