import {UserError} from '../../../errors.js';
import {DeadlineExceeded, ScriptFailed} from '../../../host/errors.js';
import {k3sDrain} from '../../../host/scripts/k3s-leave.js';
import type {ActionOf, StepHandler} from '../step.js';

/** What sending a request and reading its answer may take besides the pods' own time, in ms. */
const marginMs = 30_000;

/** Has the pods of a node go to others, for as long as a node may wait for something. */
export const drain: StepHandler<ActionOf<'drain'>> = {
	// Asked again it does nothing where nothing is left to send away.
	check: async () => false,
	async act({nodeName}, {host, signal, tell, waitLimitMs, now, step}) {
		tell.waiting(
			`waits until the pods of ${nodeName} have ended there`,
			now() + waitLimitMs,
		);
		try {
			await host.stream(
				k3sDrain,
				{node: nodeName, seconds: waitLimitMs / 1000},
				{
					signal,
					timeoutMs: waitLimitMs + marginMs,
					onLine(line) {
						tell.log(line);
					},
				},
			);
		} catch (error) {
			signal.throwIfAborted();
			if (!(
				error instanceof ScriptFailed || error instanceof DeadlineExceeded
			)) {
				throw error;
			}

			throw new UserError(
				`${nodeName} still has pods that do not go (given up after ${Math.round(waitLimitMs / 1000)} s).`,
				{
					node: step.node,
					cause: error,
					tryNext: [
						`See which, and what keeps them: kubectl get pods -A --field-selector spec.nodeName=${nodeName}; a PodDisruptionBudget may.`,
						'Or take the node out without waiting for them: --force.',
					],
				},
			);
		}

		return 'changed';
	},
	async verify() {
		// It has waited until they were gone.
	},
};
