import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import type {JudgedFinding} from '../../source/checks/finding.js';
import {
	findingsOfPair,
	type ChecksView,
} from '../../source/ui/state/checks-view.js';

const finding = (id: string, ...nodes: readonly string[]): JudgedFinding => ({
	id,
	severity: 'error',
	message: `${id} of ${nodes.join(' ')}`,
	nodes,
	fixes: [],
	source: '',
	ignored: false,
});

const saidOf = (findings: readonly JudgedFinding[], from: string, to: string) =>
	findingsOfPair(
		{
			findings: findings.map((one) => ({...one, members: [one]})),
		} as unknown as ChecksView,
		'ports',
		from,
		to,
	).map(({message}) => message);

describe('findings of a pair', () => {
	for (const [id, nodes] of [
		['path.blocked', ['a', 'b', 'c']],
		['path.one-way', ['c', 'a', 'b']],
		['path.recommended', ['c', 'a', 'b']],
	] as const) {
		it(`${id} of several senders explains the way of each to the target, and no other way`, () => {
			const told = finding(id, ...nodes);
			for (const [from, to, expected] of [
				['a', 'c', [told.message]],
				['b', 'c', [told.message]],
				['c', 'a', []],
				['c', 'b', []],
				['a', 'b', []],
				['b', 'a', []],
			] as const) {
				assert.deepEqual(saidOf([told], from, to), expected, `${from}>${to}`);
			}
		});
	}
});
