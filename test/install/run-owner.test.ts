import assert from 'node:assert/strict';
import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import process from 'node:process';
import {test, type TestContext} from 'node:test';
import {isRunGone, runOwner} from '../../source/install/run-owner.js';

const random = () => 'abcdefgh';

/** Prints what it is as a run, and goes on until its input ends. */
const aRun = `
	import {runOwner} from './source/install/run-owner.ts';
	console.log(runOwner(() => 'abcdefgh').runId);
	process.stdin.on('end', () => process.exit()).resume();
`;

const evaluate = (code: string): readonly string[] => [
	process.execPath,
	'--import',
	'tsx',
	'--input-type=module',
	'--eval',
	code,
];

/** A PID namespace of its own, with the hostname and the network cards of this machine: a container on its network. */
const elsewhere = ['unshare', '--user', '--map-root-user', '--pid', '--fork'];

const startRun = async (t: TestContext, before: readonly string[] = []) => {
	const [command, ...words] = [...before, ...evaluate(aRun)];
	const child = spawn(command!, words, {stdio: ['pipe', 'pipe', 'inherit']});
	t.after(() => {
		child.stdin.destroy();
	});
	child.stdout.setEncoding('utf8');
	const [runId] = (await once(child.stdout, 'data')) as [string];
	return {
		runId: runId.trim(),
		async end() {
			child.stdin.end();
			await once(child, 'close');
		},
	};
};

test('a run of this machine is gone when its process has ended, and not before', async (t) => {
	const run = await startRun(t);
	assert.equal(isRunGone(run.runId), false);
	await run.end();
	assert.equal(isRunGone(run.runId), true);
});

test('this very process is not gone', () => {
	assert.equal(isRunGone(runOwner(random).runId), false);
});

test('a process in another PID namespace is nothing that this one can see', async (t) => {
	if (spawnSync(elsewhere[0]!, [...elsewhere.slice(1), 'true']).status !== 0) {
		t.skip('PID namespaces cannot be made here');
		return;
	}

	const run = await startRun(t, elsewhere);
	// Its process id there, where it is alive, is nobody's or somebody else's here.
	assert.equal(isRunGone(run.runId), false);
	const {runId} = runOwner(random);
	const question = `
		import {isRunGone} from './source/install/run-owner.ts';
		console.log(isRunGone(${JSON.stringify(runId)}));
	`;
	const [command, ...words] = [...elsewhere, ...evaluate(question)];
	assert.equal(
		execFileSync(command!, words, {encoding: 'utf8'}),
		'false\n',
		'another namespace takes this process for one that has ended',
	);
	await run.end();
	// Nobody here can say so; its lock gets stale.
	assert.equal(isRunGone(run.runId), false);
});

test('the id of a run of an earlier release, or of anything else, is that of another machine', () => {
	const ended = spawnSync(process.execPath, ['--version']).pid;
	for (const runId of [
		`0123456789abcdef:${ended}:abcdefgh`,
		`0123456789abcdef:x:abcdefgh`,
		`${runOwner(random).runId.split(':')[0]}:-1:abcdefgh`,
		'elsewhere',
		'',
	]) {
		assert.equal(isRunGone(runId), false, runId);
	}
});
