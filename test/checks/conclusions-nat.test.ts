import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {concludeNat} from '../../source/checks/conclusions/nat.js';
import type {NatKind} from '../../source/checks/conclusions/conclusions.js';
import type {NodeSpec} from '../../source/cluster/schema.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import type {Measurements} from '../../source/facts/measurements.js';
import type {MeshContext} from '../../source/mesh/mesh.js';
import {factsOf, makeCluster} from '../plan/fixtures.js';
import {
	cell,
	evidence,
	filtered,
	internal,
	open,
	punched,
	seenAs,
} from './evidence.js';

const address = (device: string, text: string) => ({
	device,
	address: text,
	prefix: 24,
	family: 4 as const,
	mtu: 1500,
});

const defaultRoute = (device: string) => ({
	destination: '0.0.0.0/0',
	via: undefined,
	device,
	source: undefined,
});

/** The address of the node in question on its one interface. */
const on = (text: string, device = 'eth0'): Partial<HostFacts> => ({
	addresses: [address('lo', '127.0.0.1'), address(device, text)],
	routes: [defaultRoute(device)],
});

/**
 * Two public machines, `hub` and `far`, and the node in question: behind an address of its own, on a private address.
 */
const world = (
	measurements: Partial<Measurements>,
	facts: Partial<HostFacts> = {},
	node: Partial<NodeSpec> = {},
	others: ReadonlyArray<Partial<NodeSpec> & {readonly name: string}> = [],
): MeshContext => {
	const cluster = makeCluster([]);
	const make = (
		name: string,
		externalIp: string | undefined,
		rest: Partial<NodeSpec> = {},
	): NodeSpec => ({
		name,
		role: 'agent',
		ssh: {host: name},
		externalIp,
		...rest,
	});
	const nodes = [
		make('hub', '198.51.100.1'),
		make('far', '198.51.100.2'),
		make('home', '203.0.113.7', node),
		...others.map((other) => make(other.name, '203.0.113.7', other)),
	];
	const whole = {...cluster, nodes};
	return {
		cluster: whole,
		facts: factsOf(whole, {home: {...on('192.168.1.4'), ...facts}}),
		measurements: evidence(measurements),
	};
};

const arriving = [cell('hub', 'home', open), cell('far', 'home', open)];
const closed = [cell('hub', 'home', filtered), cell('far', 'home', filtered)];
const kept = [
	seenAs('home', 'hub', '203.0.113.7:51820'),
	seenAs('home', 'far', '203.0.113.7:51820'),
];

/** A phone that hangs in its provider's network, and `home`, whose own router may. */
const carrier = ({
	phone = '203.0.113.7',
	cells = closed,
}: {
	readonly phone?: string;
	readonly cells?: Measurements['cells'];
} = {}): MeshContext => {
	const context = world(
		{cells, nat: [...kept, seenAs('phone', 'hub', `${phone}:1024`)]},
		{},
		{},
		[{name: 'phone'}],
	);
	return {
		...context,
		facts: new Map([
			...context.facts,
			['phone', {...context.facts.get('phone')!, ...on('100.71.0.9', 'wwan0')}],
		]),
	};
};

/** What the relays of a tailnet see of `home`. */
const byRelays = (
	mappingVaries: boolean | undefined,
	seenAs = '203.0.113.7',
): Pick<Measurements, 'netchecks'> => ({
	netchecks: [
		{
			node: 'home',
			udp: true,
			ipv6: false,
			mappingVaries,
			seenAs,
			relays: [],
			preferred: undefined,
			captivePortal: undefined,
		},
	],
});

const table: ReadonlyArray<
	readonly [
		title: string,
		context: MeshContext,
		kind: NatKind,
		evidence: readonly RegExp[],
		layersHint?: RegExp,
	]
> = [
	[
		'the external address is on an interface',
		world({cells: closed}, on('203.0.113.7')),
		'none',
		[/^its external address 203\.0\.113\.7 is on eth0$/],
	],
	[
		'relays of the tailnet see another port each',
		world(byRelays(true)),
		'symmetric',
		[
			/^the relays of its tailnet see it under 203\.0\.113\.7, each with another port$/,
		],
	],
	[
		'relays of the tailnet see one port, and nothing arrives from outside',
		world({cells: closed, ...byRelays(false)}),
		'port-restricted',
		[/^the relays .*, all with one port$/],
	],
	[
		'relays of the tailnet see one port, and nothing was tried from outside',
		world(byRelays(false)),
		'unknown',
		[/^the relays .*, all with one port$/],
	],
	[
		'a relay alone can not tell the kind',
		world({cells: closed, ...byRelays(undefined)}),
		'unknown',
		[/^the relays of its tailnet see it under 203\.0\.113\.7$/],
	],
	[
		'relays of the tailnet see an address of the machine itself',
		world(byRelays(undefined, '192.168.1.4')),
		'none',
		[/^the relays /],
	],
	[
		'what other nodes saw outweighs what relays see',
		world({cells: arriving, nat: kept, ...byRelays(true)}),
		'one-to-one',
		[/^the relays /],
	],
	[
		'the external address is a second one, and packets leave from the first',
		world(
			{cells: arriving, nat: [seenAs('home', 'hub', '203.0.113.9:51820')]},
			{
				addresses: [
					address('eth0', '203.0.113.9'),
					address('eth0', '203.0.113.7'),
				],
			},
		),
		'none',
		[/saw its packets come from its own address 203\.0\.113\.9/],
	],
	[
		'the external address was only put on the loopback interface',
		world(
			{cells: arriving, nat: kept},
			{
				addresses: [
					address('lo', '203.0.113.7'),
					address('eth0', '192.168.1.4'),
				],
			},
		),
		'one-to-one',
		[/is on no interface/],
	],
	[
		'the port is kept, and what is sent arrives',
		world({cells: arriving, nat: kept}),
		'one-to-one',
		[
			/^its external address 203\.0\.113\.7 is on no interface of it$/,
			/^hub and far saw its packets come from 203\.0\.113\.7 port 51820, the port that they left from$/,
			/^what is sent to it from outside arrives on UDP 51820$/,
		],
	],
	[
		'an observer whose own router hides where packets come from tells nothing of the sender',
		world(
			{
				cells: arriving,
				nat: [...kept, seenAs('home', 'relay', '192.168.9.1:40000')],
			},
			{},
			{},
			[{name: 'relay', externalIp: '203.0.113.8'}],
		),
		'one-to-one',
		[/^hub and far saw its packets come from 203\.0\.113\.7/],
	],
	[
		'one observer is enough when what is sent arrives',
		world({cells: arriving, nat: kept.slice(0, 1)}),
		'one-to-one',
		[/^hub saw/],
	],
	[
		'the port is kept, nothing arrives, and the cloud is known to translate one to one',
		world({cells: closed, nat: kept}, {cloud: 'aws'}),
		'one-to-one',
		[/^aws translates addresses one to one$/, /does not arrive on/],
	],
	[
		'the port is kept, and nothing arrives unasked',
		world({cells: closed, nat: kept}),
		'port-restricted',
		[/^what is sent to it from outside does not arrive on UDP 51820$/],
	],
	[
		'the port is changed, and the same for all',
		world({
			cells: closed,
			nat: [
				seenAs('home', 'hub', '203.0.113.7:40001'),
				seenAs('home', 'far', '203.0.113.7:40001'),
			],
		}),
		'port-restricted',
		[/come from 203\.0\.113\.7 port 40001, and they left from port 51820$/],
	],
	[
		'its internal address is reached across sites, and the external one is not',
		world(
			{
				cells: [
					...closed,
					internal('hub', 'home', open, '203.0.113.1:4000'),
					internal('home', 'hub', filtered),
				],
				nat: kept,
			},
			{},
			{internalIp: '192.168.1.4'},
		),
		'port-restricted',
		[/does not arrive on UDP 51820$/],
	],
	[
		'only a try from port to port showed the mapping',
		world({
			cells: [...closed, cell('home', 'hub', filtered)],
			portToPort: [punched('home', 'hub', '203.0.113.7:51820')],
		}),
		'port-restricted',
		[/^between its mesh port and that of hub packets pass once both send$/],
	],
	[
		'the port is changed, and one observer cannot tell whether for all',
		world({cells: closed, nat: [seenAs('home', 'hub', '203.0.113.7:40001')]}),
		'unknown',
		[/port 40001/],
	],
	[
		'each observer sees another port',
		world({
			cells: closed,
			nat: [
				seenAs('home', 'hub', '203.0.113.7:40001'),
				seenAs('home', 'far', '203.0.113.7:40377'),
			],
		}),
		'symmetric',
		[
			/^packets from its one port 51820 came from 203\.0\.113\.7 port 40001 and 203\.0\.113\.7 port 40377 \(seen by hub and far\)$/,
		],
	],
	[
		'different local ports are no symmetric NAT',
		world({
			cells: closed,
			nat: [
				seenAs('home', 'hub', '203.0.113.7:40001', 40_001),
				seenAs('home', 'far', '203.0.113.7:51820'),
			],
		}),
		'port-restricted',
		[],
	],
	[
		'each observer sees another address',
		world({
			cells: closed,
			nat: [
				seenAs('home', 'hub', '203.0.113.7:51820'),
				seenAs('home', 'far', '203.0.113.8:51820'),
			],
		}),
		'symmetric',
		[],
		/several addresses: several uplinks, or a provider's NAT/,
	],
	[
		"the uplink has an address of the provider's range",
		world({cells: closed, nat: kept}, on('100.71.0.9', 'wwan0')),
		'carrier-grade',
		[/^it has 100\.71\.0\.9 on wwan0, of the range that providers use/],
	],
	[
		"the provider's range, seen by nobody",
		world({}, on('100.71.0.9', 'wwan0')),
		'carrier-grade',
		[],
	],
	[
		"an address of the provider's range that is translated one to one",
		world({cells: arriving, nat: kept}, on('100.71.0.9')),
		'one-to-one',
		[],
	],
	[
		'the address of a tailnet is none of the provider',
		world(
			{cells: closed, nat: kept},
			{
				addresses: [
					address('eth0', '192.168.1.4'),
					address('tailscale0', '100.71.0.9'),
				],
			},
		),
		'port-restricted',
		[],
	],
	[
		"another node saw an address of the provider's range",
		world({cells: closed, nat: [seenAs('home', 'hub', '100.71.0.20:51820')]}),
		'carrier-grade',
		[],
		/own router translates, and the provider's NAT seems to stand behind/,
	],
	[
		"the file's external address is of the provider's range",
		world({cells: closed}, {...on('192.168.1.4')}, {externalIp: '100.71.0.9'}),
		'carrier-grade',
		[/its external address 100\.71\.0\.9 is of the range/],
	],
	[
		'the ways in and out differ',
		world({
			cells: arriving,
			nat: [seenAs('home', 'hub', '203.0.113.99:51820')],
		}),
		'one-to-one',
		[],
		/reached under 203\.0\.113\.7 and is seen under 203\.0\.113\.99/,
	],
	[
		'a neighbour behind the same router tells nothing of it',
		world(
			{
				cells: [
					...closed,
					cell('twin', 'home', open),
					internal('home', 'twin', open),
					internal('twin', 'home', open),
				],
				nat: [...kept, seenAs('home', 'twin', '192.168.1.4:51820')],
			},
			{},
			{internalIp: '192.168.1.4'},
			[{name: 'twin', internalIp: '192.168.1.5'}],
		),
		'port-restricted',
		[/^hub and far saw/],
	],
	[
		'two nodes behind one NAT',
		world(
			{
				cells: closed,
				nat: [...kept, seenAs('twin', 'hub', '203.0.113.7:1024')],
			},
			{},
			{},
			[{name: 'twin'}],
		),
		'port-restricted',
		[/^twin was seen under the same address$/],
	],
	[
		'a port forward that lands on another node',
		world(
			{
				cells: [
					cell('hub', 'home', {kind: 'wrong-host', answeredBy: 'twin'}),
					cell('far', 'home', {kind: 'wrong-host', answeredBy: undefined}),
				],
				nat: kept,
			},
			{},
			{},
			[{name: 'twin'}],
		),
		'port-restricted',
		[/^twin answered to what was sent to its external address$/],
	],
	[
		'nobody saw it, and we dialed through a translation that others pass, too',
		world(
			{cells: arriving},
			{
				sshConnection: {
					clientAddress: '192.0.2.9',
					clientPort: 5000,
					serverAddress: '192.168.1.4',
					serverPort: 22,
					dialedAddress: '203.0.113.7',
				},
			},
		),
		'one-to-one',
		[/^we dialed 203\.0\.113\.7, and 192\.168\.1\.4 answered there$/],
	],
	['nothing is known', world({}), 'unknown', [/is on no interface/]],
	[
		'the port is kept, and nobody tried to reach it',
		world({nat: kept}),
		'unknown',
		[],
	],
	[
		'the external address is on no interface and nothing arrives there, and others see its own public one',
		world(
			{
				cells: closed,
				nat: [
					seenAs('home', 'hub', '203.0.113.99:51820'),
					seenAs('home', 'far', '203.0.113.99:51820'),
				],
			},
			on('203.0.113.99'),
		),
		'none',
		[
			/^hub and far saw its packets come from its own address 203\.0\.113\.99$/,
			/its external address 203\.0\.113\.7 is on no interface/,
		],
	],
	[
		'the same, where something before it does pass on what is sent to the external address',
		world(
			{
				cells: arriving,
				nat: [seenAs('home', 'hub', '203.0.113.99:51820')],
			},
			on('203.0.113.99'),
		),
		'unknown',
		[],
	],
	[
		'others see its own private address',
		world(
			{cells: closed, nat: [seenAs('home', 'hub', '192.168.1.4:51820')]},
			on('192.168.1.4'),
		),
		'unknown',
		[],
	],
	[
		"seen under the address of a node that has one of the provider's range",
		carrier(),
		'carrier-grade',
		[
			/^phone, which was seen under the same address, has 100\.71\.0\.9 on wwan0, of the range that providers use/,
		],
		/own router translates, and the provider's NAT seems to stand behind/,
	],
	[
		"seen under another address than the node that has one of the provider's range",
		carrier({phone: '203.0.113.8'}),
		'port-restricted',
		[],
	],
	[
		"seen under the address of a node of the provider's range, and yet reached from outside",
		carrier({cells: arriving}),
		'one-to-one',
		[],
	],
	[
		'no external address is given, and others see its own',
		world(
			{nat: [seenAs('home', 'hub', '203.0.113.7:51820')]},
			on('203.0.113.7'),
			{externalIp: undefined},
		),
		'none',
		[/its own address 203\.0\.113\.7/],
	],
];

for (const [title, context, kind, sentences, layersHint] of table) {
	test(`NAT: ${title}: ${kind}`, () => {
		const found = concludeNat(context).get('home')!;
		assert.equal(found.kind, kind, found.evidence.join('; '));
		for (const sentence of sentences) {
			assert.ok(
				found.evidence.some((text) => sentence.test(text)),
				`${String(sentence)} in ${found.evidence.join('; ')}`,
			);
		}

		if (layersHint === undefined) {
			assert.equal(found.layersHint, undefined);
		} else {
			assert.match(found.layersHint ?? '', layersHint);
		}
	});
}

test('the public address is the one that all others see, and none when they differ', () => {
	const seen = (...sources: readonly string[]) =>
		concludeNat(
			world({
				nat: sources.map((source, index) =>
					seenAs('home', index === 0 ? 'hub' : 'far', source),
				),
			}),
		).get('home')!.publicAddress;
	assert.equal(seen('203.0.113.7:1', '203.0.113.7:2'), '203.0.113.7');
	assert.equal(seen('203.0.113.7:1', '203.0.113.8:1'), undefined);
	assert.equal(seen(), undefined);
	assert.equal(
		concludeNat(world({}, on('203.0.113.7'))).get('home')!.publicAddress,
		'203.0.113.7',
	);
});

test('every node has a conclusion, whatever was measured, and the order of what was measured changes no kind', () => {
	const names = ['hub', 'far', 'home'];
	const name = fc.constantFrom(...names);
	const source = fc
		.tuple(
			fc.constantFrom(
				'203.0.113.7',
				'203.0.113.8',
				'192.168.1.4',
				'100.64.0.1',
			),
			fc.constantFrom(51_820, 40_000, 40_001),
		)
		.map(([host, port]) => `${host}:${port}`);
	fc.assert(
		fc.property(
			fc.array(fc.tuple(name, name, source).map((one) => seenAs(...one))),
			fc.array(
				fc
					.tuple(name, name, fc.constantFrom(open, filtered))
					.map((one) => cell(...one)),
			),
			(nat, cells) => {
				const kinds = (measurements: Partial<Measurements>) =>
					[...concludeNat(world(measurements))].map(([node, {kind}]) => [
						node,
						kind,
					]);
				const found = kinds({nat, cells});
				assert.deepEqual(
					found.map(([node]) => node),
					names,
				);
				assert.deepEqual(
					kinds({nat: nat.toReversed(), cells: cells.toReversed()}),
					found,
				);
			},
		),
	);
});
