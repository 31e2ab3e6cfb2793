import type {ApplyResult} from '../operations/operations.js';
import type {Plan, Step, StepId} from '../plan/plan.js';
import type {NodeEnd, StepState} from './events.js';
import {endedWell} from './schedule.js';

/** How the steps of a run ended. */
export type StepEnds = {
	readonly states: ReadonlyMap<StepId, StepState>;
	readonly failures: ApplyResult['failures'];
	/** Steps that were cut off half-way. */
	readonly cutSteps: ReadonlySet<StepId>;
};

/** The step that is told of: the one that failed, else the first that is open. */
export const openStep = (
	steps: readonly Step[],
	states: ReadonlyMap<StepId, StepState>,
): Step | undefined =>
	steps.find(({id}) => states.get(id) === 'failed') ??
	steps.find(({id}) => !endedWell(states.get(id)));

/** What is so on a node, by the steps that ended well: the last that says something new counts. */
const whatIsThere = (
	steps: readonly Step[],
	states: ReadonlyMap<StepId, StepState>,
): string => {
	const done = new Set(
		steps
			.filter(({id}) => endedWell(states.get(id)))
			.map(({action}) => action.kind),
	);
	if (done.has('await-ready')) {
		return 'K3s runs and the node is Ready';
	}

	if (done.has('await-join')) {
		return 'K3s runs there, but the node is not Ready yet';
	}

	if (done.has('start')) {
		return 'K3s was started there and goes on trying by itself';
	}

	if (done.has('install')) {
		return 'K3s is installed there but was not started by this run';
	}

	return done.has('download')
		? 'K3s is downloaded there, not installed by this run'
		: 'K3s was not installed by this run';
};

/** Where a node was left that has not failed, as the beginning of a sentence that ends with what is there. */
export const endedAt = (
	{title}: Step,
	{begun, isCut}: {readonly begun: boolean; readonly isCut: boolean},
): string =>
	isCut
		? `cut off in "${title}", and how far that came is not known; before it: `
		: `${begun ? 'stopped' : 'nothing was changed'} before "${title}"; `;

/** What state each node is in at the end of a run, and where the next one goes on. Pure. */
export const nodeEnds = (
	plan: Plan,
	{states, failures, cutSteps}: StepEnds,
): readonly NodeEnd[] =>
	plan.nodes.map(({node, steps}): NodeEnd => {
		const open = openStep(steps, states);
		if (open === undefined) {
			return {
				node,
				state: 'done',
				done: steps.length,
				steps: steps.length,
				text: 'done: K3s runs, and the node is Ready and proven',
				next: 'nothing to do',
			};
		}

		const failure = failures.find((one) => one.node === node);
		const done = steps.filter(({id}) => endedWell(states.get(id))).length;
		const isCut = cutSteps.has(open.id);
		// A step that failed or was cut may have changed something before it did.
		const begun =
			isCut ||
			failure !== undefined ||
			steps.some(({id}) => states.get(id) === 'changed');
		const there = whatIsThere(steps, states);
		return {
			node,
			state:
				failure === undefined ? (begun ? 'partly' : 'untouched') : 'failed',
			done,
			steps: steps.length,
			text:
				failure === undefined
					? `${endedAt(open, {begun, isCut})}${there}`
					: `failed at "${open.title}": ${failure.message.replace(/\.$/, '')}; ${there}`,
			next: `looks at what is there, leaves the ${done} of ${steps.length} steps alone that are done, and goes on with "${open.title}"`,
		};
	});

const endSigns = {
	done: '●',
	failed: '✖',
	partly: '▲',
	untouched: '◌',
} as const;

/** What state each node is in after a run, for people; nothing when all are done. */
export const nodeEndLines = (nodes: readonly NodeEnd[]): readonly string[] => {
	if (nodes.every(({state}) => state === 'done')) {
		return [];
	}

	const width = Math.max(...nodes.map(({node}) => node.length));
	return nodes.flatMap(({node, state, text, next}) => [
		`${endSigns[state]} ${node.padEnd(width)}  ${text}.`,
		...(state === 'done'
			? []
			: [`  ${' '.repeat(width)}  The next run ${next}.`]),
	]);
};
