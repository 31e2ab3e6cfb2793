import assert from 'node:assert/strict';
import {test} from 'node:test';
import {forever, makeFakeCluster} from './fake-cluster.js';
import {startFakeRun} from './fake-run.js';

const names = ['fra1', 'nuc'];

/** Machines of which the second waits for the first, with these lines in its journal. */
const waitingAgent = (
	lines: readonly string[],
	state = '@state activating start 0 4711',
) => {
	const fake = makeFakeCluster(names);
	fake.before = async (node, script, options) => {
		if (node === 'nuc' && script === 'k3s.start') {
			fake.machines.get('nuc')!.active = false;
		}

		if (node === 'nuc' && script === 'k3s.journal') {
			options.onLine?.(state);
			for (const line of lines) {
				options.onLine?.(line);
			}

			await forever(options);
		}

		if (node === 'nuc' && script === 'k3s.state') {
			fake.machines.get('nuc')!.active = false;
		}
	};

	return fake;
};

test('an agent that waits says at once for which address and port, and gives up with the cause', async () => {
	const fake = waitingAgent([
		String.raw`level=error msg="failed to get CA certs: Get \"https://127.0.0.1:6444/cacerts\": EOF"`,
		String.raw`level=error msg="failed to get CA certs: Get \"https://198.51.100.1:6443/cacerts\": dial tcp 198.51.100.1:6443: i/o timeout"`,
	]);
	const run = startFakeRun(fake, {waitLimitMs: 50});
	const result = await run.engine.run();
	const waits = run.events.flatMap((event) =>
		event.type === 'now' && event.waiting && event.node === 'nuc'
			? [event.text]
			: [],
	);
	assert.equal(waits[0], 'waits for 198.51.100.1:6443');
	assert.ok(
		waits.every((text) => text.includes('198.51.100.1:6443')),
		waits.join('\n'),
	);
	const [failure] = result.failures;
	assert.match(
		failure!.message,
		/^waits for 198\.51\.100\.1:6443: it does not answer \(given up after \d+ s\)$/,
	);
	assert.ok(failure!.tryNext.length > 0);
	assert.ok(
		run.events.some(
			(event) => event.type === 'log' && event.line.includes('i/o timeout'),
		),
	);
});

test('a journal that nobody can read is shown: its last lines stand beside what is waited for', async () => {
	const fake = waitingAgent(['one', 'two', 'three', 'x'.repeat(500)]);
	const run = startFakeRun(fake, {waitLimitMs: 50});
	const [failure] = (await run.engine.run()).failures;
	assert.match(failure!.message, /^waits for 198\.51\.100\.1:6443 \(given up/);
	assert.deepEqual(failure!.tryNext.slice(0, 3), [
		'Its journal ends with:',
		'two',
		'three',
	]);
	assert.equal(failure!.tryNext[3]!.length, 200);
});

test("a wait tells until when, by the run's clock", async () => {
	const run = startFakeRun(waitingAgent([]), {waitLimitMs: 50});
	await run.engine.run();
	const wait = run.events.find(
		(event) => event.type === 'now' && event.waiting && event.node === 'nuc',
	);
	assert.equal(wait?.type === 'now' && wait.deadlineAt, 50);
});

const otherCluster =
	'level=fatal msg="token CA hash does not match the Cluster CA certificate hash: a != b"';
const startsAgain = (times: number) =>
	`k3s-agent.service: Scheduled restart job, restart counter is at ${times}.`;

test('a cause that no waiting cures ends the wait before the deadline', async () => {
	const fake = waitingAgent([
		otherCluster,
		startsAgain(1),
		'@state activating auto-restart 1 0',
		otherCluster,
		startsAgain(2),
		'@state activating auto-restart 2 0',
		otherCluster,
	]);
	const run = startFakeRun(fake, {waitLimitMs: 3_600_000});
	const result = await run.engine.run();
	assert.match(result.failures[0]!.message, /another cluster/);
	assert.doesNotMatch(result.failures[0]!.message, /given up/);
});

test('a cause that later starts no longer show does not end the wait, nor is it said at its end', async () => {
	const fake = waitingAgent([
		otherCluster,
		startsAgain(1),
		'@state activating auto-restart 1 0',
		'other words',
		startsAgain(2),
		'@state activating auto-restart 2 0',
		'other words',
		'@state activating start 3 0',
	]);
	const run = startFakeRun(fake, {waitLimitMs: 50});
	const [failure] = (await run.engine.run()).failures;
	assert.match(
		failure!.message,
		/^K3s ends right after each start, and says last: other words \(given up/,
	);
});

test('a unit that ends again and again is said, with its last words', async () => {
	const fake = waitingAgent([
		'the last words of K3s',
		'k3s-agent.service: Main process exited, code=exited, status=1/FAILURE',
		'k3s-agent.service: Scheduled restart job, restart counter is at 1.',
		'k3s-agent.service: Scheduled restart job, restart counter is at 2.',
	]);
	const run = startFakeRun(fake, {waitLimitMs: 50});
	const result = await run.engine.run();
	assert.match(
		result.failures[0]!.message,
		/^K3s ends right after each start, and says last: the last words of K3s \(given up after \d+ s\)$/,
	);
	assert.match(
		result.failures[0]!.tryNext.join(' '),
		/journalctl -u k3s-agent/,
	);
});

test('stopped while it waits, the run ends', async () => {
	const run = startFakeRun(waitingAgent([]), {waitLimitMs: 3_600_000});
	const running = run.engine.run();
	await run.until((event) => event.type === 'now' && event.waiting);
	run.stop.abort();
	const {outcome} = await running;
	assert.equal(outcome, 'stopped');
});

test('the others are Ready and proven meanwhile', async () => {
	const fake = waitingAgent([]);
	const run = startFakeRun(fake, {waitLimitMs: 50});
	await run.engine.run();
	assert.equal(run.states().get('fra1/ready/await-ready'), 'unchanged');
	assert.equal(run.states().get('fra1/verify/verify'), 'unchanged');
	assert.equal(run.states().get('nuc/ready/await-ready'), 'skipped');
});
