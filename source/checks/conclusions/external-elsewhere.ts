import {sameAddress} from '../../cluster/addresses.js';
import type {NodeSpec} from '../../cluster/schema.js';
import type {MeshContext} from '../../mesh/mesh.js';
import {concludeNat} from './nat.js';

/**
 * The public address on the machine itself under which others see a node, when the file gives it another external one
 * that is not on the machine and at which nothing arrives: that one is probably wrong.
 */
export const ownPublicAddress = (
	context: MeshContext,
	{name, externalIp}: NodeSpec,
): string | undefined => {
	// What is known by a name that two nodes have is about one of them.
	const isNamed =
		context.cluster.nodes.filter((node) => node.name === name).length === 1;
	const nat = concludeNat(context).get(name);
	const isElsewhere =
		externalIp !== undefined &&
		context.facts
			.get(name)
			?.addresses.some(({address}) => sameAddress(address, externalIp)) ===
			false;
	return isNamed && isElsewhere && nat?.kind === 'none'
		? nat.publicAddress
		: undefined;
};
