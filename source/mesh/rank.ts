import type {Finding} from '../checks/finding.js';
import {meshes} from './catalogue.js';
import type {Mesh, MeshContext} from './mesh.js';

/** One mesh, judged for these nodes. */
export type MeshChoice = {
	readonly mesh: Mesh;
	/** Does nothing that we know speak against it for good? */
	readonly possible: boolean;
	readonly recommended: boolean;
	/** One sentence from the facts, for people. */
	readonly reason: string;
	/** What speaks against it and is not overridden. */
	readonly findings: readonly Finding[];
};

const praise = (context: MeshContext): string => {
	const {nodes} = context.cluster;
	const count = nodes.length;
	if (!nodes.every(({name}) => context.facts.has(name))) {
		return 'Nothing that is known so far speaks against it.';
	}

	return count === 0
		? 'No node is known yet.'
		: `${count === 1 ? 'The node has' : `All ${count} nodes have`} an external address of ${count === 1 ? 'its' : 'their'} own and a kernel for it.`;
};

/** Names what the cluster file overrides, so that nobody reads it as praise. */
const withOverrides = (overridden: readonly Finding[]): string | undefined =>
	overridden.length === 0
		? undefined
		: `What speaks against it is overridden: ${[...new Set(overridden.map(({id}) => id))].join(', ')}.`;

/** Judges every mesh for these nodes: the first one that is possible is recommended. Overridden checks do not count. */
export const recommendMesh = (context: MeshContext): readonly MeshChoice[] => {
	let recommended = false;
	return [...meshes.values()].map((mesh) => {
		const all = mesh.findings(context);
		const isOverridden = ({id}: Finding) => context.cluster.ignore.includes(id);
		const findings = all.filter((finding) => !isOverridden(finding));
		const overridden = all.filter(
			(finding) => finding.severity === 'error' && isOverridden(finding),
		);
		const error = findings.find(({severity}) => severity === 'error');
		const warning = findings.find(({severity}) => severity === 'warning');
		const possible = error === undefined;
		const choice: MeshChoice = {
			mesh,
			possible,
			recommended: possible && !recommended,
			reason:
				error?.message ??
				warning?.message ??
				withOverrides(overridden) ??
				praise(context),
			findings,
		};
		recommended ||= possible;
		return choice;
	});
};
