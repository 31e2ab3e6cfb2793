import type {ApplyResult} from '../operations/operations.js';
import type {Plan, StepId} from '../plan/plan.js';
import {references as openValues} from '../plan/template.js';
import type {StepState} from './events.js';
import {endedWell} from './schedule.js';

/** The file of the first server that holds the token. */
export const tokenFile = (plan: Plan): string | undefined => {
	const steps = plan.nodes.find(({node}) => node === plan.firstServer)?.steps;
	for (const {action} of steps ?? []) {
		if (
			action.kind === 'write-file' &&
			openValues(action.content).some(
				({reference}) => reference === 'server-token',
			)
		) {
			return action.path;
		}
	}

	return undefined;
};

/** Nodes that became ready in this run; nodes without such a step count by their last step. */
export const readyNodes = (
	plan: Plan,
	states: ReadonlyMap<StepId, StepState>,
): readonly string[] =>
	plan.nodes
		.filter(({steps}) =>
			steps
				.filter(({action}) => action.kind === 'await-ready')
				.every(({id}) => endedWell(states.get(id))),
		)
		.map(({node}) => node);

/** What the end of a run says. */
export const endMessage = (
	cluster: string,
	plan: Plan,
	{outcome, changed, failures}: ApplyResult,
): string => {
	switch (outcome) {
		case 'good': {
			return changed
				? `${cluster} is up: ${plan.nodes.length} nodes are Ready and proven.`
				: `${cluster} is as wanted: nothing was changed.`;
		}

		case 'stopped': {
			return `${cluster} is not complete: the run was stopped. Nothing is taken back; the same command goes on from here.`;
		}

		case 'failed': {
			const names = [...new Set(failures.map(({node}) => node))];
			return `${cluster} is not complete: ${names.join(', ')} did not succeed. Nothing is taken back; the same command goes on from here.`;
		}
	}
};
