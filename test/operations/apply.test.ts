import assert from 'node:assert/strict';
import {test} from 'node:test';
import type {InstallEvent} from '../../source/install/events.js';
import {startApply} from '../../source/operations/apply.js';
import type {
	ApplyResult,
	Fleet,
	World,
} from '../../source/operations/operations.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {UserError} from '../../source/errors.js';
import type {LockAnswer} from '../../source/host/scripts/lock.js';
import type {Host} from '../../source/host/host.js';
import {makeFakeCluster, type FakeCluster} from '../install/fake-cluster.js';
import {clusterOf, planOf} from '../install/fake-run.js';

const names = ['fra1', 'nuc'];

/** Fake machines behind a fleet, with a lock of which a test decides who holds it. */
const makeApply = (
	fake: FakeCluster,
	answers: readonly LockAnswer[] = [],
	held: () => boolean = () => true,
) => {
	const locks: string[] = [];
	const asked = [...answers];
	const withLock = (host: Host): Host => ({
		...host,
		async run(script, input, options) {
			type Output = Awaited<ReturnType<typeof script.decode>>;
			switch (script.name) {
				case 'lock.take': {
					locks.push('take');
					return (asked.shift() ?? {taken: true}) as Output;
				}

				case 'lock.refresh': {
					const answer: unknown = {held: held()};
					return answer as Output;
				}

				case 'lock.release': {
					locks.push('release');
					return undefined as Output;
				}

				default: {
					return host.run(script, input, options);
				}
			}
		},
	});
	const contacts = new Map<string, {state: 'ready'; host: Host}>();
	const fleet = {
		contact: (name: string) => contacts.get(name),
		async add({name}: {name: string}) {
			const host = await fake.source.open(name);
			const contact = {state: 'ready' as const, host: withLock(host)};
			contacts.set(name, contact);
			return contact;
		},
		async remove(name: string) {
			contacts.delete(name);
		},
	} as unknown as Fleet;
	let made = 0;
	const world = {
		now: () => 0,
		randomText(length: number) {
			made += 1;
			return `random${made}`.padEnd(length, 'x');
		},
		redactor: makeRedactor(),
		demo: true,
	} as unknown as World;
	const events: InstallEvent[] = [];
	const stop = new AbortController();
	const run = startApply({
		cluster: clusterOf(names),
		plan: planOf(names),
		fleet,
		world,
		signal: stop.signal,
		onEvent(event) {
			events.push(event);
		},
	});
	return {run, events, locks, stop};
};

const assertOutcome = ({outcome}: ApplyResult, wanted: string) => {
	assert.equal(outcome, wanted);
};

const other = (ageSeconds: number): LockAnswer => ({
	taken: false,
	holder: {
		runId: 'elsewhere:1:x',
		owner: 'ann on box (process 1)',
		heldSeconds: 300,
		ageSeconds,
	},
});

test('an apply holds the lock of the first server while it works', async () => {
	const {run, locks} = makeApply(makeFakeCluster(names));
	assertOutcome(await run.result, 'good');
	assert.deepEqual(locks, ['take', 'release']);
});

test('while another run is at work nothing is touched, and it is said whose', async () => {
	const fake = makeFakeCluster(names);
	const {run, events, locks} = makeApply(fake, [other(8), other(1)]);
	const result = await run.result;
	assert.equal(result.outcome, 'failed');
	assert.match(
		result.failures[0]!.message,
		/Another run is at work on this cluster: ann on box/,
	);
	assert.deepEqual(locks, ['take', 'take']);
	assert.deepEqual(
		[...fake.machines.values()].flatMap(({calls}) => calls),
		[],
	);
	assert.equal(events.at(-1)?.type, 'run-ended');
});

test('the lock of a run that is not heard of any more is waited for', async () => {
	const {run, events} = makeApply(makeFakeCluster(names), [
		other(40),
		other(44),
	]);
	assertOutcome(await run.result, 'good');
	assert.ok(
		events.some(
			(event) =>
				event.type === 'now' && event.waiting && event.text.includes('ann'),
		),
	);
});

test('retry after the end is a new run with a new result', async () => {
	const fake = makeFakeCluster(names);
	let broken = true;
	fake.before = (node, script) => {
		if (broken && node === 'nuc' && script === 'k3s.install') {
			throw new UserError('broken');
		}
	};

	const {run, locks} = makeApply(fake);
	assertOutcome(await run.result, 'failed');
	broken = false;
	const again = await run.retry('nuc');
	assert.equal(again.outcome, 'good');
	assert.equal(await run.result, again);
	assert.deepEqual(locks, ['take', 'release', 'take', 'release']);
});

test('stopped while it waits for the lock, the run ends as stopped', async () => {
	const {run, stop, events} = makeApply(
		makeFakeCluster(names),
		Array.from({length: 1000}, () => other(5)),
	);
	while (!events.some(({type}) => type === 'now')) {
		await new Promise((resolve) => {
			setImmediate(resolve);
		});
	}

	stop.abort();
	const result = await run.result;
	assert.equal(result.outcome, 'stopped');
	assert.deepEqual(result.failures, []);
});
