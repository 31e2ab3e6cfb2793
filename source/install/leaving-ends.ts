import type {ApplyResult} from '../operations/operations.js';
import type {Plan, Step, StepId} from '../plan/plan.js';
import type {NodeEnd, StepState} from './events.js';
import {endedAt, openStep, type StepEnds} from './node-ends.js';
import {endedWell, stepsOf} from './schedule.js';

const again = 'Nothing is taken back; the same command goes on from here.';

/** The node that a removal takes out. */
const leaver = (plan: Plan): string =>
	stepsOf(plan).flatMap(({action}) =>
		action.kind === 'delete-node' ? [action.nodeName] : [],
	)[0] ?? 'the node';

/** What the end of a run says that takes a node, or all of a cluster, away. */
export const leavingMessage = (
	plan: Plan,
	{outcome, changed, failures}: ApplyResult,
): string => {
	const isRemoval = plan.purpose === 'remove';
	const subject = isRemoval ? leaver(plan) : plan.cluster;
	switch (outcome) {
		case 'good': {
			if (!changed) {
				return isRemoval
					? `Nothing was to be changed: ${subject} had left ${plan.cluster} already.`
					: `Nothing was to be changed: nothing of ${subject} is left.`;
			}

			return isRemoval
				? `${subject} has left ${plan.cluster}.`
				: `${subject} is uninstalled: its machines are given back.`;
		}

		case 'stopped': {
			return `${subject} has not left whole: the run was stopped. ${again}`;
		}

		case 'failed': {
			const names = [...new Set(failures.map(({node}) => node))];
			return `${subject} has not left whole: ${names.join(', ')} did not succeed. ${again}`;
		}
	}
};

/** What is so on a machine, by the steps that ended well: the last that says something new counts. */
const whatIsThere = (
	steps: readonly Step[],
	states: ReadonlyMap<StepId, StepState>,
): string => {
	const isDone = (kind: Step['action']['kind']): boolean =>
		steps.some(
			({id, action}) => action.kind === kind && endedWell(states.get(id)),
		);
	if (isDone('uninstall-k3s')) {
		return 'K3s is gone there, and not all of our files are';
	}

	if (isDone('stop-k3s')) {
		return 'K3s is stopped there and does not start any more, and is still installed';
	}

	return isDone('delete-node')
		? 'the cluster does not know the node any more'
		: 'all is there still';
};

/** What state each machine is in at the end of a run that takes something away, and where the next one goes on. Pure. */
export const leavingEnds = (
	plan: Plan,
	{states, failures, cutSteps}: StepEnds,
): readonly NodeEnd[] =>
	plan.nodes.map(({node, steps}): NodeEnd => {
		const done = steps.filter(({id}) => endedWell(states.get(id))).length;
		const counts = {node, done, steps: steps.length};
		const failure = failures.find((one) => one.node === node);
		const open = openStep(steps, states);
		if (open === undefined) {
			return {
				...counts,
				state: 'done',
				text: steps.some(({action}) => action.kind === 'forget')
					? 'done: given back as it was'
					: steps.length === 0
						? 'nothing was to be done there'
						: 'done',
				next: 'nothing to do',
			};
		}

		const isCut = cutSteps.has(open.id);
		const begun =
			isCut ||
			failure !== undefined ||
			steps.some(({id}) => states.get(id) === 'changed');
		const there = whatIsThere(steps, states);
		return {
			...counts,
			state:
				failure === undefined ? (begun ? 'partly' : 'untouched') : 'failed',
			text:
				failure === undefined
					? `${endedAt(open, {begun, isCut})}${there}`
					: `failed at "${open.title}": ${failure.message.replace(/\.$/, '')}; ${there}`,
			next: `looks at what is there, and goes on with "${open.title}"`,
		};
	});
