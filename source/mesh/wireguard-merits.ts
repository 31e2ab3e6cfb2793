import {concludeNat} from '../checks/conclusions/nat.js';
import {verdictArrives} from '../facts/measurements.js';
import {wireguardRequirements} from './k3s-requirements.js';
import type {MeshContext, Requirement} from './mesh.js';

/** Was every node seen to be reached by every other on each port of WireGuard that the pods need? */
const allReached = (context: MeshContext): boolean => {
	const keyOf = ({
		from,
		to,
		addressKind,
		port,
	}: Pick<Requirement, 'from' | 'to' | 'addressKind' | 'port'>): string =>
		`${from}>${to} ${addressKind} ${port}`;
	const reached = new Set(
		context.measurements.cells
			.filter(
				({path, verdict}) => path.protocol === 'udp' && verdictArrives(verdict),
			)
			.map(({path}) => keyOf(path)),
	);
	return wireguardRequirements(context).every((one) => reached.has(keyOf(one)));
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
