import assert from 'node:assert/strict';
import test from 'node:test';
import type {Cell, Path} from '../../source/facts/measurements.js';
import {countBursts} from '../../source/probe/bursts.js';
import type {Run} from '../../source/probe/run.js';

const path = (from: string): Path => ({
	from,
	to: 'shell',
	addressKind: 'external',
	address: '192.0.2.7',
	protocol: 'udp',
	port: 51_820,
});

const ignored = () => undefined;

const runWith = (count: () => void): Run => {
	const agent = {
		async count() {
			count();
			return {udp: 0, udp6: 0};
		},
		problem: ignored,
	};
	return {
		starts: new Map([['shell', {station: {agent}}]]),
		nextId: () => 1,
	} as unknown as Run;
};

test('bursts that could not begin in time are unknown, and say for whom', async () => {
	const limit = new AbortController();
	let counts = 0;
	const cells: Cell[] = [];
	await countBursts(
		runWith(() => {
			counts += 1;
			limit.abort();
		}),
		[path('one'), path('two')],
		limit.signal,
		(cell) => cells.push(cell),
	);
	assert.equal(counts, 2, 'before and after the first');
	assert.deepEqual(
		cells.map(({path: {from}, verdict}) => `${from} ${verdict.kind}`),
		['one unknown', 'two unknown'],
	);
	const {verdict} = cells[1]!;
	assert.match(
		verdict.kind === 'unknown' ? verdict.reason : '',
		/shell can only count .* for two$/,
	);
});
