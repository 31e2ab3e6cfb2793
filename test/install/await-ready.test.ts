import assert from 'node:assert/strict';
import {test} from 'node:test';
import {makeFakeCluster} from './fake-cluster.js';
import {startFakeRun} from './fake-run.js';

/** Two machines; the second does not get Ready, and this is what its journal has. */
const missingNode = (lines: readonly string[] | Error) => {
	const fake = makeFakeCluster(['fra1', 'nuc']);
	fake.notReady.add('nuc');
	fake.before = async (node, script, options) => {
		if (node === 'nuc' && script === 'k3s.recent-journal') {
			if (lines instanceof Error) {
				throw lines;
			}

			for (const line of lines) {
				options.onLine?.(line);
			}
		}
	};

	return fake;
};

const failureOf = async (lines: readonly string[] | Error) => {
	const run = startFakeRun(missingNode(lines), {waitLimitMs: 250});
	const {failures} = await run.engine.run();
	const failure = failures.find(({node}) => node === 'nuc');
	assert.ok(failure, JSON.stringify(failures));
	const waits = run.events.flatMap((event) =>
		event.type === 'now' && event.waiting && event.node === 'nuc'
			? [event.text]
			: [],
	);
	return {failure, waits};
};

const line = 'level=fatal msg="failed to find memory cgroup (v2)"';

test('a node that does not get Ready is explained by its journal, while it waits and in the end', async () => {
	const {failure, waits} = await failureOf(['something else', line]);
	assert.match(failure.message, /memory cgroup.* \(given up after \d+ s\)$/i);
	assert.ok(
		waits.some((text) => /memory cgroup/i.test(text)),
		waits.join('\n'),
	);
	assert.ok(failure.tryNext.length > 1);
});

test('a K3s that ends again and again is said, with its last words', async () => {
	const {failure} = await failureOf([
		'the last words',
		'k3s-agent.service: Scheduled restart job, restart counter is at 1.',
		'k3s-agent.service: Scheduled restart job, restart counter is at 2.',
	]);
	assert.match(
		failure.message,
		/^is not Ready: .*: K3s ends right after each start, and says last: the last words \(given up/,
	);
	assert.match(failure.tryNext[0]!, /journalctl -u k3s-agent/);
});

test('lines that nobody can read stand beside what is missing', async () => {
	const {failure} = await failureOf(['one', 'two', 'three', 'four']);
	assert.deepEqual(failure.tryNext.slice(0, 4), [
		'Its journal ends with:',
		'two',
		'three',
		'four',
	]);
});

test('a journal that cannot be had hides nothing', async () => {
	const {failure} = await failureOf(new Error('no journalctl'));
	assert.match(failure.message, /given up after/);
	assert.doesNotMatch(failure.message, /journalctl/);
});
