import process from 'node:process';
import {UserError, exitCodes} from '../errors.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A library that conf brings along sends each signal to the process once more; a person takes longer than this. */
const echoMs = 300;

/**
 * An AbortSignal that Ctrl-C, SIGTERM and SIGHUP raise. The first one lets the work end in good order; a second one
 * ends the process at once. Steps that run on the hosts as units go on either way, and the next run finds them.
 */
export const stopSignal = (): {
	readonly signal: AbortSignal;
	readonly dispose: () => void;
} => {
	const controller = new AbortController();
	let firstAt = 0;
	const onSignal = () => {
		if (controller.signal.aborted) {
			if (performance.now() - firstAt < echoMs) {
				return;
			}

			// eslint-disable-next-line unicorn/no-process-exit -- the second Ctrl-C means now
			process.exit(exitCodes.stopped);
		}

		firstAt = performance.now();
		controller.abort(
			new UserError('Stopped. Run the same command again to go on from here.', {
				exitCode: exitCodes.stopped,
			}),
		);
	};

	for (const name of signals) {
		process.on(name, onSignal);
	}

	return {
		signal: controller.signal,
		dispose() {
			for (const name of signals) {
				process.off(name, onSignal);
			}
		},
	};
};
