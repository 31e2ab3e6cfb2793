/** What the ways between nodes of a tailnet mean: UDP, relays, captive portals. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {checkAll} from '../../source/checks/check.js';
import {noMeasurements} from '../../source/facts/measurements.js';
import type {
	Netcheck,
	TailnetPath,
	TailnetWay,
} from '../../source/facts/tailnet-measures.js';
import {tailnet3, type Rest} from '../mesh/tailnet-support.js';
import {makeContext} from '../plan/fixtures.js';

const good: Netcheck = {
	udp: true,
	ipv6: false,
	mappingVaries: false,
	seenAs: '203.0.113.7',
	relays: [{region: 'fra', ms: 12}],
	preferred: 'fra',
	captivePortal: undefined,
};
const blocked: Partial<Netcheck> = {udp: false, mappingVaries: undefined};
const alone: Partial<Netcheck> = {...blocked, relays: []};

const direct: TailnetWay = {
	kind: 'direct',
	endpoint: '203.0.113.7:41641',
	rttMs: undefined,
};
const byRelay: TailnetWay = {
	kind: 'relayed',
	relay: 'DERP(fra)',
	rttMs: 40,
};
const between = (from: string, to: string, way: TailnetWay): TailnetPath => ({
	from,
	to,
	address: `address of ${to}`,
	way,
});

const told = (
	netchecks: Readonly<Record<string, Partial<Netcheck>>>,
	tailnetPaths: readonly TailnetPath[] = [],
	rest: Rest = {},
): readonly string[] =>
	checkAll(
		makeContext(
			tailnet3(rest),
			{},
			{
				...noMeasurements,
				netchecks: Object.entries(netchecks).map(([node, changes]) => ({
					node,
					...good,
					...changes,
				})),
				tailnetPaths,
			},
		),
	).map(
		({severity, id, message, nodes}) =>
			`${severity} ${id} ${nodes.join(',')}: ${message}`,
	);

const assertTold = (
	said: readonly string[],
	expected: readonly RegExp[],
): void => {
	assert.equal(said.length, expected.length, said.join('\n'));
	for (const [index, pattern] of expected.entries()) {
		assert.match(said[index]!, pattern);
	}
};

test('nothing is said where UDP gets out and ways are direct, nor of a mesh without a tailnet', () => {
	assertTold(told({fra1: {}, nuc: {}}, [between('fra1', 'nuc', direct)]), []);
	assertTold(
		told({nuc: alone, pi4: {captivePortal: true}}, [], {
			mesh: {kind: 'wireguard-native'},
		}),
		[],
	);
});

test('nodes whose UDP does not get out are told of together: a relay carries all', () => {
	assertTold(told({fra1: {}, nuc: blocked, pi4: blocked}), [
		/^warning tailscale\.udp nuc,pi4: No UDP of nuc and pi4 gets out .* they send .* TCP 443/,
	]);
});

test('no relay at all stops an install, unless packets are seen to pass', () => {
	assertTold(told({nuc: alone}), [
		/^error tailscale\.relays nuc: nuc reaches no relay/,
	]);
	assertTold(told({nuc: alone}, [between('nuc', 'fra1', direct)]), [
		/^warning tailscale\.relays nuc/,
	]);
	assertTold(told({nuc: alone}, [between('nuc', 'fra1', byRelay)]), [
		/^info tailscale\.relayed/,
	]);
});

test('behind a proxy, which the check of Tailscale does not ask, no relay is no proof', () => {
	const rest: Rest = {proxy: {http: 'http://proxy.lan:3128'}};
	const ofRelays = (paths: readonly TailnetPath[]) =>
		told({nuc: alone}, paths, rest).filter((line) =>
			line.includes('tailscale.relays'),
		);
	assertTold(ofRelays([]), []);
	assertTold(ofRelays([between('nuc', 'fra1', direct)]), [/^warning/]);
});

test('a captive portal is warned of', () => {
	assertTold(told({pi4: {captivePortal: true}}), [
		/^warning tailscale\.captive-portal pi4: .*captive portal/,
	]);
});

test('pairs that go by a relay are told of once, each pair once', () => {
	assertTold(
		told({}, [
			between('nuc', 'pi4', byRelay),
			between('pi4', 'nuc', byRelay),
			between('fra1', 'nuc', direct),
		]),
		[
			/^info tailscale\.relayed nuc,pi4: .* between nuc and pi4 \(DERP\(fra\)\): /,
		],
	);
	const many = ['fra1', 'nuc', 'pi4', 'ams2'].flatMap((from, index, all) =>
		all.slice(index + 1).map((to) => between(from, to, byRelay)),
	);
	assertTold(told({}, many), [/ and 3 more pairs: Tailscale finds/]);
});
