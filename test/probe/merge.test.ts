import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
	noMeasurements,
	type Cell,
	type Latency,
	type Measurements,
	type Verdict,
} from '../../source/facts/measurements.js';
import {mergeMeasurements} from '../../source/probe/merge.js';

const open: Verdict = {kind: 'open', rttMs: 1};
const filtered: Verdict = {kind: 'filtered'};

const cell = (to: string, port: number, verdict: Verdict): Cell => ({
	path: {
		from: 'fra1',
		to,
		addressKind: 'external',
		address: to === 'nuc' ? '192.0.2.7' : '192.0.2.8',
		protocol: 'tcp',
		port,
	},
	verdict,
	sent: 1,
	answered: verdict === open ? 1 : 0,
	observedSource: undefined,
});

const latency = (to: string, samples: number, medianMs: number): Latency => ({
	from: 'fra1',
	to,
	addressKind: 'external',
	address: to === 'nuc' ? '192.0.2.7' : '192.0.2.8',
	minMs: medianMs,
	medianMs,
	p95Ms: medianMs,
	jitterMs: 0,
	loss: 0,
	samples,
});

const measured = (changes: Partial<Measurements>): Measurements => ({
	...noMeasurements,
	...changes,
});

test('what was measured again replaces what was there, in its place', () => {
	const merged = mergeMeasurements(
		measured({
			cells: [
				cell('nuc', 6443, filtered),
				cell('pi4', 6443, open),
				cell('nuc', 10_250, filtered),
			],
		}),
		measured({cells: [cell('nuc', 6443, open), cell('nuc', 2379, open)]}),
	);
	assert.deepEqual(
		merged.cells.map(
			({path, verdict}) => `${path.to} ${path.port} ${verdict.kind}`,
		),
		['nuc 6443 open', 'pi4 6443 open', 'nuc 10250 filtered', 'nuc 2379 open'],
	);
});

test('an address that answers no more loses its round trips; others keep theirs', () => {
	const {latencies} = mergeMeasurements(
		measured({
			cells: [cell('nuc', 6443, open), cell('pi4', 6443, open)],
			latencies: [latency('nuc', 20, 5), latency('pi4', 20, 6)],
		}),
		measured({cells: [cell('nuc', 6443, filtered)]}),
	);
	assert.deepEqual(
		latencies.map(({to}) => to),
		['pi4'],
	);
});

test('many samples are not given up for a few, and as many are', () => {
	const earlier = measured({
		cells: [cell('nuc', 6443, open), cell('pi4', 6443, open)],
		latencies: [latency('nuc', 20, 5), latency('pi4', 20, 6)],
	});
	const {latencies} = mergeMeasurements(
		earlier,
		measured({
			cells: earlier.cells,
			latencies: [latency('nuc', 5, 50), latency('pi4', 20, 60)],
		}),
	);
	assert.deepEqual(
		latencies.map(({to, medianMs}) => [to, medianMs]),
		[
			['nuc', 5],
			['pi4', 60],
		],
	);
});

test('what belongs to no path stays, a node that took part again is told anew', () => {
	const station = {node: 'nuc', rung: undefined, interpreter: undefined};
	const merged = mergeMeasurements(
		measured({
			outbound: [
				{from: 'nuc', need: 'dns', target: 'x', result: {kind: 'silent'}},
			],
			stations: [{...station, problem: 'slow'}],
		}),
		measured({stations: [{...station, problem: undefined}]}),
	);
	assert.equal(merged.outbound.length, 1);
	assert.deepEqual(merged.stations, [{...station, problem: undefined}]);
});
