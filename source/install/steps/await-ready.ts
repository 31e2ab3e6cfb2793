import {DeadlineExceeded, HostLost, ScriptFailed} from '../../host/errors.js';
import {UserError, describeError} from '../../errors.js';
import {judgeReadiness, type Readiness} from '../readiness.js';
import {poll} from '../wait.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

type Action = ActionOf<'await-ready'>;

const look = async (
	action: Action,
	{nodes}: StepContext,
): Promise<Readiness> => {
	try {
		return judgeReadiness(await nodes.read(), action);
	} catch (error) {
		// A server that has just started may take its time; the step's own deadline decides.
		if (
			error instanceof ScriptFailed ||
			error instanceof HostLost ||
			error instanceof DeadlineExceeded
		) {
			return {
				ready: false,
				missing: `cannot be looked up: the API of the first server does not answer (${describeError(error)})`,
				tryNext: ['Look at the log of the first server.'],
			};
		}

		throw error;
	}
};

const prove = (
	readiness: Extract<Readiness, {ready: true}>,
	{tell, step}: StepContext,
): void => {
	const {internalIps, externalIps, kubeletVersion} = readiness.node;
	tell.proof({
		kind: 'node-ready',
		from: step.node,
		to: undefined,
		ok: true,
		detail: `Ready, internal ${internalIps.join(', ') || '–'}, external ${externalIps.join(', ') || '–'}, ${kubeletVersion ?? 'version unknown'}`,
	});
};

/** Waits until the node object is Ready and shows the planned addresses. */
export const awaitReady: StepHandler<Action> = {
	async check(action, context) {
		const readiness = await look(action, context);
		if (readiness.ready) {
			prove(readiness, context);
		}

		return readiness.ready;
	},
	async act(action, context) {
		const {tell, step, waitLimitMs, signal, pollMs} = context;
		const deadlineAt = context.now() + waitLimitMs;
		const readiness = await poll({
			ask: async () => look(action, context),
			good: (answer) => answer.ready,
			pauseMs: pollMs,
			limitMs: waitLimitMs,
			signal,
			onAnswer(answer) {
				if (!answer.ready) {
					tell.waiting(answer.missing, deadlineAt);
				}
			},
		});
		if (!readiness.ready) {
			tell.proof({
				kind: 'node-ready',
				from: step.node,
				to: undefined,
				ok: false,
				detail: readiness.missing,
			});
			throw new UserError(
				`${readiness.missing} (given up after ${Math.round(waitLimitMs / 1000)} s)`,
				{node: step.node, tryNext: readiness.tryNext},
			);
		}

		prove(readiness, context);
		return 'unchanged';
	},
	async verify() {
		// It has been looked at until it was so.
	},
};
