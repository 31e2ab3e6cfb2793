import assert from 'node:assert/strict';
import test from 'node:test';
import type {Verdict} from '../../source/facts/measurements.js';
import {pairCells, type Need} from '../../source/ui/state/matrix.js';

const stateOf = (verdict: Verdict, need: Need) =>
	pairCells(
		[
			{
				path: {
					from: 'fra1',
					to: 'nuc',
					addressKind: 'external',
					address: '192.0.2.7',
					protocol: 'udp',
					port: 41_641,
				},
				verdict,
				sent: 0,
				answered: 0,
				observedSource: undefined,
			},
		],
		() => need,
		new Set(),
	)
		.get('external')
		?.get('fra1>nuc')?.state;

test('a port that Tailscale itself holds is no warning, one that another program holds is', () => {
	const held = (process: string | undefined): Verdict => ({
		kind: 'in-use',
		process,
	});
	assert.equal(stateOf(held('tailscaled'), 'recommended'), 'none');
	assert.equal(stateOf(held('tailscaled'), 'required'), 'warning');
	assert.equal(stateOf(held('syncthing'), 'recommended'), 'warning');
	assert.equal(stateOf(held(undefined), 'recommended'), 'warning');
	assert.equal(stateOf({kind: 'filtered'}, 'recommended'), 'warning');
	assert.equal(stateOf({kind: 'filtered'}, 'required'), 'bad');
});
