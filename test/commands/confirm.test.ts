import assert from 'node:assert/strict';
import process from 'node:process';
import {describe, it} from 'node:test';
import {fileURLToPath} from 'node:url';
import {keys, startTerminal} from '../support/terminal.js';

const program = `
	import {confirm} from './source/commands/confirm.ts';
	import {stopSignal} from './source/commands/stop-signal.ts';
	const stop = stopSignal();
	try {
		console.log('answered', await confirm('Go ahead?', stop.signal));
	} catch {
		console.log('stopped', stop.signal.aborted);
		process.exitCode = stop.exitCode();
	} finally {
		stop.dispose();
	}
`;

/** Asks in a pseudo-terminal and types the answer; gives the exit code and what was said then. */
const ask = async (answer: string, said: RegExp): Promise<number> => {
	const terminal = startTerminal({
		command: [
			process.execPath,
			'--import',
			'tsx',
			'--input-type=module',
			'--eval',
			program,
		],
		cwd: fileURLToPath(new URL('../..', import.meta.url)),
	});
	try {
		await terminal.waitFor(/Go ahead\? \[y\/N\] /, 40_000);
		terminal.type(answer);
		await terminal.waitFor(said, 40_000);
		return await terminal.exited;
	} finally {
		await terminal.stop();
	}
};

describe('a question on the terminal', () => {
	it('is answered by y, and by nothing else with no', async () => {
		assert.equal(await ask('y\r', /answered true/), 0);
		assert.equal(await ask('\r', /answered false/), 0);
	});

	it('is answered with no when the input ends', async () => {
		assert.equal(await ask('\u0004', /answered false/), 0);
	});

	it('Ctrl-C stops the program', async () => {
		assert.equal(await ask(keys.ctrlC, /stopped true/), 130);
	});
});
