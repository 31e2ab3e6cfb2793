import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {clusterSchema} from '../../source/cluster/schema.js';
import type {
	LiveService,
	Path,
	Verdict,
} from '../../source/facts/measurements.js';
import type {WireguardPeer} from '../../source/host/scripts/probe-handshakes.js';
import {makeMachineFacts} from '../../source/host/simulated/machine-facts.js';
import {
	judgeHandshake,
	judgeKey,
	serviceKey,
	speaksTls,
} from '../../source/probe/live.js';
import {localFacts} from './local-host.js';

const cluster = clusterSchema.parse({
	version: 1,
	name: 'home',
	nodes: [
		{
			name: 'fra1',
			role: 'server',
			ssh: 'fra1',
			externalIp: '198.51.100.11',
			internalIp: '192.168.1.4',
		},
		{
			name: 'nuc',
			role: 'server',
			ssh: 'nuc',
			externalIp: '192.0.2.7',
			internalIp: '192.168.1.4',
		},
		{name: 'pi4', role: 'agent', ssh: 'pi4', externalIp: '2001:db8::7'},
	],
});
const path: Path = {
	from: 'fra1',
	to: 'nuc',
	addressKind: 'external',
	address: '192.0.2.7',
	protocol: 'tcp',
	port: 6443,
};
const onNuc: Path = {...path, address: '192.0.2.9'};
const inside: Path = {
	...path,
	from: 'pi4',
	addressKind: 'internal',
	address: '192.168.1.4',
};

describe('the key of a service that runs', () => {
	const keys = (
		own: Readonly<Record<string, string>>,
	): ReadonlyMap<string, string> =>
		new Map(
			Object.entries(own).map(([node, key]) => [serviceKey(node, 6443), key]),
		);
	const held = {kind: 'in-use', process: 'k3s-server'} as const;
	const arrives = (evidence: string): Verdict => ({
		...held,
		live: {arrives: true, evidence},
	});

	for (const [title, where, own, expected] of [
		[
			"the target's own",
			path,
			{nuc: 'a', fra1: 'b'},
			arrives('TLS answered with the key that nuc alone shows'),
		],
		[
			'one that servers share, under an address on the target alone',
			onNuc,
			{nuc: 'a', fra1: 'a'},
			arrives('TLS answered with the key that nuc shows, and fra1 as well'),
		],
		[
			"one that servers share, under an address of the target's router",
			path,
			{nuc: 'a', fra1: 'a'},
			held,
		],
		[
			'one that servers share, under an address that both carry',
			inside,
			{nuc: 'a', fra1: 'a'},
			held,
		],
		[
			'that of another node',
			inside,
			{nuc: 'b', fra1: 'a'},
			{kind: 'wrong-host', answeredBy: 'fra1'},
		],
		[
			'that of a stranger',
			path,
			{nuc: 'b', fra1: 'c'},
			{kind: 'wrong-host', answeredBy: undefined},
		],
		['one that the target could not be asked for', path, {fra1: 'a'}, held],
	] as ReadonlyArray<
		readonly [string, Path, Readonly<Record<string, string>>, Verdict]
	>) {
		test(title, () => {
			assert.deepEqual(
				judgeKey(where, 'a', 'k3s-server', {
					cluster,
					facts: new Map([['nuc', localFacts([onNuc.address], undefined)]]),
					ownKeys: keys(own),
				}),
				expected,
			);
		});
	}
});

describe('which ports are greeted by TLS', () => {
	const facts = makeMachineFacts({hostname: 'nuc'});
	const running = makeMachineFacts({
		hostname: 'nuc',
		k3s: {
			role: 'server',
			version: undefined,
			unitState: 'active',
			configFiles: [],
			caHash: undefined,
		},
	});
	for (const [title, protocol, port, process, of, expected] of [
		['K3s itself', 'tcp', 6443, 'k3s-server', facts, true],
		['etcd inside K3s', 'tcp', 2380, 'k3s-server', facts, true],
		['a program of another kind', 'tcp', 6443, 'nginx', running, false],
		[
			'a program without name beside a K3s',
			'tcp',
			10_250,
			undefined,
			running,
			true,
		],
		['a program without name', 'tcp', 10_250, undefined, facts, false],
		['another port of K3s', 'tcp', 10_256, 'k3s-server', running, false],
		['UDP', 'udp', 6443, 'k3s-server', running, false],
	] as const) {
		test(`${title}: ${expected ? 'yes' : 'no'}`, () => {
			assert.equal(speaksTls({protocol, port}, process, of), expected);
		});
	}
});

describe('the handshakes of a WireGuard that runs', () => {
	const peer = (endpoint: string, ageSeconds?: number): WireguardPeer => ({
		endpoint,
		ageSeconds,
	});
	const live = (arrives: boolean, rest: string): LiveService => ({
		arrives,
		evidence: `WireGuard on nuc last shook hands with ${rest}`,
	});

	for (const [title, from, peers, expected] of [
		[
			'fresh',
			'fra1',
			[peer('198.51.100.11:51820', 12), peer('[2001:db8::7]:51820', 900)],
			live(true, '198.51.100.11:51820: 12 s ago'),
		],
		[
			'by IPv6, too old',
			'pi4',
			[peer('198.51.100.11:51820', 12), peer('[2001:db8::7]:51821', 180)],
			live(false, '[2001:db8::7]:51821: 180 s ago'),
		],
		[
			'never',
			'fra1',
			[peer('198.51.100.11:51820')],
			live(false, '198.51.100.11:51820: never'),
		],
		[
			'from another port of its router, the freshest of two',
			'fra1',
			[peer('198.51.100.11:51820'), peer('198.51.100.11:40000', 3)],
			live(true, '198.51.100.11:40000: 3 s ago'),
		],
		[
			'with an address that two nodes carry',
			'fra1',
			[peer('192.168.1.4:51820', 3)],
			undefined,
		],
		['with others only', 'fra1', [peer('203.0.113.9:51820', 3)], undefined],
		['that nobody can tell', 'fra1', undefined, undefined],
	] as ReadonlyArray<
		readonly [
			string,
			string,
			readonly WireguardPeer[] | undefined,
			LiveService | undefined,
		]
	>) {
		test(title, () => {
			assert.deepEqual(
				judgeHandshake({...path, from, protocol: 'udp', port: 51_820}, peers, {
					cluster,
					facts: new Map(),
				}),
				expected,
			);
		});
	}
});
