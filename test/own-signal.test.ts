import assert from 'node:assert/strict';
import process from 'node:process';
import test from 'node:test';
import {delay} from '../source/install/wait.js';
import {ownSignal} from '../source/own-signal.js';

test('a signal of its own aborts with the one that it came from, with its reason', () => {
	const controller = new AbortController();
	const own = ownSignal(controller.signal);
	controller.abort(new Error('enough'));
	assert.equal(own.aborted, true);
	assert.equal((own.reason as Error).message, 'enough');
});

test('forty waits on one signal end with it and are no leak that Node warns of', async (t) => {
	const warnings: string[] = [];
	const onWarning = ({message}: Error) => {
		warnings.push(message);
	};

	process.on('warning', onWarning);
	t.after(() => {
		process.off('warning', onWarning);
	});
	const controller = new AbortController();
	const waits = Array.from({length: 40}, async () =>
		delay(60_000, controller.signal),
	);
	controller.abort(new Error('enough'));
	for (const wait of waits) {
		await assert.rejects(wait, /enough/);
	}

	await new Promise((resolve) => {
		setImmediate(resolve);
	});
	assert.deepEqual(warnings, []);
});
