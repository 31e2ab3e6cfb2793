import {spawn, type ChildProcess, type SpawnOptions} from 'node:child_process';
import process from 'node:process';

/** What a program did; one that was killed by a signal has code 137. */
export type Result = {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
};

export type RunOptions = {
	readonly input?: string | Uint8Array | undefined;
	/** The whole environment; default: ours. */
	readonly env?: NodeJS.ProcessEnv | undefined;
	readonly cwd?: string | undefined;
	/** Killed after this many milliseconds; the result then has code 124. */
	readonly timeoutMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** A sentence for the person at the lab: what failed, and what to try. */
export class LabError extends Error {
	override readonly name = 'LabError';
}

/** Starts a program without a shell. */
export const start = (
	argv: readonly string[],
	options: SpawnOptions = {},
): ChildProcess => {
	const [program, ...words] = argv;
	if (program === undefined) {
		throw new LabError('No command was given.');
	}

	return spawn(program, words, options);
};

/** Makes a program end when we end, however that happens. */
const tiedToUs = ['setpriv', '--pdeathsig', 'KILL', '--'];

/**
 * Runs a program to its end; a failing program is a result, one that can not be started or was aborted is an error.
 * It never outlives us.
 */
export const run = async (
	argv: readonly string[],
	options: RunOptions = {},
): Promise<Result> => {
	options.signal?.throwIfAborted();
	const child = start([...tiedToUs, ...argv], {
		cwd: options.cwd,
		env: options.env ?? process.env,
		stdio: 'pipe',
		...(options.signal && {signal: options.signal, killSignal: 'SIGKILL'}),
	});
	const output = {stdout: '', stderr: ''};
	for (const name of ['stdout', 'stderr'] as const) {
		child[name]!.setEncoding('utf8').on('data', (chunk: string) => {
			output[name] += chunk;
		});
	}

	// A program may end before it has read all: that is its own affair.
	child.stdin!.on('error', () => undefined).end(options.input ?? '');
	let late = false;
	const timer =
		options.timeoutMs === undefined
			? undefined
			: setTimeout(() => {
					late = true;
					child.kill('SIGKILL');
					// A grandchild may hold the pipes open.
					child.stdout!.destroy();
					child.stderr!.destroy();
				}, options.timeoutMs);
	try {
		const code = await new Promise<number>((resolve, reject) => {
			child.once('error', reject);
			child.once('close', (exitCode) => {
				resolve(exitCode ?? 137);
			});
		});
		return late
			? {
					code: 124,
					stdout: output.stdout,
					stderr: `${output.stderr}\n(killed after ${options.timeoutMs} ms)`,
				}
			: {code, ...output};
	} finally {
		clearTimeout(timer);
	}
};

/** Like `run`, and a non-zero exit code is an error that says what the program said. */
export const runOrFail = async (
	argv: readonly string[],
	options: RunOptions = {},
): Promise<string> => {
	const {code, stdout, stderr} = await run(argv, options);
	if (code !== 0) {
		throw new LabError(
			`${argv.join(' ')} ended with ${code}: ${(stderr.trim() || stdout.trim()).slice(-2000)}`,
		);
	}

	return stdout;
};

/** Asks every `everyMs` until the answer is not undefined, or fails with `what` after `timeoutMs`. */
export const waitFor = async <T>(
	what: string | (() => string),
	ask: () => T | undefined | Promise<T | undefined>,
	options: {
		readonly timeoutMs: number;
		readonly everyMs?: number;
		readonly signal?: AbortSignal | undefined;
	},
): Promise<T> => {
	const until = performance.now() + options.timeoutMs;
	for (;;) {
		options.signal?.throwIfAborted();
		const answer = await ask();
		if (answer !== undefined) {
			return answer;
		}

		if (performance.now() > until) {
			throw new LabError(
				`Waited ${options.timeoutMs / 1000} s in vain: ${typeof what === 'string' ? what : what()}`,
			);
		}

		await new Promise((resolve) => {
			setTimeout(resolve, options.everyMs ?? 50);
		});
	}
};
