import {concludeNat} from '../checks/conclusions/nat.js';
import {verdictArrives} from '../facts/measurements.js';
import {wireguardPort} from './k3s-requirements.js';
import type {MeshContext} from './mesh.js';

/** Was every node seen to be reached on WireGuard's port by every other? */
const allReached = ({cluster, measurements}: MeshContext): boolean => {
	const reached = new Set(
		measurements.cells
			.filter(
				({path, verdict}) =>
					path.protocol === 'udp' &&
					path.addressKind === 'external' &&
					verdictArrives(verdict),
			)
			.map(({path}) => `${path.from}>${path.to} ${path.port}`),
	);
	return cluster.nodes.every((to) =>
		cluster.nodes.every(
			(from) =>
				from.name === to.name ||
				reached.has(`${from.name}>${to.name} ${wireguardPort(to)}`),
		),
	);
};

/** Why WireGuard fits these nodes, as far as is known. */
export const wireguardMerits = (context: MeshContext): string => {
	const {nodes} = context.cluster;
	const count = nodes.length;
	if (count === 0) {
		return 'No node is known yet.';
	}

	if (!nodes.every(({name}) => context.facts.has(name))) {
		return 'Nothing that is known so far speaks against it.';
	}

	const whose =
		count === 1
			? 'The node has an external address of its own'
			: `All ${count} nodes have an external address of their own`;
	if (count === 1 || !allReached(context)) {
		return `${whose} and a kernel for it.`;
	}

	const translated = [...concludeNat(context)]
		.filter(([, {kind}]) => kind === 'one-to-one')
		.map(([name]) => name);
	const through =
		translated.length === 0
			? ''
			: `, ${new Intl.ListFormat('en', {type: 'conjunction'}).format(translated)} through one-to-one NAT`;
	return `${whose} and a kernel for it, and WireGuard's port of each is reached by all others${through}.`;
};
