import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import {setImmediate} from 'node:timers/promises';
import {
	layers,
	makeKeyRouter,
	type KeyHandler,
} from '../../source/ui/state/key-router.js';

const recorder = (
	mode: KeyHandler['mode'],
	layer: number = layers.screen,
	hasPaste = false,
) => {
	const got: string[] = [];
	return {
		got,
		handler: (): KeyHandler => ({
			layer,
			mode,
			onKey(key) {
				got.push(`<${key}>`);
			},
			onText(text) {
				got.push(text);
			},
			...(hasPaste
				? {
						onPaste(text: string) {
							got.push(`paste ${text}`);
						},
					}
				: {}),
		}),
	};
};

const settle = async (): Promise<void> => {
	for (let turn = 0; turn < 20; turn += 1) {
		await setImmediate();
	}
};

describe('the key router', () => {
	it('gives each character of a fast run to list mode as a key of its own', async () => {
		const router = makeKeyRouter();
		const list = recorder('list');
		router.register(list.handler);
		for (const input of [{text: 'ar\r'}, 'down'] as const) {
			router.push(input);
		}

		await settle();
		assert.deepEqual(list.got, ['a', 'r', '<enter>', '<down>']);
	});

	it('never takes pasted text for commands, marked or not', async () => {
		const router = makeKeyRouter();
		const list = recorder('list');
		router.register(list.handler);
		router.paste('dddd');
		router.push({text: 'root@198.51.100.11\rdq'});
		await settle();
		assert.deepEqual(list.got, []);
		const taker = recorder('list', layers.screen, true);
		router.register(taker.handler);
		router.push({text: 'root@198.51.100.11\rdq'});
		await settle();
		assert.deepEqual(taker.got, ['paste root@198.51.100.11\rdq']);
	});

	it('still repeats a key that is held down', async () => {
		const router = makeKeyRouter();
		const list = recorder('list');
		router.register(list.handler);
		router.push({text: 'jjjjjjjj'});
		await settle();
		assert.equal(list.got.length, 8);
	});

	it('hands text to input mode in one piece, with the control keys between', async () => {
		const router = makeKeyRouter();
		const field = recorder('input', layers.field);
		router.register(field.handler);
		router.push({text: 'me@nuc\u0015root@a\r\nroot@b\t'});
		await settle();
		assert.deepEqual(field.got, [
			'me@nuc',
			'<clear>',
			'root@a',
			'<enter>',
			'root@b',
			'<tab>',
		]);
	});

	it('gives what follows a key to whoever is in front after it', async () => {
		const router = makeKeyRouter();
		const list = recorder('list');
		const field = recorder('input', layers.field);
		router.register(() => ({
			...list.handler(),
			onText(text) {
				list.got.push(text);
				router.register(field.handler);
			},
		}));
		router.push({text: 'anuc'});
		await settle();
		assert.deepEqual(list.got, ['a']);
		assert.deepEqual(field.got, ['nuc']);
	});

	it('prefers the highest layer, and goes back when it leaves', async () => {
		const router = makeKeyRouter();
		const list = recorder('list');
		const question = recorder('list', layers.question);
		router.register(list.handler);
		const leave = router.register(question.handler);
		router.register(recorder('input', layers.field).handler);
		router.push({text: 'y'});
		await settle();
		assert.deepEqual(question.got, ['y']);
		leave();
		router.push({text: 'n'});
		await settle();
		assert.deepEqual(question.got, ['y']);
	});
});
