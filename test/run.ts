/**
 * The test command. Type check, lint, format and dependency rule, and every test file beside them; with `--lab` the
 * tests that need root and real hosts instead. No test file, or one without a test, is a failure.
 */
import {readdirSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {runJob, runJobs, type Ended, type Job} from './support/jobs.js';
import {buildCommand, builtMark} from './support/program.js';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const lab = process.argv.includes('--lab');
const named = process.argv
	.slice(2)
	.filter((argument) => !argument.startsWith('--'));

/** Files of tests that nothing may run beside, and why. */
const alone: ReadonlyMap<string, string> = new Map([
	['test/package/pack.test.ts', 'builds the program that others start'],
	['test/lab/crash.lab.ts', 'leaves labs behind that others would clear away'],
	['test/lab/matrix/wan.lab.ts', 'measures delays'],
	['test/lab/faults-clock.lab.ts', 'emulates processors'],
	['test/lab/tailnet-vm.lab.ts', 'emulates processors'],
	['test/lab/vm.lab.ts', 'emulates processors'],
	['test/lab/wireguard.lab.ts', 'emulates processors'],
]);

/** What takes longest, in about this order: it begins first, so that none of it is left to end alone. */
const longest: readonly string[] = [
	'test/probe/rungs-alike.test.ts',
	'lint',
	'test/install/script-steps.test.ts',
	'test/ui/journey.test.ts',
	'test/lab/faults.lab.ts',
	'test/lab/leaving.lab.ts',
	'test/lab/run-control.lab.ts',
	'test/lab/tailscale.lab.ts',
	'test/lab/control.lab.ts',
	'test/lab/apply.lab.ts',
	'test/lab/fix.lab.ts',
];

const rank = ({title}: Job): number => {
	const place = longest.indexOf(title);
	return place === -1 ? longest.length : place;
};

const testFiles = (): string[] =>
	readdirSync(path.join(root, 'test'), {recursive: true, encoding: 'utf8'})
		.filter((file) =>
			lab ? file.endsWith('.lab.ts') : /\.test\.tsx?$/.test(file),
		)
		.map((file) => path.join('test', file))
		.filter(
			(file) => named.length === 0 || named.some((part) => file.includes(part)),
		)
		.toSorted();

const bin = (name: string): string =>
	path.join(root, 'node_modules', '.bin', name);

const staticChecks: readonly Job[] =
	lab || named.length > 0
		? []
		: [
				{title: 'lint', command: [bin('xo')]},
				{title: 'types', command: [bin('tsc'), '-p', root]},
				{
					title: 'format',
					command: [bin('prettier'), '--check', '--log-level', 'warn', '.'],
				},
				{
					title: 'dependency rule',
					command: [
						process.execPath,
						'--import',
						'tsx',
						'scripts/dependency-rule.ts',
					],
				},
			];

const testJob = (file: string): Job => ({
	title: file,
	command: [process.execPath, '--import', 'tsx', '--test-reporter=spec', file],
	alone: alone.has(file),
	env: {[builtMark]: 'yes'},
});

const files = testFiles();
if (files.length === 0) {
	console.error('No test file found: that is a failure.');
	process.exit(1);
}

const failed: string[] = [];
const counts = {pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0};

/** Adds what a test file counted; true when it has tests. */
const count = (output: string): boolean => {
	for (const name of Object.keys(counts) as Array<keyof typeof counts>) {
		counts[name] += Number(
			new RegExp(String.raw`^ℹ ${name} (?<count>\d+)$`, 'm').exec(output)
				?.groups?.count ?? 0,
		);
	}

	return /^ℹ tests [1-9]/m.test(output);
};

const conclude = ({job, code, output, seconds}: Ended, shown = false): void => {
	const hasTests = !files.includes(job.title) || count(output);
	const ok = code === 0 && hasTests;
	if (!ok) {
		failed.push(job.title);
	}

	if (!shown && (!ok || named.length > 0)) {
		process.stdout.write(output);
	}

	if (!hasTests) {
		console.error(`${job.title}: no test was executed: that is a failure.`);
	}

	console.log(`${ok ? '✔' : '✖'} ${job.title} (${seconds.toFixed(1)} s)`);
};

const built = await runJob({title: 'build', command: buildCommand}, root);
conclude(built);
if (built.code !== 0) {
	process.exit(1);
}

const jobs = [...staticChecks, ...files.map((file) => testJob(file))].toSorted(
	(one, other) => rank(one) - rank(other),
);
const [only, ...others] = jobs;
if (others.length === 0) {
	const ended = await runJob(only!, root, (chunk) => {
		process.stdout.write(chunk);
	});
	conclude(ended, true);
} else {
	// Two processors are the least; the tests wait a part of their time, those of the lab half of it.
	await runJobs(jobs, {cwd: root, width: 3, onEnd: conclude});
}

for (const [name, number] of Object.entries(counts)) {
	console.log(`ℹ ${name} ${number}`);
}

if (counts.pass === 0) {
	console.error('No test passed: that is a failure.');
	process.exitCode = 1;
}

if (failed.length > 0) {
	console.error(`Failed: ${failed.join(', ')}`);
	process.exitCode = 1;
}
