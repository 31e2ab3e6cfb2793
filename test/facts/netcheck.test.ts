import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {parseNetcheck} from '../../source/facts/parse-netcheck.js';
import {wayText, type TailnetWay} from '../../source/facts/tailnet-measures.js';

const regions = new Map([
	['1', 'nyc'],
	['4', 'fra'],
]);

const report = {
	Now: '2026-01-01T00:00:00Z',
	UDP: true,
	IPv6: false,
	IPv4: true,
	MappingVariesByDestIP: false,
	UPnP: null,
	PreferredDERP: 4,
	RegionLatency: {1: 92_500_000, 4: 11_000_000, 900: 40_000_000},
	RegionV4Latency: {},
	GlobalV4Counters: {'203.0.113.7:41641': 3},
	GlobalV4: '203.0.113.7:41641',
	GlobalV6: '',
	CaptivePortal: null,
};

test('a report of netcheck is read: relays by their regions, the nearest first', () => {
	assert.deepEqual(parseNetcheck(JSON.stringify(report), regions), {
		udp: true,
		ipv6: false,
		mappingVaries: false,
		seenAs: '203.0.113.7',
		relays: [
			{region: 'fra', ms: 11},
			{region: '900', ms: 40},
			{region: 'nyc', ms: 92.5},
		],
		preferred: 'fra',
		captivePortal: undefined,
	});
});

test('what netcheck could not find out is not known, and never a guess', () => {
	for (const [changes, expected] of [
		[{MappingVariesByDestIP: null}, {mappingVaries: undefined}],
		[{MappingVariesByDestIP: true}, {mappingVaries: true}],
		[{GlobalV4: '', GlobalV6: '[2001:db8::7]:41641'}, {seenAs: '2001:db8::7'}],
		[{GlobalV4: '<script>', GlobalV6: ''}, {seenAs: undefined}],
		[
			{UDP: false, PreferredDERP: 0, RegionLatency: null},
			{udp: false, preferred: undefined, relays: []},
		],
		[{RegionLatency: {4: 'soon'}}, {relays: []}],
		[{CaptivePortal: true}, {captivePortal: true}],
	] as const) {
		const parsed = parseNetcheck(
			JSON.stringify({...report, ...changes}),
			regions,
		);
		assert.deepEqual({...parsed, ...expected}, parsed, JSON.stringify(changes));
	}
});

test('what is no report is none, whatever it is', () => {
	for (const text of ['', '[]', 'null', '{"UDP":"yes"}', '{"UDP":tr']) {
		assert.equal(parseNetcheck(text, regions), undefined, text);
	}

	fc.assert(
		fc.property(fc.json(), (text) => {
			const parsed = parseNetcheck(text, regions);
			assert.ok(parsed === undefined || typeof parsed.udp === 'boolean');
		}),
	);
});

test('a way is told in words', () => {
	const ways: ReadonlyArray<readonly [TailnetWay, string]> = [
		[
			{kind: 'direct', endpoint: '203.0.113.7:41641', rttMs: 12},
			'direct to 203.0.113.7:41641 in 12 ms',
		],
		[
			{kind: 'relayed', relay: 'DERP(fra)', rttMs: undefined},
			'relayed by DERP(fra)',
		],
		[{kind: 'silent', reason: 'no reply'}, 'no reply'],
	];
	for (const [way, text] of ways) {
		assert.equal(wayText(way), text);
	}
});
