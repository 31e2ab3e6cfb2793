/** Commands that run side by side, as many as the machine carries. */
import {spawn} from 'node:child_process';
import process from 'node:process';
import pLimit from 'p-limit';

export type Job = {
	readonly title: string;
	readonly command: readonly string[];
	/** It shares something with the others, or needs a quiet machine: nothing runs beside it. */
	readonly alone?: boolean;
	/** Added to our environment. */
	readonly env?: Readonly<Record<string, string>>;
};

/** How a job ended. */
export type Ended = {
	readonly job: Job;
	readonly code: number;
	/** All that it printed. */
	readonly output: string;
	readonly seconds: number;
};

/** Runs one command; `heard` gets what it prints as it comes. */
export const runJob = async (
	job: Job,
	cwd: string,
	heard: (chunk: string) => void = () => undefined,
): Promise<Ended> => {
	const started = performance.now();
	const [program, ...words] = job.command;
	const child = spawn(program!, words, {
		cwd,
		stdio: ['ignore', 'pipe', 'pipe'],
		// An editor's or CI's colour and CI settings would change what Ink draws.
		env: {...process.env, FORCE_COLOR: '0', ...job.env},
	});
	let output = '';
	const hear = (chunk: string): void => {
		output += chunk;
		heard(chunk);
	};

	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', hear);
	}

	const code = await new Promise<number>((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (exitCode) => {
			resolve(exitCode ?? 1);
		});
	});
	return {job, code, output, seconds: (performance.now() - started) / 1000};
};

/** Runs all jobs in their order, `width` at a time, and then one by one those that are to be alone. */
export const runJobs = async (
	jobs: readonly Job[],
	options: {
		readonly cwd: string;
		readonly width: number;
		readonly onEnd: (ended: Ended) => void;
	},
): Promise<void> => {
	const one = async (job: Job): Promise<void> => {
		options.onEnd(await runJob(job, options.cwd));
	};

	const limit = pLimit(options.width);
	await Promise.all(
		jobs.filter(({alone}) => !alone).map(async (job) => limit(one, job)),
	);
	for (const job of jobs.filter(({alone}) => alone)) {
		await one(job);
	}
};
