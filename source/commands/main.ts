import process from 'node:process';
import {UserError, describeError, exitCodes, type ExitCode} from '../errors.js';
import {parseArguments, type Invocation} from './arguments.js';
import {stopSignal} from './stop-signal.js';

/** A command: does its work and says how it ended. */
export type Command = (
	invocation: Invocation,
	signal: AbortSignal,
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
		process.stderr.write(
			[error.message, ...error.tryNext.map((line) => `  ${line}`), ''].join(
				'\n',
			),
		);
		return error.exitCode;
	}

	process.stderr.write(
		`This is a mistake of k3s-mesh-tui, not yours: ${describeError(error)}\n`,
	);
	if (error instanceof Error && error.stack !== undefined) {
		process.stderr.write(`${error.stack}\n`);
	}

	return exitCodes.failed;
};

/** Runs the command line to its end: the one place that decides about the exit code. */
export const main = async (words: readonly string[]): Promise<void> => {
	const stop = stopSignal();
	try {
		const invocation = parseArguments(words);
		const command = await loadCommand(invocation.command);
		process.exitCode = await command(invocation, stop.signal);
	} catch (error) {
		if (stop.signal.aborted) {
			process.stderr.write(`${describeError(stop.signal.reason)}\n`);
			process.exitCode = exitCodes.stopped;
		} else {
			process.exitCode = report(error);
		}
	} finally {
		stop.dispose();
	}
};
