import {sharesSite} from '../../checks/conclusions/sites.js';
import {
	addressFamily,
	isAddress,
	parseCidr,
	sameAddress,
} from '../../cluster/addresses.js';
import type {NodeSpec} from '../../cluster/schema.js';
import {verdictArrives} from '../../facts/measurements.js';
import {k3sPorts} from '../../mesh/k3s-requirements.js';
import type {
	Mesh,
	MeshContext,
	Protocol,
	Requirement,
} from '../../mesh/mesh.js';
import {tailnetInterface, tailnetPort} from '../../mesh/tailnet.js';
import {furtherIpv6} from '../../mesh/node-ips.js';

/** Something that a host firewall must let through, in no firewall's words. */
export type Opening =
	/** Packets of a peer to a port of ours. */
	| {
			readonly kind: 'port';
			readonly why: string;
			readonly protocol: Protocol;
			readonly port: number;
			/** Name of the peer. */
			readonly peer: string;
			/** The peer's address. */
			readonly source: string;
			readonly family: 4 | 6;
	  }
	/** Packets of anybody to a port of ours. */
	| {
			readonly kind: 'public-port';
			readonly why: string;
			readonly protocol: Protocol;
			readonly port: number;
	  }
	/** Packets of pods and services to this host. */
	| {
			readonly kind: 'network';
			readonly why: string;
			readonly cidr: string;
			readonly family: 4 | 6;
	  }
	/** Packets that come in through an interface of pods or of the mesh. */
	| {readonly kind: 'interface'; readonly why: string; readonly device: string}
	/** Packets that are passed on from or to such an interface. */
	| {readonly kind: 'forward'; readonly why: string; readonly device: string};

const portNames: ReadonlyMap<number, string> = new Map([
	[k3sPorts.api, 'Kubernetes API'],
	[k3sPorts.kubelet, 'kubelet'],
	[k3sPorts.etcdClient, 'etcd'],
	[k3sPorts.etcdPeer, 'etcd'],
	[k3sPorts.vxlan, 'VXLAN'],
	[tailnetPort, 'Tailscale'],
	[k3sPorts.wireguardIpv4, 'WireGuard'],
	[k3sPorts.wireguardIpv6, 'WireGuard'],
]);

/** What a port is for, for people: `WireGuard`. */
export const portName = (port: number, protocol: Protocol): string =>
	portNames.get(port) ?? `${protocol} ${port}`;

type SeenSources = ReadonlyMap<string, ReadonlySet<string>>;

const pairKey = (
	from: string,
	to: string,
	kind: Requirement['addressKind'],
): string => `${from}>${to}|${kind}`;

/** The addresses that packets of a pair were seen to come from, without the port. */
const seenSources = (
	{measurements}: MeshContext,
	node: NodeSpec,
): SeenSources => {
	const seen = new Map<string, Set<string>>();
	for (const {path, verdict, observedSource} of measurements.cells) {
		if (path.to !== node.name || !verdictArrives(verdict)) {
			continue;
		}

		const address = observedSource
			?.replace(/:\d+$/, '')
			.replaceAll(/[[\]]/g, '');
		if (address !== undefined && isAddress(address)) {
			const key = pairKey(path.from, path.to, path.addressKind);
			seen.set(key, (seen.get(key) ?? new Set()).add(address));
		}
	}

	return seen;
};

/**
 * Asks whether packets of a peer may come from its internal address. A site that the file names stays one whatever was
 * measured: its firewalls may be all that stands between its nodes.
 */
const nearTo = (
	context: MeshContext,
	node: NodeSpec,
): ((peer: NodeSpec) => boolean) => {
	const together = sharesSite(context);
	return (peer) =>
		together(peer.name, node.name) ||
		(peer.site !== undefined && peer.site === node.site);
};

/** The addresses from which a peer's packets may come: those that we know, and those that were seen when we measured. */
const sourcesOf = (
	seen: SeenSources,
	peer: NodeSpec,
	node: NodeSpec,
	kind: Requirement['addressKind'],
	{
		near,
		ipv6,
	}: {
		readonly near: boolean;
		/** The peer's further public address of IPv6. */
		readonly ipv6: string | undefined;
	},
): readonly string[] => {
	const known =
		kind === 'internal'
			? [peer.internalIp]
			: kind === 'external-ipv6'
				? [ipv6]
				: [peer.externalIp, near ? peer.internalIp : undefined];
	const sources: string[] = [];
	for (const address of [
		...known,
		...(seen.get(pairKey(peer.name, node.name, kind)) ?? []),
	]) {
		if (
			address !== undefined &&
			!sources.some((source) => sameAddress(source, address))
		) {
			sources.push(address);
		}
	}

	return sources;
};

/**
 * Ports of ours that peers reach, from the addresses of these peers only. What comes in through the tailnet is let in by
 * its interface. `requirements` are those of the cluster, for
 * callers that ask about many nodes.
 */
export const portOpenings = (
	context: MeshContext,
	mesh: Mesh,
	node: NodeSpec,
	requirements: readonly Requirement[] = mesh.requirements(context),
): ReadonlyArray<Extract<Opening, {kind: 'port'}>> => {
	const openings = new Map<string, Extract<Opening, {kind: 'port'}>>();
	const seen = seenSources(context, node);
	const isNear = nearTo(context, node);
	const peers = new Map(context.cluster.nodes.map((one) => [one.name, one]));
	for (const {from, to, addressKind, protocol, port} of requirements) {
		const peer =
			to === node.name && addressKind !== 'tailscale'
				? peers.get(from)
				: undefined;
		if (peer === undefined) {
			continue;
		}

		const host = context.facts.get(from);

		for (const source of sourcesOf(seen, peer, node, addressKind, {
			near: isNear(peer),
			ipv6: host && furtherIpv6(peer, host),
		})) {
			const key = `${protocol}/${port} ${source}`;
			if (!openings.has(key)) {
				openings.set(key, {
					kind: 'port',
					why: `${portName(port, protocol)} from ${from === node.name ? 'this node itself' : from}`,
					protocol,
					port,
					peer: from,
					source,
					family: addressFamily(source),
				});
			}
		}
	}

	return [...openings.values()];
};

const podInterfaces = (
	{cluster}: MeshContext,
	mesh: Mesh,
): readonly string[] => {
	const ipv6 = cluster.network.podCidr.some(
		(cidr) => parseCidr(cidr)?.family === 6,
	);
	return [
		'cni0',
		...mesh.trustedInterfaces.filter(
			(device) => ipv6 || !/-v6(?:\.|$)/.test(device),
		),
	];
};

/** What comes in through an interface, for people. */
const interfaceNames: ReadonlyMap<string, string> = new Map([
	['cni0', 'pods of this node'],
	[tailnetInterface, 'the tailnet'],
]);

/** Ports to which anybody may send, as the mesh works best so. */
export const publicOpenings = (mesh: Mesh): readonly Opening[] =>
	mesh.publicPorts.map(({protocol, port}) => ({
		kind: 'public-port',
		why: `${portName(port, protocol)} from anybody`,
		protocol,
		port,
	}));

/** Is the port one to which anybody may send? */
export const isPublic = (
	mesh: Mesh,
	{protocol, port}: Pick<Requirement, 'protocol' | 'port'>,
): boolean =>
	mesh.publicPorts.some(
		(one) => one.protocol === protocol && one.port === port,
	);

/** What pods need of the host: their networks and interfaces. */
export const podOpenings = (
	context: MeshContext,
	mesh: Mesh,
): readonly Opening[] => {
	const {podCidr, serviceCidr} = context.cluster.network;
	const network = (cidr: string, why: string): Opening => ({
		kind: 'network',
		why,
		cidr,
		family: parseCidr(cidr)!.family,
	});
	return [
		...podInterfaces(context, mesh).map((device): Opening => ({
			kind: 'interface',
			why: interfaceNames.get(device) ?? 'pods of other nodes',
			device,
		})),
		...podCidr.map((cidr) => network(cidr, 'pod network')),
		...serviceCidr.map((cidr) => network(cidr, 'service network')),
	];
};

/** Pod traffic that this host passes on. */
export const forwardOpenings = (
	context: MeshContext,
	mesh: Mesh,
): readonly Opening[] =>
	podInterfaces(context, mesh).map((device) => ({
		kind: 'forward',
		why: `forwarding from and to ${device}`,
		device,
	}));
