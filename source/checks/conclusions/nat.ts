import type {MeshContext} from '../../mesh/mesh.js';
import type {NatConclusion} from './conclusions.js';
import {layersHint, natEvidence, publicAddress} from './nat/evidence.js';
import {natKind} from './nat/kind.js';
import {gatherSigns} from './nat/signs.js';

const known = new WeakMap<MeshContext, ReadonlyMap<string, NatConclusion>>();

/** What stands between each node and the internet, by node name. */
export const concludeNat = (
	context: MeshContext,
): ReadonlyMap<string, NatConclusion> => {
	const before = known.get(context);
	if (before !== undefined) {
		return before;
	}

	const conclusions = new Map(
		gatherSigns(context).map((signs): [string, NatConclusion] => [
			signs.node.name,
			{
				kind: natKind(signs),
				publicAddress: publicAddress(signs),
				evidence: natEvidence(signs),
				layersHint: layersHint(signs),
			},
		]),
	);
	known.set(context, conclusions);
	return conclusions;
};
