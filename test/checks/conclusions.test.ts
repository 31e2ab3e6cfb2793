import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {conclude} from '../../source/checks/conclusions/conclude.js';
import type {CheckContext} from '../../source/checks/rule.js';
import type {NodeSpec} from '../../source/cluster/schema.js';
import {
	controller,
	type Cell,
	type Measurements,
	type Verdict,
} from '../../source/facts/measurements.js';
import {
	factsOf,
	ha3,
	lan3,
	makeCluster,
	makeContext,
	measured,
} from '../plan/fixtures.js';
import {
	cell,
	evidence,
	filtered,
	internal,
	open,
	roundTrip,
} from './evidence.js';

const wrongHost = (answeredBy?: string): Verdict => ({
	kind: 'wrong-host',
	answeredBy,
});
const unknown: Verdict = {kind: 'unknown', reason: 'the probe ended'};

type Place = readonly [name: string, internalIp?: string, site?: string];

const places = (
	nodes: readonly Place[],
	cells: readonly Cell[],
): CheckContext => {
	const cluster = {
		...makeCluster([]),
		nodes: nodes.map(([name, internalIp, site], index): NodeSpec => ({
			name,
			role: index === 0 ? 'server' : 'agent',
			ssh: {host: name},
			externalIp: `198.51.100.${index + 1}`,
			...(internalIp !== undefined && {internalIp}),
			...(site !== undefined && {site}),
		})),
	};
	return {cluster, facts: factsOf(cluster), measurements: evidence({cells})};
};

/** Both directions of a pair on internal addresses. */
const both = (
	one: string,
	other: string,
	verdict: Verdict,
	back: Verdict = verdict,
): readonly Cell[] => [
	internal(one, other, verdict),
	internal(other, one, back),
];

const sitesOf = (context: CheckContext): readonly string[] =>
	conclude(context).sites.map(({name, nodes}) => `${name}: ${nodes.join(' ')}`);

const sites: ReadonlyArray<
	readonly [title: string, context: CheckContext, expected: readonly string[]]
> = [
	['no nodes', places([], []), []],
	[
		'nothing measured: the names of the file, else neighbours in one network',
		places(
			[
				['a', '10.0.0.1', 'dc'],
				['b', '10.9.0.1', 'dc'],
				['c', '10.0.1.1'],
				['d', '10.0.1.2'],
				['e'],
			],
			[],
		),
		['dc: a b', '10.0.1.0/24: c d', 'e: e'],
	],
	[
		'what answers in both directions is one site, whatever the networks are',
		places(
			[
				['a', '10.0.0.1'],
				['b', '10.9.0.1'],
				['c', '10.0.0.3'],
			],
			[
				...both('a', 'b', open),
				...both('a', 'c', filtered),
				...both('b', 'c', filtered),
			],
		),
		['10.0.0.0/24: a b', 'c: c'],
	],
	[
		'a chain is one site: a firewall may stand between its ends',
		places(
			[
				['a', '10.0.0.1'],
				['b', '10.0.0.2'],
				['c', '10.0.0.3'],
			],
			[
				...both('a', 'b', open),
				...both('b', 'c', open),
				...both('a', 'c', filtered),
			],
		),
		['10.0.0.0/24: a b c'],
	],
	[
		'twins: two sites with the same private addresses, in which the wrong machine answers',
		places(
			[
				['n1', '192.168.1.11'],
				['n2', '192.168.1.12'],
				['s1', '192.168.1.11'],
				['s2', '192.168.1.13'],
			],
			[
				...both('n1', 'n2', open),
				...both('s1', 's2', open),
				...both('n1', 's1', wrongHost('n1'), wrongHost('s1')),
				...both('n2', 's1', wrongHost('n1'), filtered),
				...both('n1', 's2', filtered, wrongHost('s1')),
				...both('n2', 's2', filtered),
			],
		),
		['192.168.1.0/24 (n1): n1 n2', '192.168.1.0/24 (s1): s1 s2'],
	],
	[
		'one direction that arrives through a translation joins nothing',
		places(
			[
				['a', '10.0.0.1'],
				['b', '10.9.0.1'],
			],
			[
				internal('a', 'b', open, '10.9.0.254:40000'),
				internal('b', 'a', filtered),
			],
		),
		['a: a', 'b: b'],
	],
	[
		"one direction that arrives from the sender's own address joins, and the other is a firewall's doing",
		places(
			[
				['a', '10.0.0.1'],
				['b', '10.0.0.2'],
			],
			[
				internal('a', 'b', open, '10.0.0.1:40000'),
				internal('b', 'a', filtered),
			],
		),
		['10.0.0.0/24: a b'],
	],
	[
		'one direction that could not be tried is no word against the other',
		places(
			[
				['a', '10.0.0.1'],
				['b', '10.9.0.1'],
			],
			both('a', 'b', open, unknown),
		),
		['10.0.0.0/24: a b'],
	],
	[
		'where nothing could be tried the file speaks',
		places(
			[
				['a', '10.0.0.1', 'dc'],
				['b', '10.9.0.1', 'dc'],
			],
			both('a', 'b', unknown),
		),
		['dc: a b'],
	],
	[
		'a site of the file that is torn: its first part keeps the name beside the node',
		places(
			[
				['a', '10.0.0.1', 'dc'],
				['b', '10.9.0.1', 'dc'],
			],
			both('a', 'b', filtered),
		),
		['dc (a): a', 'dc (b): b'],
	],
	[
		'two sites of the file that are one',
		places(
			[
				['a', '10.0.0.1', 'x'],
				['b', '10.9.0.1', 'y'],
			],
			both('a', 'b', open),
		),
		['x + y: a b'],
	],
	[
		'a named node gives its name to those that it reaches',
		places(
			[
				['a', '10.0.0.1'],
				['b', '10.0.0.2', 'home'],
			],
			both('a', 'b', open),
		),
		['home: a b'],
	],
	[
		'a running service that shows itself joins, and one that shows another machine does not',
		places(
			[
				['a', '10.0.0.1'],
				['b', '10.0.0.2'],
				['c', '10.0.0.3'],
			],
			[
				...both('a', 'b', {
					kind: 'in-use',
					process: 'k3s',
					live: {arrives: true, evidence: 'its certificate'},
				}),
				...both('a', 'c', {
					kind: 'in-use',
					process: 'k3s',
					live: {arrives: false, evidence: 'another certificate'},
				}),
				...both('b', 'c', filtered),
			],
		),
		['10.0.0.0/24: a b', 'c: c'],
	],
];

for (const [title, context, expected] of sites) {
	test(`sites: ${title}`, () => {
		assert.deepEqual(sitesOf(context), expected);
	});
}

test('sites: the order of the nodes and of what was measured changes nothing but names', () => {
	const names = ['a', 'b', 'c', 'd', 'e'];
	const verdict = fc.constantFrom(open, filtered, unknown, wrongHost('z'));
	const name = fc.constantFrom(...names);
	const partition = (context: CheckContext) =>
		conclude(context)
			.sites.map(({nodes}) => nodes.toSorted().join(' '))
			.toSorted();
	fc.assert(
		fc.property(
			fc.array(fc.tuple(name, name, verdict)),
			fc.shuffledSubarray(names, {minLength: names.length}),
			fc.array(fc.constantFrom('10.0.0', '10.0.1', undefined), {
				minLength: names.length,
				maxLength: names.length,
			}),
			(tries, order, networks) => {
				const placeOf = (one: string): Place => {
					const network = networks[names.indexOf(one)];
					return network === undefined
						? [one]
						: [one, `${network}.${names.indexOf(one) + 1}`];
				};

				const cells = tries.map((one) => internal(...one));
				const found = partition(
					places(
						names.map((one) => placeOf(one)),
						cells,
					),
				);
				assert.deepEqual(
					partition(
						places(
							order.map((one) => placeOf(one)),
							cells.toReversed(),
						),
					),
					found,
				);
				assert.deepEqual(found.join(' ').split(' ').toSorted(), names);
			},
		),
	);
});

test('sites: a requirement on internal addresses follows what was measured, or the name of the file', () => {
	const recommended = (context: CheckContext): number =>
		conclude(context).oneWay.filter(
			({addressKind}) => addressKind === 'internal',
		).length;
	const oneWay = both('a', 'b', open, filtered);
	const unnamed: readonly Place[] = [
		['a', '10.0.0.1'],
		['b', '10.0.0.2'],
	];
	const named: readonly Place[] = [
		['a', '10.0.0.1', 'dc'],
		['b', '10.0.0.2', 'dc'],
	];
	assert.equal(recommended(places(unnamed, oneWay)), 0);
	assert.equal(recommended(places(named, oneWay)), 1);
});

const oneWayOf = (context: CheckContext): readonly string[] =>
	conclude(context).oneWay.map(
		({from, to, addressKind, protocol, port}) =>
			`${from} > ${to} ${addressKind} ${protocol}/${port}`,
	);

test('one way: the open direction of pairs that need both', () => {
	const cluster = lan3();
	const found = (verdictOf: (path: Cell['path']) => Verdict | undefined) =>
		oneWayOf(makeContext(cluster, {}, measured(cluster, verdictOf)));
	assert.deepEqual(
		found(() => undefined),
		[],
	);
	assert.deepEqual(
		found(() => filtered),
		[],
	);
	assert.deepEqual(
		found(({to, port}) =>
			to === 'pi4' && port === 51_820 ? filtered : undefined,
		),
		['pi4 > fra1 external udp/51820', 'pi4 > nuc external udp/51820'],
	);
	// The kubelet's port of an agent is not the way back of the API's port.
	assert.deepEqual(
		found(({to, port}) =>
			to === 'pi4' && port === 10_250 ? filtered : undefined,
		),
		['pi4 > fra1 external tcp/10250', 'pi4 > nuc external tcp/10250'],
	);
	// Agents need the API of the server, and the server needs nothing of that kind from them.
	assert.deepEqual(
		found(({port}) => (port === 6443 ? filtered : undefined)),
		[],
	);
	// What is not known is not closed.
	assert.deepEqual(
		found(({to, port}) =>
			to === 'pi4' && port === 51_820 ? unknown : undefined,
		),
		[],
	);
});

test('one way: an arrival without an answer is an arrival', () => {
	const cluster = {
		...lan3(),
		nodes: lan3().nodes.filter(({name}) => name !== 'pi4'),
	};
	assert.deepEqual(
		oneWayOf(
			makeContext(
				cluster,
				{},
				evidence({
					cells: [
						cell('fra1', 'nuc', {kind: 'reached'}),
						cell('nuc', 'fra1', {
							kind: 'refused',
							by: '198.51.100.11',
							reason: 'admin-prohibited',
						}),
					],
				}),
			),
		),
		['fra1 > nuc external udp/51820'],
	);
});

test('one way: each end of an IPv6 mesh has its own port', () => {
	const cluster = {
		...lan3(),
		nodes: lan3().nodes.map((node) =>
			node.name === 'nuc' ? {...node, externalIp: '2001:db8::12'} : node,
		),
	};
	assert.deepEqual(
		oneWayOf(
			makeContext(
				cluster,
				{},
				evidence({
					cells: [
						cell('fra1', 'nuc', open, {port: 51_821}),
						cell('nuc', 'fra1', filtered, {port: 51_820}),
					],
				}),
			),
		),
		['fra1 > nuc external udp/51821'],
	);
});

/** Three servers at one place, with something changed. */
const servers = (
	measurements: Partial<Measurements> = {},
	change: (node: NodeSpec) => NodeSpec = (node) => node,
): CheckContext => {
	const cluster = ha3();
	return makeContext(
		{...cluster, nodes: cluster.nodes.map((node) => change(node))},
		{},
		evidence(measurements),
	);
};

const etcdCells = (...closed: readonly string[]): readonly Cell[] =>
	measured(ha3(), ({from, to, port}) =>
		port === 2380 && closed.includes(`${from}>${to}`) ? filtered : undefined,
	).cells;

const etcd: ReadonlyArray<
	readonly [
		title: string,
		context: CheckContext,
		allowed: boolean | undefined,
		reason: RegExp,
		among: string,
	]
> = [
	['one server', makeContext(lan3()), undefined, /^$/, ''],
	[
		'an external datastore',
		makeContext({...ha3(), datastore: {endpointFrom: 'env:DB'}}),
		undefined,
		/^$/,
		'',
	],
	[
		'all measured and near',
		servers({
			cells: etcdCells(),
			latencies: [roundTrip('s1', 's2', 0.4), roundTrip('s2', 's3', 0.7)],
		}),
		true,
		/^s1, s2, and s3 share a private network, at most 0\.7 ms apart\.$/,
		's1 s2 s3',
	],
	[
		'nothing measured',
		servers(),
		true,
		/as far as is known; nothing was measured/,
		's1 s2 s3',
	],
	[
		'one direction of one port closed',
		servers({cells: etcdCells('s1>s3')}),
		false,
		/^s1 and s3 do not reach each other's etcd .*; s1 and s2 could share it\.$/,
		's1 s2',
	],
	[
		'every pair closed',
		servers({cells: etcdCells('s1>s3', 's2>s1', 's3>s2')}),
		false,
		/do not reach each other's etcd on internal addresses\.$/,
		'',
	],
	[
		'one too far away',
		servers({
			latencies: [
				roundTrip('s1', 's2', 0.4),
				roundTrip('s3', 's1', 80),
				roundTrip('s2', 's3', 80),
			],
		}),
		false,
		/^s1 and s3 are more than 50 ms apart; s1 and s2 could share it\.$/,
		's1 s2',
	],
	[
		'a far external address does not count where internal ones were measured',
		servers({
			latencies: [
				roundTrip('s1', 's2', 0.4),
				roundTrip('s1', 's2', 90, {addressKind: 'external'}),
			],
		}),
		true,
		/0\.4 ms/,
		's1 s2 s3',
	],
	[
		'one without an internal address',
		servers({}, ({internalIp, ...node}) =>
			node.name === 's2' || internalIp === undefined
				? node
				: {...node, internalIp},
		),
		false,
		/^s1 and s2 do not both have an internal address.*; s1 and s3 could share it\.$/,
		's1 s3',
	],
	[
		'one at another place of the file',
		servers({}, (node) =>
			node.name === 's1' ? {...node, site: 'other'} : node,
		),
		false,
		/^s1 and s2 are at different places; s2 and s3 could share it\.$/,
		's2 s3',
	],
];

for (const [title, context, allowed, reason, among] of etcd) {
	test(`etcd: ${title}`, () => {
		const found = conclude(context).etcd;
		assert.equal(found?.allowed, allowed);
		assert.match(found?.reason ?? '', reason);
		assert.equal((found?.among ?? []).join(' '), among);
	});
}

test('the MTU of the mesh is what the smallest path leaves, and absent where none was measured', () => {
	const mtuOf = (bytes: readonly number[], device = 1500) =>
		conclude(
			makeContext(
				lan3(),
				{
					nuc: {
						addresses: [
							{
								device: 'eth0',
								address: '198.51.100.12',
								prefix: 24,
								family: 4,
								mtu: device,
							},
						],
					},
				},
				evidence({
					pathMtus: bytes.map((size, index) => ({
						from: index === 0 ? 'fra1' : 'pi4',
						to: 'nuc',
						address: '198.51.100.12',
						bytes: size,
					})),
				}),
			),
		).meshMtu;
	assert.equal(mtuOf([]).size, 0);
	assert.deepEqual(
		[...mtuOf([1500])],
		[
			['fra1', 1420],
			['nuc', 1420],
		],
	);
	assert.deepEqual(
		[...mtuOf([1500, 1400])],
		[
			['fra1', 1420],
			['nuc', 1320],
			['pi4', 1320],
		],
	);
	assert.equal(mtuOf([1400, 1500]).get('nuc'), 1320);
	// A device that promises more than the path, as clouds with jumbo frames have it.
	assert.equal(mtuOf([1500], 9001).get('nuc'), 1420);
	// A device that promises less is what flannel goes by.
	assert.equal(mtuOf([1500], 1450).get('nuc'), 1370);
});

test('clocks are compared with the median, so that one wrong clock blames nobody else', () => {
	const skewOf = (...offsets: readonly number[]) => {
		const cluster = lan3();
		const nodes = cluster.nodes.slice(0, offsets.length);
		return [
			...conclude(
				makeContext(
					{...cluster, nodes},
					Object.fromEntries(
						nodes.map(({name}, index) => [
							name,
							{
								clock: {
									unixMs: 0,
									offsetMs: offsets[index]!,
									synchronized: true,
								},
							},
						]),
					),
				),
			).clockSkewMs.values(),
		];
	};

	assert.deepEqual(
		skewOf(10, 20, -1_800_000_000_000),
		[0, 10, -1_800_000_000_010],
	);
	assert.deepEqual(skewOf(0, 3000), [-1500, 1500]);
	assert.deepEqual(skewOf(7), [0]);
	assert.equal(
		conclude({...makeContext(lan3()), facts: new Map()}).clockSkewMs.size,
		0,
	);
});

const grades: ReadonlyArray<
	readonly [
		from: string,
		to: string,
		medianMs: number,
		loss: number,
		grade: string,
		reason: RegExp,
	]
> = [
	['s1', 's2', 10, 0, 'good', /near enough for embedded etcd/],
	['s1', 's2', 10.1, 0, 'fair', /wants less than 10 ms/],
	['s1', 's2', 50.1, 0, 'poor', /too far for embedded etcd/],
	['far', 's1', 100, 0, 'good', /Kubernetes API/],
	['s1', 'far', 150, 0, 'fair', /delay/],
	['far', 's1', 200.1, 0, 'poor', /kubectl logs, exec/],
	['far', 'far2', 50, 0, 'good', /pods/],
	['far', 'far2', 60, 0, 'fair', /pods/],
	['far', 'far2', 151, 0, 'poor', /pods/],
	[controller, 's1', 150, 0, 'fair', /kubectl/],
	['s1', 's2', 1, 0.05, 'fair', /5 % of the packets got lost/],
	['s1', 's2', 1, 0.2, 'poor', /20 % of the packets got lost/],
	['s1', 's2', 60, 0.05, 'poor', /too far/],
];

for (const [from, to, medianMs, loss, grade, reason] of grades) {
	test(`a round trip of ${medianMs} ms from ${from} to ${to} with a loss of ${loss} is ${grade}`, () => {
		const cluster = ha3();
		const nodes = [
			...cluster.nodes,
			{...cluster.nodes.at(-1)!, name: 'far2', externalIp: '203.0.113.10'},
		];
		const found = conclude(makeContext({...cluster, nodes})).gradeOf(
			roundTrip(from, to, medianMs, {loss}),
		);
		assert.equal(found.grade, grade);
		assert.match(found.reason, reason);
	});
}

test('servers that keep no etcd between them are graded as any pair with a server', () => {
	const cluster = {...ha3(), datastore: {endpointFrom: 'env:DB'}};
	assert.equal(
		conclude(makeContext(cluster)).gradeOf(roundTrip('s1', 's2', 60)).grade,
		'good',
	);
});

test('a hundred nodes are concluded about without going over all pairs of pairs', () => {
	const nodes = Array.from({length: 100}, (_, index): Place => [
		`n${index}`,
		`10.0.${index % 4}.${index}`,
	]);
	const names = nodes.map(([name]) => name);
	const cells = names.flatMap((from, one) =>
		names.flatMap((to, other) =>
			from === to
				? []
				: [
						internal(from, to, one % 4 === other % 4 ? open : filtered),
						cell(from, to, open),
					],
		),
	);
	const {sites: found, oneWay} = conclude(places(nodes, cells));
	assert.deepEqual(
		found.map(({nodes: members}) => members.length),
		[25, 25, 25, 25],
	);
	assert.deepEqual(oneWay, []);
});
