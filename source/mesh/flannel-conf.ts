import {parseCidr} from '../cluster/addresses.js';
import type {NodeSpec} from '../cluster/schema.js';
import type {HostFacts, Route} from '../facts/host-facts.js';
import type {Measurements} from '../facts/measurements.js';
import type {MeshContext} from './mesh.js';

/** Where flannel's own configuration is written when it must differ from what K3s would make. */
export const flannelConfPath = '/etc/rancher/k3s/k3s-mesh-flannel.json';

/** What WireGuard adds to a packet, in bytes: flannel takes it from the MTU that it is given. */
export const wireguardOverhead = 80;

const isDefault = ({destination}: Route): boolean =>
	destination === '0.0.0.0/0' || destination === '::/0';

/** MTU of the device that flannel takes its own from, in bytes: the one of the node's address, else of the default route. */
export const deviceMtu = (
	facts: HostFacts,
	node: NodeSpec,
): number | undefined => {
	const byAddress = facts.addresses.find(
		({address}) => address === node.internalIp,
	);
	const device =
		byAddress?.device ?? facts.routes.find((route) => isDefault(route))?.device;
	return facts.addresses.find((entry) => entry.device === device)?.mtu;
};

/** Path MTUs by node: the smallest one, and the ways that were measured. */
type PathIndex = ReadonlyMap<
	string,
	{readonly smallest: number; readonly ways: ReadonlySet<string>}
>;

const indexes = new WeakMap<
	Measurements['pathMtus'],
	{readonly length: number; readonly index: PathIndex}
>();

/** Every node is asked about, and each has a path to every other: worked out once for what was measured. */
const indexOf = (pathMtus: Measurements['pathMtus']): PathIndex => {
	const before = indexes.get(pathMtus);
	// A list that still grows while it is measured has another length.
	if (before?.length === pathMtus.length) {
		return before.index;
	}

	const index = new Map<string, {smallest: number; ways: Set<string>}>();
	for (const {from, to, bytes} of pathMtus) {
		for (const name of [from, to]) {
			const entry = index.get(name) ?? {
				smallest: Number.POSITIVE_INFINITY,
				ways: new Set<string>(),
			};
			entry.smallest = Math.min(entry.smallest, bytes);
			entry.ways.add(`${from}>${to}`);
			index.set(name, entry);
		}
	}

	indexes.set(pathMtus, {length: pathMtus.length, index});
	return index;
};

/** The largest packet that passes to and from all other nodes, in bytes, as far as it was measured. */
export const smallestPathMtu = (
	{measurements}: MeshContext,
	{name}: NodeSpec,
): number | undefined => indexOf(measurements.pathMtus).get(name)?.smallest;

/** Was every path between a node and all others measured, in both directions? */
const allMeasured = (
	{cluster, measurements}: MeshContext,
	node: NodeSpec,
): boolean => {
	const ways = indexOf(measurements.pathMtus).get(node.name)?.ways;
	return cluster.nodes
		.filter(({name}) => name !== node.name)
		.every(
			({name}) =>
				ways?.has(`${node.name}>${name}`) === true &&
				ways.has(`${name}>${node.name}`),
		);
};

/**
 * The MTU for flannel's outer packets when the node's device promises more than the paths carry, else `undefined`:
 * flannel then does right by itself. A running K3s holds the port that paths are measured on, so what an earlier run
 * wrote stands until all paths are measured again; a part of them can only lower it. Other meshes have an MTU of their
 * own that fits any path.
 */
export const neededOuterMtu = (
	context: MeshContext,
	node: NodeSpec,
): number | undefined => {
	if (context.cluster.mesh.kind !== 'wireguard-native') {
		return undefined;
	}

	const facts = context.facts.get(node.name);
	const path = Math.min(
		smallestPathMtu(context, node) ?? Number.POSITIVE_INFINITY,
		(allMeasured(context, node) ? undefined : facts?.k3s?.flannelMtu) ??
			Number.POSITIVE_INFINITY,
	);
	const device = facts === undefined ? undefined : deviceMtu(facts, node);
	return device !== undefined && path < device ? path : undefined;
};

/**
 * The MTU that the mesh interface of a node gets, in bytes: what is left of the outer packets that we tell flannel of,
 * else of the node's device. `undefined` where no path was measured, so that nothing shows whether it fits.
 */
export const flannelMtu = (
	context: MeshContext,
	node: NodeSpec,
): number | undefined => {
	const path = smallestPathMtu(context, node);
	if (path === undefined) {
		return undefined;
	}

	const facts = context.facts.get(node.name);
	const device = facts === undefined ? undefined : deviceMtu(facts, node);
	return (neededOuterMtu(context, node) ?? device ?? path) - wireguardOverhead;
};

/**
 * The text of flannel's whole net-conf. `--flannel-conf` replaces what K3s would write, so everything is in it.
 * `Backend.MTU` is the MTU of the outer packets.
 */
export const flannelConf = (
	{cluster}: Pick<MeshContext, 'cluster'>,
	outerMtu: number,
): string => {
	const network = (family: 4 | 6) =>
		cluster.network.podCidr.find((cidr) => parseCidr(cidr)?.family === family);
	const ipv4 = network(4);
	const ipv6 = network(6);
	return `${JSON.stringify(
		{
			...(ipv4 === undefined ? {} : {Network: ipv4}),
			...(ipv6 === undefined ? {} : {IPv6Network: ipv6}),
			EnableIPv4: ipv4 !== undefined,
			EnableIPv6: ipv6 !== undefined,
			Backend: {
				Type: 'wireguard',
				PersistentKeepaliveInterval: 25,
				MTU: outerMtu,
			},
		},
		undefined,
		2,
	)}\n`;
};
