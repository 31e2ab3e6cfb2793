import process from 'node:process';
import {UserError, exitCodes, type ExitCode} from '../errors.js';

/** What ends the program from outside, and the exit code that tells of it: 128 and the number of the signal. */
const signalCodes = {
	SIGINT: exitCodes.stopped,
	SIGTERM: exitCodes.terminated,
	SIGHUP: exitCodes.hungUp,
} as const;

/** A library that conf brings along sends each signal to the process once more; a person takes longer than this. */
const echoMs = 300;

/** After the second signal the work may still say what it leaves; then the process ends, in ms. */
const graceMs = 2000;

/** How a command is told to stop. */
export type Stop = {
	/** The first Ctrl-C, SIGTERM or SIGHUP, or a reader of our output that is gone: ends the work in good order. */
	readonly signal: AbortSignal;
	/** The second one, or an error that nobody caught: cuts the work. */
	readonly atOnce: AbortSignal;
	/** What the program ends with after a stop. */
	readonly exitCode: () => ExitCode;
	/** The error that nobody caught, when there was one. */
	readonly crash: () => {readonly error: unknown} | undefined;
	readonly dispose: () => void;
};

/**
 * Listens for everything that ends the program. The first signal lets the work end in good order, the second cuts it,
 * and a third ends the process without another word. Steps that run on the hosts as units go on in each case, and the
 * next run finds them.
 */
export const stopSignal = (): Stop => {
	const asked = new AbortController();
	const atOnce = new AbortController();
	let code: ExitCode = exitCodes.stopped;
	let crash: {readonly error: unknown} | undefined;
	let lastAt = 0;

	const cut = (reason: unknown): void => {
		asked.abort(reason);
		atOnce.abort(reason);
		setTimeout(() => {
			// eslint-disable-next-line unicorn/no-process-exit -- the second Ctrl-C means now
			process.exit(crash === undefined ? code : exitCodes.failed);
		}, graceMs).unref();
	};

	const stop = (wanted: ExitCode): void => {
		if (!asked.signal.aborted) {
			code = wanted;
			lastAt = performance.now();
			asked.abort(
				new UserError(
					'Stopped. Run the same command again to go on from here.',
					{exitCode: wanted},
				),
			);
			return;
		}

		if (performance.now() - lastAt < echoMs) {
			return;
		}

		lastAt = performance.now();
		if (atOnce.signal.aborted) {
			// eslint-disable-next-line unicorn/no-process-exit -- the person has no patience left
			process.exit(code);
		}

		cut(asked.signal.reason);
	};

	const listeners = Object.entries(signalCodes).map(
		([name, wanted]) =>
			[
				name as keyof typeof signalCodes,
				() => {
					stop(wanted);
				},
			] as const,
	);

	// Whoever reads our output is gone: a closed terminal (EIO), or the other end of a pipe (EPIPE). It stays gone, so
	// these two are never taken off: what is still written at the end must not become an error of its own.
	const onReaderGone = (error: NodeJS.ErrnoException) => {
		if (!asked.signal.aborted) {
			stop(error.code === 'EPIPE' ? exitCodes.brokenPipe : exitCodes.hungUp);
		}
	};

	const onCrash = (error: unknown) => {
		crash ??= {error};
		cut(error);
	};

	for (const [name, listener] of listeners) {
		process.on(name, listener);
	}

	process.on('uncaughtException', onCrash);
	process.on('unhandledRejection', onCrash);
	process.stdout.on('error', onReaderGone);
	process.stderr.on('error', onReaderGone);

	return {
		signal: asked.signal,
		atOnce: atOnce.signal,
		exitCode: () => code,
		crash: () => crash,
		dispose() {
			for (const [name, listener] of listeners) {
				process.off(name, listener);
			}

			process.off('uncaughtException', onCrash);
			process.off('unhandledRejection', onCrash);
		},
	};
};
