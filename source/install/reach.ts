import {UserError, describeError, exitCodes} from '../errors.js';
import type {Host} from '../host/host.js';
import type {HostPool} from './host-pool.js';
import {delay} from './wait.js';

/** Does an error say only that a machine is out of reach now? */
export const isUnreachable = (error: unknown): error is UserError =>
	error instanceof UserError && error.exitCode === exitCodes.unreachable;

/** A sentence, to stand within another. */
const withoutPeriod = (sentence: string): string => sentence.replace(/\.$/, '');

/**
 * The connection to a node of the run. One that was lost is tried again for as long as the machine cannot be reached:
 * it may be booting. Throws a `UserError` that says so after `limitMs`, and at once whatever else is in the way.
 */
export const reach = async (
	hosts: HostPool,
	node: string,
	options: {
		/** By this program's monotonic clock; 0 does not wait. */
		readonly limitMs: number;
		readonly pauseMs: number;
		/** Ends the waiting; the failure of the last attempt is thrown then. */
		readonly signal: AbortSignal;
		readonly onWaiting: (text: string) => void;
		readonly onGivenUp: () => void;
	},
): Promise<Host> => {
	const end = performance.now() + options.limitMs;
	for (;;) {
		try {
			return await hosts.get(node);
		} catch (error) {
			if (!isUnreachable(error) || options.signal.aborted) {
				throw error;
			}

			const why = withoutPeriod(describeError(error));
			if (performance.now() >= end) {
				options.onGivenUp();
				throw new UserError(
					`The connection to ${node} was lost, and it cannot be reached again: ${why}${options.limitMs === 0 ? '' : ` (given up after ${Math.round(options.limitMs / 1000)} s)`}`,
					{
						node,
						exitCode: exitCodes.unreachable,
						cause: error,
						tryNext: [
							`Look whether ${node} runs and has its network, then run the same command again: it goes on from what is there.`,
							...error.tryNext,
						],
					},
				);
			}

			options.onWaiting(`waits for ${node} to answer again: ${why}`);
			await delay(options.pauseMs, options.signal).catch(() => {
				throw error;
			});
		}
	}
};
