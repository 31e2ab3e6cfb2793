import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import type {Host} from '../../source/host/host.js';
import {judgeClocks} from '../../source/install/clocks.js';
import {makeFakeCluster, type FakeCluster} from './fake-cluster.js';
import {startFakeRun} from './fake-run.js';

const now = Date.UTC(2026, 10, 27, 12, 0, 0);
const years = -56 * 365.25 * 86_400_000;
const minutes = 5 * 60_000;
const tolerance = 30_000;

const judge = (offsets: Readonly<Record<string, number>>) =>
	judgeClocks(
		Object.keys(offsets),
		new Map(Object.entries(offsets)),
		now,
		tolerance,
	)?.text;

test('a clock is judged by what most say, and nobody else is blamed for it', () => {
	const table: ReadonlyArray<
		readonly [Readonly<Record<string, number>>, RegExp | undefined]
	> = [
		[{fra1: 0, nuc: 100, pi: -2000}, undefined],
		[{fra1: 0, nuc: years}, /^the clock of nuc says 1970-11-2/],
		[{fra1: years, nuc: 0}, /^the clock of fra1 says 1970-11-2/],
		// This machine is the one that is off.
		[{fra1: minutes, nuc: minutes}, undefined],
		[{fra1: minutes, nuc: minutes, pi: 0}, /^the clock of pi says/],
		[{fra1: years, nuc: 2 * years}, /: a clock is wrong$/],
		[{fra1: minutes, nuc: 0, pi: 0}, /^the clock of fra1 says/],
		// Of two neither can be called wrong by minutes.
		[{fra1: minutes}, undefined],
		[
			{fra1: years},
			/and it is 2026-11-27T12:00:00Z on this machine: a clock is wrong$/,
		],
		[{}, undefined],
	];
	for (const [offsets, expected] of table) {
		const text = judge(offsets);
		if (expected === undefined) {
			assert.equal(text, undefined, JSON.stringify(offsets));
		} else {
			assert.match(text ?? 'nothing', expected, JSON.stringify(offsets));
		}
	}
});

test('clocks that agree are never wrong, however far this machine is off', () => {
	fc.assert(
		fc.property(
			fc.integer({min: -1e12, max: 1e12}),
			fc.array(fc.integer({min: 0, max: tolerance / 2}), {
				minLength: 3,
				maxLength: 9,
			}),
			(off, spread) => {
				const offsets = Object.fromEntries(
					spread.map((by, index) => [`n${index}`, off + by]),
				);
				assert.equal(judge(offsets), undefined);
			},
		),
	);
});

const failuresOf = async (fake: FakeCluster) => {
	const run = startFakeRun(fake, {waitLimitMs: 100});
	const {failures} = await run.engine.run();
	return failures;
};

const year1970 = 0;
const today = 1_795_000_000;

/** Three machines; the fake run's own clock stands at 0, so two of them are right, and the third is as 1970. */
const clusterAt = (clocks: Readonly<Record<string, number>>) => {
	const fake = makeFakeCluster(Object.keys(clocks));
	for (const [name, clock] of Object.entries(clocks)) {
		fake.machines.get(name)!.clock = clock;
	}

	return fake;
};

test('K3s is not started on a machine whose clock is beyond doubt wrong', async () => {
	const fake = clusterAt({fra1: today, nuc: today, pi: year1970});
	const failures = await failuresOf(fake);
	const failure = failures.find(({node}) => node === 'pi');
	assert.match(
		failure?.message ?? 'none',
		/^K3s was not started, .*the clock of pi says 1970-01-01T00:00:00Z, and it is 2026-.*: a clock is wrong$/,
	);
	assert.match(failure!.tryNext[0]!, /Set the clock of pi right/);
	assert.ok(!fake.machines.get('pi')!.calls.includes('k3s.start'));
	assert.ok(fake.machines.get('nuc')!.calls.includes('k3s.start'));
});

test('a clock that jumps while K3s runs is named by the node that is not Ready, and by proofs that are missing', async () => {
	const waiting = clusterAt({fra1: 0, nuc: 0});
	waiting.notReady.add('nuc');
	waiting.before = (node, script) => {
		if (node === 'nuc' && script === 'k3s.recent-journal') {
			waiting.machines.get(node)!.clock = today;
		}
	};

	const [notReady] = await failuresOf(waiting);
	assert.match(
		notReady?.message ?? 'none',
		/^is not Ready: .*: the clock of nuc says 2026-.*: a clock is wrong \(given up after/,
	);

	const proving = clusterAt({fra1: 0, nuc: 0});
	const open = async (name: string): Promise<Host> => {
		const host = await proving.source.open(name);
		return {
			...host,
			async run(script, input, options) {
				const own = await host.run(script, input, options);
				if (script.name !== 'verify.handshakes' || name !== 'fra1') {
					return own;
				}

				proving.machines.get('nuc')!.clock = today;
				const none: unknown = {available: true, peers: []};
				return none as typeof own;
			},
		};
	};

	const [missing] = await failuresOf({
		...proving,
		source: {open, reopen: open},
	});
	assert.equal(missing?.node, 'fra1');
	assert.match(
		missing.message,
		/^the clock of nuc says 2026-.*: a clock is wrong; one proof is missing: handshake fra1 → nuc/,
	);
	assert.deepEqual(missing.tryNext.length, 1);
});
