import {sameAddress} from '../../cluster/addresses.js';
import type {NodeSpec} from '../../cluster/schema.js';
import {translatingClouds} from '../../facts/cloud.js';
import type {HostFacts} from '../../facts/host-facts.js';
import {pathKey, type Cell, type Path} from '../../facts/measurements.js';
import {meshOf} from '../../mesh/catalogue.js';
import type {Mesh} from '../../mesh/mesh.js';
import {cloudFixes} from '../../plan/firewall/clouds.js';
import {
	blockedBySender,
	mayBeClosedThere,
} from '../../plan/firewall/host-fixes.js';
import {byHand, firewallRules} from '../../plan/firewall/node-firewall.js';
import {
	isPublic,
	portOpenings,
	publicOpenings,
	type Opening,
} from '../../plan/firewall/openings.js';
import {ownPublicAddress} from '../conclusions/external-elsewhere.js';
import {inWords, type CheckContext} from '../rule.js';
import {look} from './look.js';
import type {NatReason} from './nat-reason.js';
import {foreignOwner} from './wrong-host.js';

type PortOpening = Extract<Opening, {kind: 'port'}>;

/** Is a firewall of its own known to be at work on a machine? */
export const runsFirewall = ({firewall}: HostFacts): boolean =>
	firewall.active && firewall.kind !== 'none';

/** The lines that open the firewall on the machine itself. */
const onHost = (
	mesh: Mesh,
	host: HostFacts,
	node: NodeSpec,
	openings: readonly PortOpening[],
): readonly string[] => {
	const {kind} = host.firewall;
	const wanted = [
		...openings.filter((opening) => !isPublic(mesh, opening)),
		...(openings.some((opening) => isPublic(mesh, opening))
			? publicOpenings(mesh)
			: []),
	];
	return kind === 'none'
		? []
		: byHand(kind, firewallRules(kind, wanted, host, node));
};

/** What was measured on these paths to one port of one node. */
const cellsOf = (
	{measurements}: CheckContext,
	paths: readonly Path[],
): readonly Cell[] => {
	const {to, protocol, port} = paths[0]!;
	const keys = new Set(paths.map((path) => pathKey(path)));
	return measurements.cells.filter(
		({path}) =>
			path.to === to &&
			path.protocol === protocol &&
			path.port === port &&
			keys.has(pathKey(path)),
	);
};

const targetFixes = (
	context: CheckContext,
	paths: readonly Path[],
	openingsTo: (name: string) => readonly PortOpening[],
	nat?: NatReason,
): readonly string[] => {
	const {to, protocol, port, addressKind} = paths[0]!;
	const node = context.cluster.nodes.find(({name}) => name === to);
	const host = context.facts.get(to);
	const peers = new Set(paths.map(({from}) => from));
	const openings = openingsTo(to).filter(
		(opening) =>
			opening.protocol === protocol &&
			opening.port === port &&
			peers.has(opening.peer),
	);
	const owner = foreignOwner(context, paths[0]!);
	if (owner !== undefined) {
		return [owner];
	}

	const own =
		node === undefined || addressKind !== 'external'
			? undefined
			: ownPublicAddress(context, node);
	if (own !== undefined) {
		return [
			`${to} is seen under its own address ${own}: set externalIp of ${to} to that.`,
		];
	}

	if (addressKind === 'tailscale') {
		// Tailscale lets in all that the tailnet lets through, before other rules of the machine are asked.
		return [
			`Let ${inWords([...peers])} reach ${protocol.toUpperCase()} ${port} of ${to} in the policy of the tailnet; "k3s-mesh-tui policy" prints what the cluster needs.`,
			`Or look whether ${to} is connected there: tailscale status.`,
		];
	}

	// A peer whose address nobody knows has no rule yet.
	const refusedBefore =
		host !== undefined &&
		cellsOf(context, paths).every((cell) => !mayBeClosedThere(host, cell));
	const outside =
		openings.length > 0
			? cloudFixes(host?.cloud, to, openings)
			: [
					`In the firewall in front of ${to}: allow ${protocol.toUpperCase()} ${port} from ${inWords([...peers])}.`,
				];
	if (nat !== undefined) {
		return [
			...nat.fixes,
			...(node !== undefined &&
			host !== undefined &&
			runsFirewall(host) &&
			!refusedBefore
				? [
						`${to} runs ${host.firewall.kind}, too. To open it there (the install does so too):`,
						...onHost(meshOf(context.cluster), host, node, openings),
					]
				: []),
		];
	}

	if (host === undefined) {
		return [`Look at the firewalls on and in front of ${to}.`, ...outside];
	}

	if (refusedBefore) {
		return [`Something in front of ${to} refused it, not ${to}.`, ...outside];
	}

	if (node !== undefined && runsFirewall(host)) {
		return [
			`${to} runs ${host.firewall.kind}. To open it there (the install does so too):`,
			...onHost(meshOf(context.cluster), host, node, openings),
			'If that is not it:',
			...outside,
		];
	}

	const behindRouter =
		addressKind === 'external' &&
		node?.externalIp !== undefined &&
		!translatingClouds.has(host.cloud ?? '') &&
		!host.addresses.some(({address}) => sameAddress(address, node.externalIp!));
	return [
		`No firewall was seen on ${to} itself.`,
		...outside,
		...(behindRouter
			? [
					`${to} is behind NAT: the router must also pass ${protocol.toUpperCase()} ${port} of ${node.externalIp!} on to it.`,
				]
			: []),
	];
};

/**
 * How these paths to one port of a node are opened, behind a NAT that is known to close them: at the senders that let
 * nothing out themselves, and at or in front of the target for the others.
 */
export const openingFixes = (
	context: CheckContext,
	paths: readonly Path[],
	openingsTo: (name: string) => readonly PortOpening[],
	nat?: NatReason,
): readonly string[] => {
	const held = new Set(
		cellsOf(context, paths)
			.filter(({verdict}) => blockedBySender(verdict))
			.map(({path}) => path.from),
	);
	const {address, protocol, port} = paths[0]!;
	const others = paths.filter(({from}) => !held.has(from));
	return [
		...(held.size === 0
			? []
			: [
					`In the firewall on ${inWords([...held])} itself: let ${protocol.toUpperCase()} ${port} to ${address} out.`,
				]),
		...(others.length === 0
			? []
			: targetFixes(context, others, openingsTo, nat)),
	];
};

/** Openings of each target, worked out once. */
export const openingsOf = (context: CheckContext) => {
	const nodes = new Map(context.cluster.nodes.map((node) => [node.name, node]));
	const found = new Map<string, readonly PortOpening[]>();
	return (name: string) => {
		const node = nodes.get(name);
		const openings =
			found.get(name) ??
			(node === undefined
				? []
				: portOpenings(
						context,
						meshOf(context.cluster),
						node,
						look(context).byTarget.get(name) ?? [],
					));
		found.set(name, openings);
		return openings;
	};
};
