/** However the wizard ends, the terminal is as it was: in a real pseudo-terminal, on the simulated machines of the demo. */
import assert from 'node:assert/strict';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {after, before, describe, it} from 'node:test';
import {buildProgram, program} from '../support/program.js';
import {keys, startTerminal, type Terminal} from '../support/terminal.js';

const limitMs = 40_000;

/** Breaks on purpose: SIGUSR2 throws an error that nobody catches, SIGVTALRM rejects a promise that nobody awaits. */
const preload = `data:text/javascript,${encodeURIComponent(`
	import {writeFileSync} from 'node:fs';
	writeFileSync(process.env.PID_FILE, String(process.pid));
	process.on('SIGUSR2', () => { throw new Error('broken on purpose'); });
	process.on('SIGVTALRM', () => { Promise.reject(new Error('rejected on purpose')); });
`)}`;

const wizard = [process.execPath, '--import', preload, program, 'demo'];

const quoted = wizard
	.map((word) => `'${word.replaceAll("'", '%27')}'`)
	.join(' ');

type Stage = {
	readonly terminal: Terminal;
	/** The wizard itself. */
	readonly pid: () => number;
	/** The settings of the terminal before and after, as \`stty -a\` tells them. */
	readonly settings: (name: 'before' | 'after') => string;
};

describe('the terminal after the wizard', () => {
	before(buildProgram);

	const stages: Array<() => Promise<void>> = [];
	after(async () => {
		for (const close of stages) {
			await close();
		}
	});

	const start = (shell: readonly string[]): Stage => {
		const folder = mkdtempSync(path.join(os.tmpdir(), 'terminal-'));
		// A shell that asks for marked pastes itself would hide whether the wizard takes its own wish back.
		const inputrc = path.join(folder, 'inputrc');
		writeFileSync(inputrc, 'set enable-bracketed-paste off\n');
		const terminal = startTerminal({
			command: shell,
			cwd: folder,
			env: {
				FOLDER: folder,
				HOME: folder,
				PID_FILE: path.join(folder, 'pid'),
				PS1: 'shell> ',
				INPUTRC: inputrc,
			},
		});
		stages.push(async () => {
			await terminal.stop();
			rmSync(folder, {recursive: true, force: true});
		});
		return {
			terminal,
			pid: () => Number(readFileSync(path.join(folder, 'pid'), 'utf8')),
			settings: (name) => readFileSync(path.join(folder, name), 'utf8'),
		};
	};

	/** Runs it as a shell does, and waits for a key at the end. */
	const run = (): Stage =>
		start([
			'sh',
			'-c',
			`trap '' HUP TERM INT; stty -a >"$FOLDER/before"; (trap - HUP TERM INT; exec ${quoted}); code=$?; stty -a >"$FOLDER/after"; echo "ended with $code"; read -r key`,
		]);

	/** The last of two opposite sequences that was written is the one that puts the terminal back. */
	const assertLast = (raw: string, on: string, off: string): void => {
		assert.ok(raw.includes(on), `${JSON.stringify(on)} was never written`);
		assert.ok(
			raw.lastIndexOf(off) > raw.lastIndexOf(on),
			`${JSON.stringify(on)} was not taken back`,
		);
	};

	const assertRestored = ({terminal, settings}: Stage): void => {
		const raw = terminal.raw();
		assertLast(raw, '\u001B[?1049h', '\u001B[?1049l');
		assertLast(raw, '\u001B[?25l', '\u001B[?25h');
		assertLast(raw, '\u001B[?2004h', '\u001B[?2004l');
		assert.equal(settings('after'), settings('before'));
	};

	/** The key that the shell waits for: one that has to be killed takes seconds. */
	const leave = async ({terminal}: Stage): Promise<void> => {
		terminal.type(keys.enter);
		await terminal.exited;
	};

	const running = /DEMO k3s-mesh[\s\S]*● fra1/;

	it('Ctrl-C', async () => {
		const stage = run();
		await stage.terminal.waitFor(running, limitMs);
		stage.terminal.type(keys.ctrlC);
		await stage.terminal.waitFor(/ended with 130/, limitMs);
		assertRestored(stage);
		await leave(stage);
	});

	for (const [signal, code] of [
		['SIGTERM', 143],
		['SIGHUP', 129],
	] as const) {
		it(signal, async () => {
			const stage = run();
			await stage.terminal.waitFor(running, limitMs);
			process.kill(stage.pid(), signal);
			await stage.terminal.waitFor(new RegExp(`ended with ${code}`), limitMs);
			assertRestored(stage);
			await leave(stage);
		});
	}

	for (const [title, signal, text] of [
		['an error that nobody caught', 'SIGUSR2', 'broken on purpose'],
		['a rejection that nobody awaited', 'SIGVTALRM', 'rejected on purpose'],
	] as const) {
		it(`${title}, which is told after the screen is given back`, async () => {
			const stage = run();
			await stage.terminal.waitFor(running, limitMs);
			process.kill(stage.pid(), signal);
			await stage.terminal.waitFor(/ended with 1\b/, limitMs);
			assertRestored(stage);
			assert.match(
				stage.terminal.screen(),
				new RegExp(`a mistake of k3s-mesh-tui, not yours: Error: ${text}`),
			);
			await leave(stage);
		});
	}

	it('Ctrl-Z gives the terminal back, and fg draws the screen anew', async () => {
		const stage = start(['bash', '--norc', '--noprofile', '-i']);
		const {terminal} = stage;
		await terminal.waitFor(/shell> /, limitMs);
		terminal.type(`stty -a >"$FOLDER/before"; ${quoted}\r`);
		await terminal.waitFor(running, limitMs);
		terminal.type('\u001A');
		await terminal.waitFor(/Stopped[\s\S]*shell> /, limitMs);
		terminal.type('stty -a >"$FOLDER/after"; echo looked\r');
		await terminal.waitFor(/^looked/m, limitMs);
		assertRestored(stage);
		terminal.type('fg\r');
		await terminal.waitFor(running, limitMs);
		terminal.type('?');
		await terminal.waitFor(/Esc close|any key|Keys|↑ ↓/, limitMs);
		terminal.type(keys.ctrlC);
		await terminal.waitFor(/That was the demo[\s\S]*shell> /, limitMs);
		terminal.type('stty -a >"$FOLDER/after"; echo again\r');
		await terminal.waitFor(/^again/m, limitMs);
		assertRestored(stage);
		terminal.type('exit\r');
		await terminal.exited;
	});
});
