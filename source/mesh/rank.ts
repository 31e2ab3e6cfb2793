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

/** Names what the cluster file overrides, so that nobody reads it as praise. */
const withOverrides = (overridden: readonly Finding[]): string | undefined =>
	overridden.length === 0
		? undefined
		: `What speaks against it is overridden: ${[...new Set(overridden.map(({id}) => id))].join(', ')}.`;

/** A mesh with all that speaks for and against it, before any is recommended. */
const judge = (
	context: MeshContext,
	mesh: Mesh,
): Omit<MeshChoice, 'recommended'> & {readonly worst: Finding | undefined} => {
	const all = mesh.findings(context);
	const isOverridden = ({id}: Finding) => context.cluster.ignore.includes(id);
	const findings = all.filter((finding) => !isOverridden(finding));
	const overridden = all.filter(
		(finding) => finding.severity === 'error' && isOverridden(finding),
	);
	const error = findings.find(({severity}) => severity === 'error');
	const worst = error ?? findings.find(({severity}) => severity === 'warning');
	return {
		mesh,
		possible: error === undefined,
		reason: worst?.message ?? withOverrides(overridden) ?? mesh.merits(context),
		findings,
		worst,
	};
};

/**
 * Judges every mesh for these nodes. The first that nothing speaks against is recommended, else the first that is
 * possible. Overridden checks do not count. One that is recommended although others stand before it says what speaks
 * against the first of them.
 */
export const recommendMesh = (
	context: MeshContext,
	candidates: readonly Mesh[] = [...meshes.values()],
): readonly MeshChoice[] => {
	const judged = candidates.map((mesh) => judge(context, mesh));
	const best =
		judged.find(({worst}) => worst === undefined) ??
		judged.find(({possible}) => possible);
	return judged.map(({worst, ...choice}, index) => {
		const recommended = judged[index] === best;
		const before = judged[0]?.worst;
		return {
			...choice,
			recommended,
			reason:
				recommended && index > 0 && worst === undefined && before !== undefined
					? `${choice.reason} ${judged[0]!.mesh.title}: ${before.message}`
					: choice.reason,
		};
	});
};
