import assert from 'node:assert/strict';
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

		/** As if it had last been refreshed so many seconds ago. */
		const age = (seconds: number) => {
			const [runId, owner] = sandbox.read('/run/k3s-mesh/lock').split('\n');
			sandbox.write(
				'/run/k3s-mesh/lock',
				`${runId}\n${owner}\n${Math.floor(Date.now() / 1000) - seconds}\n`,
			);
		};

		test('one run holds it, and another is told who', async () => {
			assert.deepEqual(await take(me), {taken: true});
			const answer = await take(other);
			assert.equal(answer.taken, false);
			assert.deepEqual(!answer.taken && answer.holder, me);
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

		test('a holder that is known to be gone loses it at once', async () => {
			await take(other);
			assert.equal(await isTaken(me, ['there:9:z']), false);
			assert.equal(await isTaken(me, [other.runId]), true);
		});
	});
}
