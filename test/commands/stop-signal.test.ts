import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {describe, it} from 'node:test';

const program = `
	import Conf from 'conf';
	import {stopSignal} from './source/commands/stop-signal.ts';
	const stop = stopSignal();
	stop.signal.addEventListener('abort', () => {
		// Work that ends in good order takes a moment.
		setTimeout(() => {
			console.log('ended in good order', typeof Conf);
			stop.dispose();
			clearInterval(alive);
		}, 100);
	});
	const alive = setInterval(() => undefined, 1000);
	console.log('ready');
`;

/** Work that ends only when it is cut, and the process not even then. */
const stubborn = `
	import {stopSignal} from './source/commands/stop-signal.ts';
	const stop = stopSignal();
	setInterval(() => undefined, 1000);
	stop.signal.addEventListener('abort', () => {
		// A library sends each signal once more within a moment: a person's second one comes later.
		setTimeout(() => console.log('asked'), 400);
	});
	stop.atOnce.addEventListener('abort', () => console.log('cut'));
	console.log('ready');
`;

describe('a signal to stop', () => {
	it('lets the work end in good order, also when a library sends it on', async () => {
		const child = spawn(
			process.execPath,
			['--import', 'tsx', '--input-type=module', '--eval', program],
			{stdio: ['ignore', 'pipe', 'inherit']},
		);
		let output = '';
		child.stdout.setEncoding('utf8');
		child.stdout.on('data', (chunk: string) => {
			output += chunk;
			if (output === 'ready\n') {
				child.kill('SIGTERM');
			}
		});
		const [code] = (await once(child, 'close')) as [number | null];
		assert.equal(output, 'ready\nended in good order function\n');
		assert.equal(code, 0);
	});

	for (const [first, code] of [
		['SIGINT', 130],
		['SIGTERM', 143],
		['SIGHUP', 129],
	] as const) {
		it(`${first}, and then another one, cuts the work; the exit code tells of the first`, async () => {
			const child = spawn(
				process.execPath,
				['--import', 'tsx', '--input-type=module', '--eval', stubborn],
				{stdio: ['ignore', 'pipe', 'inherit']},
			);
			let output = '';
			child.stdout.setEncoding('utf8');
			child.stdout.on('data', (chunk: string) => {
				output += chunk;
				if (chunk.includes('ready')) {
					child.kill(first);
				} else if (chunk.includes('asked')) {
					child.kill('SIGINT');
				}
			});
			const [ended] = (await once(child, 'close')) as [number | null];
			assert.equal(output, 'ready\nasked\ncut\n');
			assert.equal(ended, code);
		});
	}
});

describe('a reader that is gone', () => {
	it('ends a command with 141 and without a word', async (t) => {
		const folder = mkdtempSync(path.join(os.tmpdir(), 'reader-'));
		t.after(() => {
			rmSync(folder, {recursive: true});
		});
		const file = path.join(folder, 'cluster.yaml');
		writeFileSync(
			file,
			'version: 1\nname: home\nnodes:\n  - {name: one, role: server, ssh: "me@127.0.0.1:1", externalIp: 198.51.100.1}\n',
		);
		const child = spawn(
			'sh',
			[
				'-c',
				'{ "$@"; echo "code $?" >&2; } | true',
				'sh',
				process.execPath,
				'--import',
				'tsx',
				'source/cli.ts',
				'check',
				file,
			],
			{
				stdio: ['ignore', 'pipe', 'pipe'],
				env: {...process.env, HOME: folder, XDG_CONFIG_HOME: folder},
			},
		);
		let said = '';
		child.stderr.setEncoding('utf8');
		child.stderr.on('data', (chunk: string) => {
			said += chunk;
		});
		await once(child, 'close');
		assert.match(said, /^code 141$/m);
		assert.doesNotMatch(said, /EPIPE|^ +at /m);
	});
});
