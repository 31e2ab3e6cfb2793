/**
 * The test command. Type check, lint, format and dependency rule first, then every test file; with `--lab` the
 * tests that need root and real hosts instead. No test file, or no executed test, is a failure.
 */
import {spawn} from 'node:child_process';
import {readdirSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const lab = process.argv.includes('--lab');
const named = process.argv
	.slice(2)
	.filter((argument) => !argument.startsWith('--'));

/** Runs a program in the repository, its output on ours, and returns its exit code and what it printed. */
const run = async (
	title: string,
	command: readonly string[],
): Promise<{readonly code: number; readonly output: string}> => {
	const started = performance.now();
	const [program, ...words] = command;
	const child = spawn(program!, words, {
		cwd: root,
		stdio: ['ignore', 'pipe', 'inherit'],
		// An editor's or CI's colour and CI settings would change what Ink draws.
		env: {...process.env, FORCE_COLOR: '0'},
	});
	const chunks: string[] = [];
	child.stdout.setEncoding('utf8');
	child.stdout.on('data', (chunk: string) => {
		chunks.push(chunk);
		process.stdout.write(chunk);
	});
	const code = await new Promise<number>((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (exitCode) => {
			resolve(exitCode ?? 1);
		});
	});
	const seconds = ((performance.now() - started) / 1000).toFixed(1);
	console.log(`${code === 0 ? '✔' : '✖'} ${title} (${seconds} s)`);
	return {code, output: chunks.join('')};
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

const staticChecks: ReadonlyArray<readonly [string, readonly string[]]> =
	lab || named.length > 0
		? []
		: [
				['types', [bin('tsc'), '-p', root]],
				['lint', [bin('xo')]],
				['format', [bin('prettier'), '--check', '--log-level', 'warn', '.']],
				[
					'dependency rule',
					[process.execPath, '--import', 'tsx', 'scripts/dependency-rule.ts'],
				],
			];

let failures = 0;
for (const [title, command] of staticChecks) {
	const {code} = await run(title, command);
	failures += code === 0 ? 0 : 1;
}

const files = testFiles();
if (files.length === 0) {
	console.error('No test file found: that is a failure.');
	process.exit(1);
}

const {code, output} = await run(lab ? 'lab tests' : 'tests', [
	process.execPath,
	'--import',
	'tsx',
	'--test',
	'--test-reporter=spec',
	// Hosts of the lab are many processes each: one file at a time.
	`--test-concurrency=${lab ? 1 : 2}`,
	...files,
]);
failures += code === 0 ? 0 : 1;

const executed = Number(/^ℹ pass (?<count>\d+)$/m.exec(output)?.groups?.count);
if (!(executed > 0)) {
	console.error('No test was executed: that is a failure.');
	failures += 1;
}

process.exitCode = failures === 0 ? 0 : 1;
