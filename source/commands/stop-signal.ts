import process from 'node:process';
import {UserError, exitCodes} from '../errors.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A library that conf brings along sends each signal to the process once more; a person takes longer than this. */
const echoMs = 300;

/**
 * An AbortSignal that Ctrl-C, SIGTERM, SIGHUP and a terminal that goes away raise. The first one lets the work end in good order; a second one
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

	// Whoever reads our output is gone: a closed terminal (EIO), or the other end of a pipe (EPIPE). It stays gone, so
	// these two are never taken off: what is still written at the end must not become an error of its own.
	const onReaderGone = () => {
		if (!controller.signal.aborted) {
			onSignal();
		}
	};

	for (const name of signals) {
		process.on(name, onSignal);
	}

	process.stdout.on('error', onReaderGone);
	process.stderr.on('error', onReaderGone);

	return {
		signal: controller.signal,
		dispose() {
			for (const name of signals) {
				process.off(name, onSignal);
			}
		},
	};
};
