import type {Plan, Step, StepId} from '../plan/plan.js';
import type {StepState} from './events.js';

/** Where every step of a plan stands. */
export type StepStates = ReadonlyMap<StepId, StepState>;

/** Every step of a plan, in the plan's order. */
export const stepsOf = (plan: Plan): readonly Step[] =>
	plan.nodes.flatMap(({steps}) => steps);

/** Is a step done? */
export const endedWell = (state: StepState | undefined): boolean =>
	state === 'changed' || state === 'unchanged';

const ended = (state: StepState | undefined): boolean =>
	endedWell(state) || state === 'failed' || state === 'skipped';

/**
 * What a step's needs say about it: it can start, must wait, or cannot be done any more because of a step that did
 * not end well.
 *
 * Verification is different about other nodes: it proves the nodes that became ready, so it waits until each has
 * either become so or failed. A node that fails takes no proof away from the others.
 */
export const readinessOf = (
	step: Step,
	stepById: ReadonlyMap<StepId, Step>,
	states: StepStates,
): 'start' | 'wait' | {readonly because: StepId} => {
	const mustEndWell = step.needs.filter(
		(id) =>
			step.action.kind !== 'verify' || stepById.get(id)?.node === step.node,
	);
	const because = mustEndWell.find((id) => {
		const state = states.get(id);
		return state === 'failed' || state === 'skipped';
	});
	if (because !== undefined) {
		return {because};
	}

	return mustEndWell.every((id) => endedWell(states.get(id))) &&
		step.needs.every((id) => ended(states.get(id)))
		? 'start'
		: 'wait';
};

/**
 * The steps that can start now, at most one a node, in the plan's order, and no more nodes at once than
 * `concurrency`.
 */
export const nextSteps = (
	plan: Plan,
	states: StepStates,
	concurrency: number,
): readonly Step[] => {
	const stepById = new Map(stepsOf(plan).map((step) => [step.id, step]));
	const busy = plan.nodes.filter(({steps}) =>
		steps.some(({id}) => states.get(id) === 'running'),
	).length;
	const free = Math.max(0, concurrency - busy);
	return plan.nodes
		.filter(({steps}) => !steps.some(({id}) => states.get(id) === 'running'))
		.map(({steps}) =>
			steps.find(
				(step) =>
					states.get(step.id) === 'waiting' &&
					readinessOf(step, stepById, states) === 'start',
			),
		)
		.filter((step) => step !== undefined)
		.slice(0, free);
};

/** The steps that wait for something that will not come, each with the step that is the reason. */
export const hopelessSteps = (
	plan: Plan,
	states: StepStates,
): ReadonlyArray<{readonly step: Step; readonly because: Step}> => {
	const stepById = new Map(stepsOf(plan).map((step) => [step.id, step]));
	return stepsOf(plan).flatMap((step) => {
		if (states.get(step.id) !== 'waiting') {
			return [];
		}

		const readiness = readinessOf(step, stepById, states);
		return typeof readiness === 'object'
			? [{step, because: stepById.get(readiness.because)!}]
			: [];
	});
};

/**
 * The steps to try again for a node: its failed and skipped ones, what was skipped elsewhere because of them, and
 * verification of every node when this one took no part in it yet.
 */
export const stepsToRetry = (
	plan: Plan,
	states: StepStates,
	node: string,
): readonly Step[] => {
	const open = (id: StepId) =>
		states.get(id) === 'failed' || states.get(id) === 'skipped';
	const again = new Set(
		stepsOf(plan)
			.filter((step) => step.node === node && open(step.id))
			.map(({id}) => id),
	);
	const tookNoPart = stepsOf(plan).some(
		({id, action}) => again.has(id) && action.kind !== 'verify',
	);
	for (let before = -1; before !== again.size;) {
		before = again.size;
		for (const step of stepsOf(plan)) {
			const follows =
				open(step.id) &&
				states.get(step.id) === 'skipped' &&
				step.needs.some((id) => again.has(id));
			const verifiesAnew =
				tookNoPart &&
				step.action.kind === 'verify' &&
				ended(states.get(step.id));
			if (follows || verifiesAnew) {
				again.add(step.id);
			}
		}
	}

	return stepsOf(plan).filter(({id}) => again.has(id));
};
