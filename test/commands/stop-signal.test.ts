import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
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
});
