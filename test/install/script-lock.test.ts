import assert from 'node:assert/strict';
import os from 'node:os';
import {afterEach, beforeEach, describe, test} from 'node:test';
import {
	lockRefresh,
	lockRelease,
	lockStaleSeconds,
	lockTake,
} from '../../source/host/scripts/lock.js';
import {systemShells} from '../host/shells.js';
import {makeSandbox, type Sandbox} from './script-sandbox.js';

const me = {runId: 'here:1:a', owner: 'me on here (process 1)'};
const other = {runId: 'there:2:b', owner: 'other on there (process 2)'};

for (const shell of systemShells) {
	describe(`the cluster's lock, with ${shell.name}`, {skip: shell.skip}, () => {
		let sandbox: Sandbox;
		beforeEach(() => {
			sandbox = makeSandbox(shell);
		});
		afterEach(() => {
			sandbox.close();
		});

		const take = async (owner: typeof me, gone: readonly string[] = []) =>
			sandbox.run(lockTake, {...owner, gone});
		const isTaken = async (
			owner: typeof me,
			gone: readonly string[] = [],
		): Promise<boolean> => {
			const {taken} = await take(owner, gone);
			return taken;
		};

		/** As if it had last been refreshed so many seconds ago, and this were the machine's boot. */
		const age = (seconds: number, boot?: string) => {
			const [runId, owner, , taken, known] = sandbox
				.read('/run/k3s-mesh/lock')
				.split('\n');
			const refreshed = Math.floor(os.uptime()) - seconds;
			sandbox.write(
				'/run/k3s-mesh/lock',
				`${runId}\n${owner}\n${refreshed}\n${Math.min(Number(taken), refreshed)}\n${boot ?? known}\n`,
			);
		};

		test('one run holds it, and another is told who', async () => {
			assert.deepEqual(await take(me), {taken: true});
			age(20);
			const answer = await take(other);
			assert.ok(!answer.taken);
			const {heldSeconds, ageSeconds, ...holder} = answer.holder;
			assert.deepEqual(holder, me);
			assert.ok(ageSeconds >= 19 && ageSeconds < 40, `${ageSeconds}`);
			assert.ok(heldSeconds >= ageSeconds, `${heldSeconds}`);
			assert.deepEqual(await take(me), {taken: true});
		});

		test('of many that ask at once exactly one gets it', async () => {
			const answers = await Promise.all(
				Array.from({length: 6}, async (_, index) =>
					take({runId: `run:${index}:x`, owner: `owner ${index}`}),
				),
			);
			assert.equal(answers.filter(({taken}) => taken).length, 1);
		});

		test('it is free again after its release, and only its holder can release it', async () => {
			await take(me);
			await sandbox.run(lockRelease, {runId: other.runId});
			assert.equal(await isTaken(other), false);
			await sandbox.run(lockRelease, {runId: me.runId});
			assert.equal(await isTaken(other), true);
		});

		test('a holder that stopped refreshing loses it, and learns that', async () => {
			await take(me);
			age(lockStaleSeconds - 10);
			assert.equal(await isTaken(other), false);
			assert.deepEqual(await sandbox.run(lockRefresh, me), {held: true});
			age(lockStaleSeconds + 1);
			assert.equal(await isTaken(other), true);
			assert.deepEqual(await sandbox.run(lockRefresh, me), {held: false});
		});

		test('a holder whose lock was broken learns that also when the other has ended already', async () => {
			await take(me);
			assert.equal(await isTaken(other, [me.runId]), true);
			await sandbox.run(lockRelease, {runId: other.runId});
			assert.deepEqual(await sandbox.run(lockRefresh, me), {held: false});
			assert.equal(await isTaken(me), true);
		});

		test('a holder keeps it over a reboot of that machine', async () => {
			await take(me);
			age(0, 'another-boot');
			assert.deepEqual(await sandbox.run(lockRefresh, me), {held: true});
			assert.equal(await isTaken(other), false);
		});

		test('a clock that jumps neither frees it nor keeps it', async () => {
			sandbox.program('date', '#!/bin/sh\nexit 1\n');
			await take(me);
			age(lockStaleSeconds - 10);
			assert.equal(await isTaken(other), false);
			age(lockStaleSeconds + 1);
			assert.equal(await isTaken(other), true);
		});

		test('it remembers since when it is held, over refreshes', async () => {
			await take(me);
			age(30);
			await sandbox.run(lockRefresh, me);
			const answer = await take(other);
			assert.ok(!answer.taken);
			assert.ok(answer.holder.heldSeconds >= 29);
			assert.ok(answer.holder.ageSeconds < 20);
		});

		test('a reboot frees it, also where its folder outlives one', async () => {
			await take(me);
			age(0, 'another-boot');
			assert.equal(await isTaken(other), true);
		});

		test('a machine that was set back to an earlier time of its boot does not keep it for ever', async () => {
			await take(me);
			age(-100_000);
			assert.equal(await isTaken(other), true);
		});

		test('what is no lock of ours is none', async () => {
			sandbox.write('/run/k3s-mesh/lock', 'x\ny\n12; reboot\n\n\n');
			assert.equal(await isTaken(me), true);
		});

		test('a holder that is known to be gone loses it at once', async () => {
			await take(other);
			assert.equal(await isTaken(me, ['there:9:z']), false);
			assert.equal(await isTaken(me, [other.runId]), true);
		});
	});
}
