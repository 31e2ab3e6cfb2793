import assert from 'node:assert/strict';
import test from 'node:test';
import type {NodeSpec} from '../../source/cluster/schema.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import type {Cell, Measurements} from '../../source/facts/measurements.js';
import type {MeshContext} from '../../source/mesh/mesh.js';
import {recommendMesh} from '../../source/mesh/rank.js';
import {wireguardNative} from '../../source/mesh/wireguard-native.js';
import {
	cell,
	evidence,
	filtered,
	open,
	punched,
	seenAs,
} from '../checks/evidence.js';
import {factsOf, lan3, makeCluster, measured} from '../plan/fixtures.js';

/** The first letter of a name says what it is behind: `p`ublic, `r`estricted, `s`ymmetric, `c`arrier NAT. */
const isPublic = (name: string): boolean => name.startsWith('p');

const privateAddresses = (address: string): Partial<HostFacts> => ({
	addresses: [{device: 'eth0', address, prefix: 24, family: 4, mtu: 1500}],
});

const publicAddressOf = (names: readonly string[], name: string): string =>
	`203.0.113.${names.indexOf(name) + 1}`;

/** What there is to see when every node sends to every other, and only public ones are reached from outside. */
const world = (
	names: readonly string[],
	{
		reached = [],
		meeting = [],
		addresses = {},
	}: {
		/** Nodes whose router forwards the port. */
		readonly reached?: readonly string[];
		/** Pairs whose ports meet when both send. */
		readonly meeting?: ReadonlyArray<readonly [string, string]>;
		/** Public addresses that differ from the file's. */
		readonly addresses?: Readonly<Record<string, string>>;
	} = {},
): MeshContext => {
	const nodes = names.map((name, index): NodeSpec => ({
		name,
		role: index === 0 ? 'server' : 'agent',
		ssh: {host: name},
		externalIp: publicAddressOf(names, name),
	}));
	const cluster = {...makeCluster([]), nodes};
	const pairs = names.flatMap((from) =>
		names.filter((to) => to !== from).map((to) => [from, to] as const),
	);
	const sourceOf = (from: string, to: string): string =>
		`${addresses[from] ?? publicAddressOf(names, from)}:${
			from.startsWith('s') ? 40_000 + names.indexOf(to) : 51_820
		}`;
	const measurements: Partial<Measurements> = {
		cells: pairs.map(([from, to]): Cell =>
			cell(from, to, isPublic(to) || reached.includes(to) ? open : filtered),
		),
		nat: pairs
			.filter(([from, to]) => !isPublic(from) && isPublic(to))
			.map(([from, to]) => {
				const port = from.startsWith('s') ? 40_000 + names.indexOf(to) : 51_820;
				return seenAs(
					from,
					to,
					`${addresses[from] ?? publicAddressOf(names, from)}:${port}`,
				);
			}),
		portToPort: meeting.map(([from, to]) =>
			punched(from, to, sourceOf(from, to)),
		),
	};
	return {
		cluster,
		facts: factsOf(
			cluster,
			Object.fromEntries(
				names
					.filter((name) => !isPublic(name))
					.map((name, index) => [
						name,
						privateAddresses(
							name.startsWith('c') ? `100.71.0.${index + 1}` : '192.168.1.4',
						),
					]),
			),
		),
		measurements: evidence(measurements),
	};
};

const summary = (context: MeshContext): readonly string[] =>
	wireguardNative
		.findings(context)
		.map(({severity, id, nodes}) => `${severity} ${id} ${nodes.join(',')}`);

const table: ReadonlyArray<
	readonly [title: string, context: MeshContext, expected: readonly string[]]
> = [
	['all public', world(['p1', 'p2', 'p3']), []],
	[
		'one behind port-restricted NAT among public ones',
		world(['p1', 'p2', 'r1']),
		['warning wireguard.nat r1'],
	],
	[
		'one behind symmetric NAT among public ones',
		world(['p1', 'p2', 's1']),
		['warning wireguard.nat s1'],
	],
	[
		'one behind carrier NAT among public ones',
		world(['p1', 'p2', 'c1']),
		['warning wireguard.cgnat c1'],
	],
	[
		'two that nobody can reach',
		world(['p1', 'p2', 'r1', 's1']),
		['error wireguard.nat r1,s1', 'error wireguard.nat s1,r1'],
	],
	[
		'one behind symmetric and one behind carrier NAT',
		world(['p1', 'p2', 's1', 'c1']),
		['error wireguard.nat s1,c1', 'error wireguard.cgnat c1,s1'],
	],
	[
		'two that nobody can reach, whose ports meet',
		world(['p1', 'p2', 'r1', 'r2'], {meeting: [['r1', 'r2']]}),
		['warning wireguard.nat r1', 'warning wireguard.nat r2'],
	],
	[
		'two, and the router of one forwards the port',
		world(['p1', 'p2', 'r1', 's1'], {reached: ['r1']}),
		['warning wireguard.nat s1'],
	],
	[
		'two that the file gives different addresses, and others see under one',
		world(['p1', 'p2', 'r1', 's1'], {
			addresses: {r1: '203.0.113.99', s1: '203.0.113.99'},
			meeting: [['r1', 's1']],
		}),
		[
			'warning wireguard.nat r1',
			'warning wireguard.nat s1',
			'warning wireguard.external-ip-unique r1,s1',
		],
	],
];

for (const [title, context, expected] of table) {
	test(`WireGuard and NAT: ${title}`, () => {
		assert.deepEqual(summary(context), expected);
	});
}

test('a firewall that a person can open is no NAT that makes the mesh impossible', () => {
	const context = world(['p1', 'p2', 'r1']);
	const cells = context.measurements.cells.map((one) =>
		one.path.to === 'p2' ? {...one, verdict: filtered} : one,
	);
	assert.deepEqual(
		summary({...context, measurements: {...context.measurements, cells}}),
		['warning wireguard.nat r1'],
	);
});

test('what it says of a NAT has the evidence, the consequence and what to ask for', () => {
	const [finding] = wireguardNative.findings(world(['p1', 'p2', 'r1', 's1']));
	assert.match(
		finding!.message,
		/^r1 is behind port-restricted NAT \(.*p1 and p2 saw its packets come from 203\.0\.113\.3 port 51820.*\): WireGuard cannot connect it with s1, which nobody can reach from outside either\.$/,
	);
	assert.match(
		finding!.fixes.join('\n'),
		/^If its router is yours: forward UDP 51820 of 203\.0\.113\.3 to r1, .*\nAsk the provider of r1/,
	);
	const [carrier] = wireguardNative.findings(world(['p1', 'p2', 'c1']));
	assert.doesNotMatch(carrier!.fixes.join('\n'), /router/);
});

test('a mesh that nothing speaks against goes before one that has something', () => {
	const context = world(['p1', 'p2', 's1']);
	const other = {
		...wireguardNative,
		title: 'Another way',
		findings: () => [],
		merits: () => 'It needs nothing to be reached from outside.',
	};
	const [first, second] = recommendMesh(context, [wireguardNative, other]);
	assert.deepEqual(
		[first, second].map((choice) => [choice!.possible, choice!.recommended]),
		[
			[true, false],
			[true, true],
		],
	);
	assert.match(
		second!.reason,
		/^It needs nothing to be reached from outside\. WireGuard \(built into K3s\): s1 is behind symmetric NAT/,
	);
	assert.equal(recommendMesh(context, [wireguardNative])[0]!.recommended, true);
	const never = world(['p1', 'p2', 's1', 's2']);
	assert.deepEqual(
		recommendMesh(never, [wireguardNative]).map(({possible, recommended}) => [
			possible,
			recommended,
		]),
		[[false, false]],
	);
});

test('what was measured is part of the praise', () => {
	const cluster = lan3();
	const praise = (context: MeshContext) => recommendMesh(context)[0]!.reason;
	const facts = factsOf(cluster);
	assert.equal(
		praise({cluster, facts, measurements: measured(cluster)}),
		"All 3 nodes have an external address of their own and a kernel for it, and WireGuard's port of each is reached by all others.",
	);
	const nat = factsOf(cluster, {nuc: privateAddresses('192.168.1.4')});
	assert.match(
		praise({
			cluster,
			facts: nat,
			measurements: {
				...measured(cluster),
				nat: [seenAs('nuc', 'fra1', '198.51.100.12:51820')],
			},
		}),
		/reached by all others, nuc through one-to-one NAT\.$/,
	);
});
