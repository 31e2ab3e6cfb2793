import assert from 'node:assert/strict';
import test from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import {withDeadline} from '../source/deadline.js';

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

/** Whatever comes of a signal that nobody but its listener's closure knows. */
const abortReason = async (signal: AbortSignal): Promise<unknown> =>
	new Promise((resolve) => {
		signal.addEventListener('abort', () => {
			resolve(signal.reason);
		});
	});

test('a deadline comes although memory is collected meanwhile', async () => {
	const reason = abortReason(withDeadline(new AbortController().signal, 300));
	// A timer without a process to keep it would let the test end before.
	const alive = setInterval(collectGarbage, 20);
	try {
		const {name} = (await Promise.race([
			reason,
			new Promise((resolve) => {
				setTimeout(resolve, 20_000, {name: 'it never came'}).unref();
			}),
		])) as Error;
		assert.equal(name, 'TimeoutError');
	} finally {
		clearInterval(alive);
	}
});

test('a deadline passes on what ends it before, with its reason', async () => {
	const controller = new AbortController();
	const signal = withDeadline(controller.signal, 60_000);
	const reason = abortReason(signal);
	controller.abort(new Error('stopped'));
	assert.equal(((await reason) as Error).message, 'stopped');
	assert.ok(signal.aborted);
});
