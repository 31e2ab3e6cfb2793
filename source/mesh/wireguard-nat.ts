import type {
	NatConclusion,
	NatKind,
} from '../checks/conclusions/conclusions.js';
import {groupBy} from '../checks/conclusions/group-by.js';
import {concludeNat} from '../checks/conclusions/nat.js';
import {isBlocked} from '../checks/conclusions/verdict.js';
import type {Finding} from '../checks/finding.js';
import {addressScope, sameAddress} from '../cluster/addresses.js';
import type {NodeSpec} from '../cluster/schema.js';
import {verdictArrives} from '../facts/measurements.js';
import {wireguardPort} from './k3s-requirements.js';
import type {MeshContext} from './mesh.js';
import {finding} from './wireguard-finding.js';

/** Kinds of NAT that let in only what was asked for, in words. */
export const closingNats: ReadonlyMap<NatKind, string> = new Map([
	['port-restricted', 'port-restricted NAT'],
	['symmetric', 'symmetric NAT'],
	['carrier-grade', 'carrier NAT'],
]);

const list = (names: readonly string[]): string =>
	new Intl.ListFormat('en', {type: 'conjunction'}).format(names);

/** What was measured between WireGuard's ports of two nodes. */
type Ways = {
	/** Is it shown that nothing new arrives? */
	readonly closed: (from: string, to: string) => boolean;
	/** Did a try from port to port, by both at once, get through? */
	readonly meets: (one: string, other: string) => boolean;
};

const waysOf = ({cluster, measurements}: MeshContext): Ways => {
	const ports = new Map(
		cluster.nodes.map((node) => [node.name, wireguardPort(node)]),
	);
	const keyOf = (from: string, to: string): string => `${from}>${to}`;
	const outside = measurements.cells.filter(
		({path}) => path.protocol === 'udp' && path.addressKind === 'external',
	);
	const own = outside.filter(({path}) => path.port === ports.get(path.to));
	// Where another mesh is chosen its port was asked instead, and a NAT treats both alike.
	const cells = own.length > 0 ? own : outside;
	const arriving = new Set(
		cells
			.filter(({verdict}) => verdictArrives(verdict))
			.map(({path}) => keyOf(path.from, path.to)),
	);
	const blocked = new Set(
		cells
			.filter(({verdict}) => isBlocked(verdict))
			.map(({path}) => keyOf(path.from, path.to)),
	);
	const met = new Set(
		measurements.portToPort
			.filter(({answered}) => answered)
			.map(({from, to}) => keyOf(from, to)),
	);
	return {
		closed: (from, to) =>
			blocked.has(keyOf(from, to)) && !arriving.has(keyOf(from, to)),
		meets: (one, other) =>
			met.has(keyOf(one, other)) || met.has(keyOf(other, one)),
	};
};

const fixesFor = (
	node: NodeSpec,
	kind: NatKind,
	{publicAddress}: NatConclusion,
): readonly string[] => [
	...(kind === 'carrier-grade'
		? []
		: [
				`If its router is yours: forward UDP ${wireguardPort(node)} of ${publicAddress ?? 'its public address'} to ${node.name}, and give externalIp of ${node.name} that address.`,
			]),
	`Ask the provider of ${node.name} for a public address of its own, or use IPv6 on all nodes.`,
];

/** Carrier NAT is its own rule: no router of one's own can be set up to let anything in. */
const ruleOf = (kind: NatKind): 'wireguard.cgnat' | 'wireguard.nat' =>
	kind === 'carrier-grade' ? 'wireguard.cgnat' : 'wireguard.nat';

/**
 * Nodes behind a NAT that lets in only what was asked for. A pair works as long as one of the two can be reached, or
 * their ports meet; where neither is so, nothing that this mesh does can connect them.
 */
const closedNats = (context: MeshContext): readonly Finding[] => {
	const conclusions = concludeNat(context);
	const ways = waysOf(context);
	const {nodes} = context.cluster;
	return nodes.flatMap((node) => {
		const conclusion = conclusions.get(node.name);
		const words = closingNats.get(conclusion?.kind ?? 'unknown');
		if (conclusion === undefined || words === undefined) {
			return [];
		}

		const {kind} = conclusion;
		const others = nodes.filter(({name}) => name !== node.name);
		const shutOut = others.filter(({name}) => ways.closed(name, node.name));
		// Nobody is shut out where a forward of the router lets the mesh port in.
		if (kind !== 'carrier-grade' && shutOut.length === 0) {
			return [];
		}

		const never = shutOut.filter(
			({name}) =>
				ways.closed(node.name, name) &&
				closingNats.has(conclusions.get(name)!.kind) &&
				!ways.meets(node.name, name),
		);
		const hopeless = addressScope(node.externalIp ?? '0.0.0.0') === 'shared';
		const consequence =
			never.length > 0
				? `WireGuard cannot connect it with ${list(never.map(({name}) => name))}, which nobody can reach from outside either`
				: 'WireGuard comes up from its side only, and not with another node of that kind';
		return [
			finding(
				ruleOf(kind),
				hopeless || never.length > 0 ? 'error' : 'warning',
				{
					message: `${node.name} is behind ${words} (${conclusion.evidence.slice(0, 2).join('; ')}): ${hopeless ? `${node.externalIp!} cannot be reached from other networks` : consequence}.`,
					nodes: [node.name, ...never.map(({name}) => name)],
					fixes: fixesFor(node, kind, conclusion),
				},
			),
		];
	});
};

/** Nodes that others see under one public address, although the file gives them different ones or none. */
const sharedByMeasure = (context: MeshContext): readonly Finding[] => {
	const conclusions = concludeNat(context);
	const hidden = context.cluster.nodes.filter(({name}) => {
		const {kind, publicAddress} = conclusions.get(name)!;
		return (
			publicAddress !== undefined && kind !== 'none' && kind !== 'one-to-one'
		);
	});
	const groups = groupBy(
		hidden,
		({name}) => conclusions.get(name)!.publicAddress!,
	);
	return [...groups]
		.filter(([, [first, ...others]]) =>
			others.some(
				({externalIp}) =>
					externalIp === undefined ||
					first!.externalIp === undefined ||
					!sameAddress(externalIp, first!.externalIp),
			),
		)
		.map(([address, group]) =>
			finding('wireguard.external-ip-unique', 'warning', {
				message: `${list(group.map(({name}) => name))} are seen under one public address, ${address}: what is sent to it reaches one of them at most.`,
				nodes: group.map(({name}) => name),
				fixes: [
					'Keep one of these nodes in the cluster and leave the others out, or give each a public address of its own.',
				],
			}),
		);
};

/** What NAT, as far as it shows, does to WireGuard. */
export const natFindings = (context: MeshContext): readonly Finding[] => [
	...closedNats(context),
	...sharedByMeasure(context),
];
