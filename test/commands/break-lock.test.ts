import assert from 'node:assert/strict';
import process from 'node:process';
import {describe, it} from 'node:test';
import {fileURLToPath} from 'node:url';
import {keys, startTerminal} from '../support/terminal.js';

const program = `
	import {mayBreakLock} from './source/commands/break-lock.ts';
	import {stopSignal} from './source/commands/stop-signal.ts';
	const stop = stopSignal();
	const holder = {owner: 'eve on laptop', heldSeconds: 90, ageSeconds: 3};
	try {
		console.log('answered', await mayBreakLock(holder, {yes: process.env.YES === 'yes'}, stop.signal));
	} catch {
		console.log('stopped', stop.signal.aborted);
		process.exitCode = stop.exitCode();
	} finally {
		stop.dispose();
	}
`;

const command = [
	process.execPath,
	'--import',
	'tsx',
	'--input-type=module',
	'--eval',
	program,
];

/** Runs the question in a pseudo-terminal. Gives what was on the screen and the exit code. */
const ask = async (
	answer: string | undefined,
	said: RegExp,
	env: Readonly<Record<string, string>> = {},
): Promise<{readonly screen: string; readonly code: number}> => {
	const terminal = startTerminal({
		command,
		env,
		cwd: fileURLToPath(new URL('../..', import.meta.url)),
	});
	try {
		if (answer !== undefined) {
			await terminal.waitFor(/Break it\? .* \[y\/N\]/s, 40_000);
			terminal.type(answer);
		}

		await terminal.waitFor(said, 40_000);
		return {screen: terminal.screen(), code: await terminal.exited};
	} finally {
		await terminal.stop();
	}
};

describe('--break-lock on a terminal', () => {
	it('shows who holds the lock before it asks, and takes a yes', async () => {
		const {screen, code} = await ask('y\r', /answered true/);
		assert.match(screen, /The lock of this cluster is held by .*eve.*laptop/s);
		assert.equal(code, 0);
	});

	it('takes an empty answer for no', async () => {
		assert.equal((await ask('\r', /answered false/)).code, 0);
	});

	it('breaks nothing when it is stopped', async () => {
		const {screen, code} = await ask(keys.ctrlC, /stopped true/);
		assert.doesNotMatch(screen, /answered/);
		assert.equal(code, 130);
	});

	it('asks nothing after --yes, and still says whose it was', async () => {
		const {screen} = await ask(undefined, /answered true/, {YES: 'yes'});
		assert.match(screen, /held by .*eve/s);
		assert.doesNotMatch(screen, /Break it/);
	});
});
