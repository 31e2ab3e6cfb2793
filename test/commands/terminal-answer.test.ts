import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';
import process from 'node:process';
import {describe, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {askOnTerminal} from '../../source/commands/terminal-answer.js';

const program = fileURLToPath(new URL('terminal-program.ts', import.meta.url));
/** `script` of util-linux runs a program on a terminal of its own. */
const hasScript = spawnSync('script', ['--version'])
	.stdout?.toString()
	.includes('util-linux');

/** Runs the program on a terminal; types `input` once it asks. Returns all that was on the screen. */
const runOnTerminal = async (input: string): Promise<string> => {
	const command = [process.execPath, '--import', 'tsx', program]
		.map((word) => `'${word}'`)
		.join(' ');
	const child = spawn('script', ['-qec', command, '/dev/null'], {
		cwd: path.dirname(program),
		stdio: ['pipe', 'pipe', 'inherit'],
		env: {...process.env, SHELL: '/bin/sh'},
	});
	let screen = '';
	let isTyped = false;
	child.stdout.on('data', (bytes: Buffer) => {
		screen += bytes.toString();
		if (!isTyped && screen.includes('Password of me on nuc.lan: ')) {
			isTyped = true;
			child.stdin.write(input);
		}
	});
	await once(child, 'close');
	return screen;
};

describe(
	'a secret asked for on the terminal',
	{skip: !hasScript && 'script of util-linux is not installed'},
	() => {
		test('is not drawn, and the terminal is as before', async () => {
			const screen = await runOnTerminal('Sesame-4711\r');
			assert.match(screen, /That password was wrong\./);
			assert.doesNotMatch(screen, /Sesame/);
			assert.ok(
				screen.includes(
					`got ${Buffer.from('Sesame-4711').toString('hex')}, as before`,
				),
				screen,
			);
		});

		for (const [what, key] of [
			['Ctrl-C', '\u0003'],
			['Ctrl-D', '\u0004'],
			['an empty line', '\r'],
		] as const) {
			test(`${what} is no answer, and the terminal is as before`, async () => {
				assert.match(await runOnTerminal(key), /got nothing, as before/);
			});
		}
	},
);

test('without a terminal nobody answers', async () => {
	const {signal} = new AbortController();
	const question = {kind: 'passphrase', file: 'id', attempt: 1} as const;
	assert.equal(
		await askOnTerminal(question, signal, '/nowhere/tty'),
		undefined,
	);
	assert.equal(await askOnTerminal(question, signal, '/dev/null'), undefined);
});
