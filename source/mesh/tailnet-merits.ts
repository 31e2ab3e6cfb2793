import {concludeNat} from '../checks/conclusions/nat.js';
import type {MeshContext} from './mesh.js';
import {list, type TailnetKind} from './tailscale-finding.js';
import {closingNats} from './wireguard-nat.js';

/** When to take which of the three, in one sentence. */
const choice: Readonly<Record<TailnetKind, string>> = {
	tailscale:
		'Rather this than K3s on Tailscale addresses when there is one server, or an external datastore, and its routes can be approved: it carries packets in one tunnel instead of two.',
	'tailscale-ip':
		'Rather this when no route can be approved, or the K3s release has trouble with its own integration: it works with any.',
};

/** Nodes that nobody reaches from outside, by the kind of NAT in words. */
const hidden = (context: MeshContext): readonly string[] => {
	const conclusions = concludeNat(context);
	return context.cluster.nodes.flatMap(({name}) => {
		const words = closingNats.get(conclusions.get(name)?.kind ?? 'unknown');
		return words === undefined ? [] : [`${name} (${words})`];
	});
};

/** Nodes whose direct paths to each other can not be: each NAT has a port of its own for each target. */
const relayed = (context: MeshContext): readonly string[] => {
	const conclusions = concludeNat(context);
	return context.cluster.nodes
		.map(({name}) => name)
		.filter((name) => conclusions.get(name)?.kind === 'symmetric');
};

/** Why a mesh on a tailnet fits these nodes, as far as is known, and when to take which. */
export const tailnetMerits = (
	context: MeshContext,
	kind: TailnetKind,
): string => {
	const {cluster, facts} = context;
	if (cluster.nodes.length === 0) {
		return 'No node is known yet.';
	}

	if (!cluster.nodes.every(({name}) => facts.has(name))) {
		return 'Nothing that is known so far speaks against it.';
	}

	const behind = hidden(context);
	const reaches =
		behind.length === 0
			? 'It needs no port to be open to anybody.'
			: `It reaches ${list(behind)} without any port open there.`;
	const hard = relayed(context);
	const relay =
		hard.length < 2
			? ''
			: ` Between ${list(hard)} a relay carries all packets, as no direct path can be found there.`;
	return `${reaches}${relay} ${choice[kind]}`;
};
