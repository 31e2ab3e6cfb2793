import assert from 'node:assert/strict';
import {test} from 'node:test';
import {HostLost} from '../../source/host/errors.js';
import type {Host} from '../../source/host/host.js';
import {
	lockStaleSeconds,
	type LockHolder,
	type LockOwner,
} from '../../source/host/scripts/lock.js';
import {
	ClusterLocked,
	withClusterLock,
	type LockHold,
	type LockOptions,
} from '../../source/install/cluster-lock.js';

/** The lock of one server, as its script keeps it; a server that is down answers nobody. */
type LockServer = {
	holder: LockOwner | undefined;
	ageSeconds: number;
	down: boolean;
	refreshes: number;
};

const makeServers = (names: readonly string[]) => {
	const servers = new Map(
		names.map((name): [string, LockServer] => [
			name,
			{holder: undefined, ageSeconds: 0, down: false, refreshes: 0},
		]),
	);
	const hostOf = async (name: string): Promise<Host> => {
		const server = servers.get(name)!;
		return {
			name,
			async run(
				{name: script}: {readonly name: string},
				input: LockOwner & {readonly gone: readonly string[]},
			) {
				if (server.down) {
					throw new HostLost(name, 'connection reset');
				}

				const {runId, owner} = input;
				const isOurs =
					server.holder === undefined || server.holder.runId === runId;
				switch (script) {
					case 'lock.take': {
						if (
							isOurs ||
							server.ageSeconds > lockStaleSeconds ||
							input.gone.includes(server.holder!.runId)
						) {
							server.holder = {runId, owner};
							server.ageSeconds = 0;
							return {taken: true};
						}

						const holder: LockHolder = {
							...server.holder!,
							heldSeconds: 600,
							ageSeconds: server.ageSeconds,
						};
						return {taken: false, holder};
					}

					case 'lock.refresh': {
						server.refreshes += 1;
						return {held: isOurs};
					}

					default: {
						if (server.holder?.runId === runId) {
							server.holder = undefined;
						}

						return undefined;
					}
				}
			},
		} as unknown as Host;
	};

	return {servers, hostOf};
};

/** A person's clock that a test can set. */
const makeRun = (
	hostOf: LockOptions['hostOf'],
	runId: string,
	changes: Partial<LockOptions> = {},
) => {
	const stop = new AbortController();
	const clock = {now: 0};
	const said: string[] = [];
	const options: LockOptions = {
		servers: ['a', 'b'],
		hostOf,
		self: {runId, owner: `owner of ${runId}`},
		isGone: () => false,
		signal: stop.signal,
		atOnce: new AbortController().signal,
		now: () => clock.now,
		pollMs: 1,
		limitMs: 100_000,
		refreshMs: 1,
		onWaiting(text) {
			said.push(text);
		},
		...changes,
	};
	return {options, stop, clock, said};
};

const until = async (fits: () => boolean): Promise<void> => {
	const limit = AbortSignal.timeout(10_000);
	while (!fits()) {
		assert.ok(!limit.aborted, 'it never came to that');
		await new Promise((resolve) => {
			setImmediate(resolve);
		});
	}
};

const lostSignal = async ({lost}: LockHold): Promise<Error> => {
	if (!lost.aborted) {
		await new Promise((resolve) => {
			lost.addEventListener('abort', resolve, {once: true});
		});
	}

	return lost.reason as Error;
};

test('the lock lies on every server, is refreshed there, and is given back', async () => {
	const {servers, hostOf} = makeServers(['a', 'b']);
	const {options} = makeRun(hostOf, 'one');
	await withClusterLock(options, async () => {
		await until(() =>
			[...servers.values()].every(
				({holder, refreshes}) => holder?.runId === 'one' && refreshes > 1,
			),
		);
	});
	assert.ok([...servers.values()].every(({holder}) => holder === undefined));
});

test('the lock keeps two runs apart whose files name the servers in another order, or not all of them', async () => {
	const {hostOf} = makeServers(['a', 'b', 'c']);
	const first = makeRun(hostOf, 'one', {servers: ['b', 'a']});
	const second = makeRun(hostOf, 'two', {servers: ['c', 'b']});
	let age = 9;
	await withClusterLock(first.options, async () => {
		await assert.rejects(
			withClusterLock(
				{
					...second.options,
					// A holder that gets younger between two looks is at work.
					async hostOf(name) {
						const host = await hostOf(name);
						return {
							...host,
							async run(script, input, call) {
								const answer = (await host.run(script, input, call)) as {
									holder?: LockHolder;
								};
								if (answer?.holder) {
									answer.holder = {...answer.holder, ageSeconds: (age -= 1)};
								}

								return answer as never;
							},
						};
					},
				},
				async () => assert.fail('both were at work'),
			),
			(error) =>
				error instanceof ClusterLocked &&
				error.holder.runId === 'one' &&
				error.message.includes('owner of one, for 10 min, last sign of life') &&
				error.tryNext.some((line) => line.includes('--break-lock')),
		);
	});
});

test('of a run that refused nothing stays behind', async () => {
	const {servers, hostOf} = makeServers(['a', 'b']);
	servers.get('b')!.holder = {runId: 'other', owner: 'somebody'};
	const {options} = makeRun(hostOf, 'one', {mayBreak: async () => false});
	await assert.rejects(
		withClusterLock(options, async () => undefined),
		ClusterLocked,
	);
	assert.equal(servers.get('a')!.holder, undefined);
	assert.equal(servers.get('b')!.holder?.runId, 'other');
});

test('the lock can be broken by a person, who is asked once, and the broken run ends', async () => {
	const {servers, hostOf} = makeServers(['a', 'b']);
	const first = makeRun(hostOf, 'one');
	const asked: string[] = [];
	const second = makeRun(hostOf, 'two', {
		async mayBreak({owner}) {
			asked.push(owner);
			return true;
		},
	});
	let breaking: Promise<void> = Promise.resolve();
	const reason = await withClusterLock(first.options, async (hold) => {
		breaking = withClusterLock(second.options, async () => undefined);
		return lostSignal(hold);
	});
	assert.match(reason.message, /taken this cluster over/);
	assert.deepEqual(asked, ['owner of one']);
	assert.ok(second.said.some((text) => text.includes('time to notice')));
	// The broken run gave nothing of the other's back.
	assert.equal(servers.get('a')!.holder?.runId, 'two');
	await breaking;
	assert.equal(servers.get('a')!.holder, undefined);
});

test('the lock is not relied on while no server answers, and again when one does', async () => {
	const {servers, hostOf} = makeServers(['a', 'b']);
	const {options, clock, said} = makeRun(hostOf, 'one');
	await withClusterLock(options, async (hold) => {
		servers.get('a')!.down = true;
		clock.now = (lockStaleSeconds - 9) * 1000;
		await until(() => servers.get('b')!.refreshes > 2);
		assert.ok(hold.isConfirmed(), 'one server is enough');
		servers.get('b')!.down = true;
		clock.now += (lockStaleSeconds - 7) * 1000;
		assert.equal(hold.isConfirmed(), false);
		await until(() => said.some((text) => text.includes('a or b to answer')));
		let changes = 0;
		hold.onChange = () => {
			changes += 1;
		};

		servers.get('a')!.down = false;
		await until(() => hold.isConfirmed());
		await until(() => changes > 0);
		assert.equal(hold.lost.aborted, false);
	});
});

test('the lock is lost when no server answers for too long, as when this machine slept', async () => {
	const {servers, hostOf} = makeServers(['a', 'b']);
	const {options, clock} = makeRun(hostOf, 'one', {limitMs: 1000});
	await withClusterLock(options, async (hold) => {
		servers.get('a')!.down = true;
		servers.get('b')!.down = true;
		clock.now = 3_600_000;
		const reason = await lostSignal(hold);
		assert.match(
			reason.message,
			/No server of this cluster has answered for 60 min \(a, b\)/,
		);
	});
});

test('a run that is stopped while it waits gives back what it has', async () => {
	const {servers, hostOf} = makeServers(['a', 'b']);
	servers.get('b')!.holder = {runId: 'other', owner: 'somebody'};
	servers.get('b')!.ageSeconds = 20;
	const {options, said, stop} = makeRun(hostOf, 'one');
	const waiting = withClusterLock(options, async () => undefined);
	await until(() => said.length > 0);
	stop.abort(new Error('stopped'));
	await assert.rejects(waiting, /stopped/);
	assert.equal(servers.get('a')!.holder, undefined);
});
