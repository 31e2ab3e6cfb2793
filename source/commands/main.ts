import process from 'node:process';
import {UserError, describeError, exitCodes, type ExitCode} from '../errors.js';
import {parseArguments, type Invocation} from './arguments.js';
import {printLines} from './print.js';
import {stopSignal} from './stop-signal.js';

/** A command: does its work and says how it ended. `signal` ends it in good order, `atOnce` cuts it. */
export type Command = (
	invocation: Invocation,
	signal: AbortSignal,
	atOnce: AbortSignal,
) => Promise<ExitCode>;

/** Commands are loaded when they are asked for: a headless run never loads Ink. */
const loadCommand = async (name: Invocation['command']): Promise<Command> => {
	switch (name) {
		case 'check': {
			return (await import('./check.js')).check;
		}

		case 'plan': {
			return (await import('./plan.js')).plan;
		}

		case 'apply': {
			return (await import('./apply.js')).apply;
		}

		case 'remove': {
			return (await import('./remove.js')).remove;
		}

		case 'uninstall': {
			return (await import('./uninstall.js')).uninstall;
		}

		case 'policy': {
			return (await import('./policy.js')).policy;
		}

		case 'kubeconfig': {
			return (await import('./kubeconfig.js')).kubeconfig;
		}

		case 'demo': {
			return (await import('./wizard.js')).demo;
		}

		case 'wizard': {
			return (await import('./wizard.js')).wizard;
		}
	}
};

/** Says on standard error what went wrong, in words for a person. */
const report = (error: unknown): ExitCode => {
	if (error instanceof UserError) {
		printLines(process.stderr, [
			...error.message.split('\n'),
			...error.tryNext.map((line) => `  ${line}`),
		]);
		return error.exitCode;
	}

	printLines(process.stderr, [
		`This is a mistake of k3s-mesh-tui, not yours: ${describeError(error)}`,
		...(error instanceof Error ? (error.stack ?? '').split('\n') : []),
	]);

	return exitCodes.failed;
};

/** Waits until all that was written has gone out, or has come back because nobody reads it. */
const writtenOut = async (stream: NodeJS.WriteStream): Promise<void> =>
	new Promise((resolve) => {
		if (stream.writable) {
			stream.write('', () => {
				// The error itself is told after this.
				setImmediate(resolve);
			});
		} else {
			setImmediate(resolve);
		}
	});

/** Runs the command line to its end: the one place that decides about the exit code. */
export const main = async (words: readonly string[]): Promise<void> => {
	const stop = stopSignal();
	try {
		const invocation = parseArguments(words);
		const command = await loadCommand(invocation.command);
		const code = await command(invocation, stop.signal, stop.atOnce);
		await writtenOut(process.stdout);
		const isUnread = stop.exitCode() === exitCodes.brokenPipe;
		process.exitCode =
			stop.signal.aborted && (code === exitCodes.stopped || isUnread)
				? stop.exitCode()
				: code;
	} catch (error) {
		if (stop.signal.aborted) {
			process.exitCode = stop.exitCode();
			if (stop.crash() === undefined) {
				printLines(process.stderr, [describeError(stop.signal.reason)]);
			}
		} else {
			process.exitCode = report(error);
		}
	} finally {
		stop.dispose();
		const crash = stop.crash();
		if (crash !== undefined) {
			process.exitCode = report(crash.error);
		}
	}
};
