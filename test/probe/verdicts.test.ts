import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import type {Path, Verdict} from '../../source/facts/measurements.js';
import {parseMessages, type Outcome} from '../../source/probe/messages.js';
import {summarizeRtts} from '../../source/probe/statistics.js';
import {cellOf, obstacleAt} from '../../source/probe/verdicts.js';
import {localFacts} from './local-host.js';

const path: Path = {
	from: 'fra1',
	to: 'nuc',
	addressKind: 'external',
	address: '192.0.2.7',
	protocol: 'tcp',
	port: 6443,
};

describe('verdicts', () => {
	for (const [outcome, expected] of [
		[
			{result: 'answered', node: 'nuc', source: '198.51.100.11:40000', rtt: 12},
			{kind: 'open', rttMs: 12},
		],
		[
			{result: 'answered', node: 'pi4', source: '198.51.100.11:40000', rtt: 12},
			{kind: 'wrong-host', answeredBy: 'pi4'},
		],
		[{result: 'stranger'}, {kind: 'wrong-host', answeredBy: undefined}],
		[
			{result: 'refused', by: '192.0.2.1', reason: 'host-prohibited'},
			{kind: 'refused', by: '192.0.2.1', reason: 'host-prohibited'},
		],
		[
			{result: 'refused', by: null, reason: 'connection refused'},
			{kind: 'refused', by: undefined, reason: 'connection refused'},
		],
		[{result: 'silent'}, {kind: 'filtered'}],
		[
			{result: 'failed', reason: 'Network is unreachable'},
			{
				kind: 'unknown',
				reason: 'fra1 could not try: Network is unreachable',
			},
		],
		[
			{result: 'connected', rtt: 3},
			{kind: 'in-use', process: 'k3s-server'},
		],
	] as ReadonlyArray<readonly [Outcome, Verdict]>) {
		test(`${JSON.stringify(outcome)} is ${expected.kind}`, () => {
			const cell = cellOf(
				path,
				{tried: 1, sent: 1, ...outcome},
				{kind: 'in-use', process: 'k3s-server'},
			);
			assert.deepEqual(cell.verdict, expected);
		});
	}

	test('a connection where no program holds the port shows nobody', () => {
		const {verdict, answered} = cellOf(
			path,
			{tried: 1, sent: 1, result: 'connected', rtt: 3},
			undefined,
		);
		assert.equal(verdict.kind, 'unknown');
		assert.equal(answered, 1);
	});

	test('a port is in use on the address that the path leads to', () => {
		const refusedOn = (address: string, problem = 'in use') => ({
			listening: true as const,
			refused: [{protocol: 'tcp' as const, address, port: 6443, problem}],
		});
		const facts = {
			...localFacts(['127.0.0.1', '10.0.0.5', '192.0.2.7'], undefined),
			listening: [
				{
					protocol: 'tcp' as const,
					address: '::',
					port: 6443,
					process: 'k3s-server',
				},
			],
		};
		const natted = {...facts, addresses: facts.addresses.slice(0, 2)};
		const inUse = {kind: 'in-use', process: 'k3s-server'};
		assert.deepEqual(obstacleAt(path, refusedOn('192.0.2.7'), facts), inUse);
		assert.equal(obstacleAt(path, refusedOn('10.0.0.5'), facts), undefined);
		assert.deepEqual(obstacleAt(path, refusedOn('10.0.0.5'), natted), inUse);
		const more = localFacts(
			['127.0.0.1', '10.0.0.5', '10.0.0.6', 'fd00::5'],
			undefined,
		);
		for (const address of ['10.0.0.5', 'fd00::5']) {
			assert.equal(
				obstacleAt(path, refusedOn(address, 'No such'), more),
				undefined,
			);
		}

		assert.equal(
			obstacleAt(path, refusedOn('10.0.0.5', 'No such'), natted)?.kind,
			'not-listening',
		);
		assert.equal(obstacleAt(path, refusedOn('127.0.0.1'), natted), undefined);
		assert.deepEqual(
			obstacleAt(path, refusedOn('192.0.2.7', 'Permission denied'), facts),
			{
				kind: 'not-listening',
				reason:
					'the probe on nuc could not listen on tcp 6443: Permission denied',
			},
		);
	});
});

describe('round trips', () => {
	test('are summed up by nearest rank, with what was lost', () => {
		const rtts = Array.from({length: 19}, (_, index) => 19 - index);
		assert.deepEqual(summarizeRtts(rtts, 20), {
			minMs: 1,
			medianMs: 10,
			p95Ms: 19,
			jitterMs: 1,
			loss: 1 - 19 / 20,
			samples: 20,
		});
	});

	test('one sample is all there is; none is nothing', () => {
		assert.deepEqual(summarizeRtts([7], 1), {
			minMs: 7,
			medianMs: 7,
			p95Ms: 7,
			jitterMs: 0,
			loss: 0,
			samples: 1,
		});
		assert.equal(summarizeRtts([], 20), undefined);
	});
});

describe('lines of an agent', () => {
	for (const line of [
		'',
		'hello',
		'{}',
		'{"tried":1}',
		'{"tried":1,"sent":1,"result":"open"}',
		'{"tried":1,"sent":-1,"result":"silent"}',
		'{"tried":1,"sent":1,"result":"answered","node":"a","source":"b","rtt":"1"}',
		`{"tried":1,"sent":1,"result":"failed","reason":"${'x'.repeat(5000)}"}`,
	]) {
		test(`${JSON.stringify(line.slice(0, 60))} is no message`, () => {
			assert.deepEqual(parseMessages(line), []);
		});
	}

	test('several reports come in one line; what is none of ours is left out', () => {
		const report = {tried: 1, sent: 1, result: 'silent'};
		assert.deepEqual(
			parseMessages(
				JSON.stringify({reports: [report, {tried: 2}, {...report, tried: 3}]}),
			),
			[report, {...report, tried: 3}],
		);
	});

	test('control characters of a host never reach the screen', () => {
		const [message] = parseMessages(
			String.raw`{"tried":1,"sent":1,"result":"failed","reason":"a\u001b[2Jb"}`,
		);
		assert.ok(message && 'tried' in message && message.result === 'failed');
		assert.equal(message.reason, 'a?[2Jb');
	});
});
