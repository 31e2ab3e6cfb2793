import assert from 'node:assert/strict';
import test from 'node:test';
import {noMeasurements} from '../../source/facts/measurements.js';
import {flannelConf, neededOuterMtu} from '../../source/mesh/flannel-conf.js';
import {firstServerOf} from '../../source/mesh/first-server.js';
import type {MeshContext} from '../../source/mesh/mesh.js';
import {recommendMesh} from '../../source/mesh/rank.js';
import {wireguardNative} from '../../source/mesh/wireguard-native.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {ha3, lan3, makeCluster, makeContext} from '../plan/fixtures.js';

const configOf = (context: MeshContext, name: string) => {
	const node = context.cluster.nodes.find((one) => one.name === name)!;
	return node.role === 'server'
		? wireguardNative.serverConfig(context, node)
		: wireguardNative.agentConfig(context, node);
};

test('a single server has SQLite and the keys of the multicloud docs', () => {
	assert.deepEqual(configOf(makeContext(lan3()), 'fra1'), {
		'node-name': 'fra1',
		'node-external-ip': '198.51.100.11',
		token: {reference: 'server-token'},
		'agent-token': {reference: 'agent-token'},
		'cluster-cidr': ['10.42.0.0/16'],
		'service-cidr': ['10.43.0.0/16'],
		'tls-san': ['198.51.100.11'],
		'flannel-backend': 'wireguard-native',
		'flannel-external-ip': true,
	});
});

test('an agent dials the first server from outside, with the full agent token and no server key', () => {
	assert.deepEqual(configOf(makeContext(lan3()), 'nuc'), {
		'node-name': 'nuc',
		'node-external-ip': '198.51.100.12',
		server: 'https://198.51.100.11:6443',
		token: {reference: 'full-agent-token'},
	});
});

test('of several servers the first begins, and the others join its internal address with the full token', () => {
	const context = makeContext(ha3());
	const first = configOf(context, 's1');
	assert.equal(first['cluster-init'], true);
	assert.equal(first.server, undefined);
	assert.equal(first['node-ip'], '192.168.7.1');
	for (const name of ['s2', 's3']) {
		const further = configOf(context, name);
		assert.equal(further['cluster-init'], undefined);
		assert.equal(further.server, 'https://192.168.7.1:6443');
		assert.deepEqual(further.token, {reference: 'full-server-token'});
	}
});

test('with pods of both families a node gets an address of each, the second from its interfaces', () => {
	const cluster = makeCluster(
		ha3().nodes.map((node) => ({...node, ssh: node.ssh.host})),
		{
			network: {
				podCidr: ['10.42.0.0/16', 'fd00:42::/56'],
				serviceCidr: ['10.43.0.0/16', 'fd00:43::/112'],
			},
		},
	);
	const facts = makeContext(cluster).facts.get('s2')!;
	const six = (device: string, address: string) => ({
		device,
		address,
		prefix: 64,
		family: 6 as const,
		mtu: 1500,
	});
	const nodeIpOf = (...addresses: ReadonlyArray<ReturnType<typeof six>>) =>
		configOf(
			makeContext(cluster, {
				s2: {addresses: [...facts.addresses, ...addresses]},
			}),
			's2',
		)['node-ip'];
	assert.equal(nodeIpOf(), '192.168.7.2');
	assert.equal(nodeIpOf(six('eth1', 'fe80::2')), '192.168.7.2');
	assert.deepEqual(
		nodeIpOf(
			six('cni0', 'fd00:42::1'),
			six('eth0', '2001:db8::2'),
			six('eth1', 'fd00:7::2'),
		),
		['192.168.7.2', 'fd00:7::2'],
	);
	assert.equal(configOf(makeContext(cluster), 'far')['node-ip'], undefined);
	const external = configOf(
		makeContext(cluster, {
			s2: {addresses: [...facts.addresses, six('eth0', '2001:db8::2')]},
		}),
		's2',
	)['node-external-ip'];
	assert.deepEqual(external, [
		cluster.nodes.find(({name}) => name === 's2')!.externalIp,
		'2001:db8::2',
	]);
});

test('all servers agree on what K3s wants to be the same', () => {
	const context = makeContext(ha3());
	const common = ['s1', 's2', 's3'].map((name) => {
		const config = configOf(context, name);
		return [
			'agent-token',
			'cluster-cidr',
			'service-cidr',
			'flannel-backend',
			'flannel-external-ip',
			'tls-san',
			'disable',
		].map((key) => config[key]);
	});
	assert.deepEqual(common[1], common[0]);
	assert.deepEqual(common[2], common[0]);
	assert.deepEqual(configOf(context, 's2')['tls-san'], [
		'198.51.100.21',
		'198.51.100.22',
		'198.51.100.23',
		'192.168.7.1',
		'192.168.7.2',
		'192.168.7.3',
	]);
});

test('with an external datastore every server has its endpoint and none joins another', () => {
	const cluster = makeCluster(
		ha3().nodes.map((node) => ({...node, ssh: node.ssh.host})),
		{
			datastore: {endpointFrom: 'env:ENDPOINT'},
			apiEndpoint: 'k8s.example.org',
		},
	);
	const context = makeContext(cluster);
	for (const name of ['s1', 's2', 's3']) {
		const config = configOf(context, name);
		assert.deepEqual(config['datastore-endpoint'], {
			reference: 'datastore-endpoint',
		});
		assert.equal(config.server, undefined);
		assert.equal(config['cluster-init'], undefined);
		assert.equal((config['tls-san'] as string[])[0], 'k8s.example.org');
	}

	assert.equal(configOf(context, 'far').server, 'https://k8s.example.org:6443');
});

const k3sOn = (
	role: 'server' | 'agent',
	rest: Partial<NonNullable<HostFacts['k3s']>> = {},
): Partial<HostFacts> => ({
	k3s: {
		role,
		version: 'v1.36.3+k3s1',
		unitState: 'active',
		configFiles: [],
		caHash: undefined,
		...rest,
	},
});

test('the first server is the one that holds the cluster already', () => {
	const cluster = ha3();
	const first = (overrides: Record<string, Partial<HostFacts>>) =>
		firstServerOf(cluster, makeContext(cluster, overrides).facts)?.name;
	assert.equal(first({}), 's1');
	assert.equal(first({s2: k3sOn('server')}), 's2');
	assert.equal(
		first({s2: k3sOn('server', {unitState: 'failed', caHash: 'ab'})}),
		's2',
	);
	assert.equal(first({s3: k3sOn('agent')}), 's1');
	assert.equal(
		first({
			s1: k3sOn('server', {
				configFiles: [
					{
						path: '/x',
						text: 'node-name: s1\nserver: https://192.168.7.3:6443\n',
					},
				],
			}),
			s3: k3sOn('server'),
		}),
		's3',
	);
});

const withMtu = (device: number, path: number): MeshContext => {
	const cluster = lan3();
	const context = makeContext(cluster);
	return {
		...context,
		facts: new Map(
			[...context.facts].map(([name, facts]) => [
				name,
				{
					...facts,
					addresses: facts.addresses.map((entry) => ({...entry, mtu: device})),
				},
			]),
		),
		measurements: {
			...noMeasurements,
			pathMtus: [
				{from: 'fra1', to: 'nuc', address: '198.51.100.12', bytes: path},
			],
		},
	};
};

test('flannel is told an MTU only where the path carries less than the interface promises', () => {
	const [server, agent, other] = lan3().nodes;
	assert.equal(neededOuterMtu(withMtu(1500, 1500), server!), undefined);
	assert.equal(neededOuterMtu(withMtu(1400, 1500), server!), undefined);
	assert.equal(neededOuterMtu(withMtu(9001, 1500), server!), 1500);
	assert.equal(neededOuterMtu(withMtu(9001, 1500), agent!), 1500);
	assert.equal(neededOuterMtu(withMtu(9001, 1500), other!), undefined);
	assert.equal(
		configOf(withMtu(9001, 1500), 'fra1')['flannel-conf'],
		'/etc/rancher/k3s/k3s-mesh-flannel.json',
	);
	assert.equal(configOf(withMtu(9001, 1500), 'pi4')['flannel-conf'], undefined);
});

test('what was written stands while K3s holds the port, and only a whole measurement raises it', () => {
	const [server, agent] = lan3().nodes;
	const withWritten = (
		paths: ReadonlyArray<readonly [string, string, number]>,
		device = 1500,
	): MeshContext => {
		const context = withMtu(device, 1500);
		return {
			...context,
			facts: new Map(
				[...context.facts].map(([name, facts]) => [
					name,
					name === 'fra1'
						? {...facts, ...k3sOn('server', {flannelMtu: 1400})}
						: facts,
				]),
			),
			measurements: {
				...noMeasurements,
				pathMtus: paths.map(([from, to, bytes]) => ({
					from,
					to,
					address: '198.51.100.12',
					bytes,
				})),
			},
		};
	};

	const around = (bytes: number) =>
		['nuc', 'pi4'].flatMap((name): Array<readonly [string, string, number]> => [
			['fra1', name, bytes],
			[name, 'fra1', bytes],
		]);
	assert.equal(neededOuterMtu(withWritten([]), server!), 1400);
	assert.equal(neededOuterMtu(withWritten([]), agent!), undefined);
	assert.equal(
		configOf(withWritten([]), 'fra1')['flannel-conf'],
		'/etc/rancher/k3s/k3s-mesh-flannel.json',
	);
	assert.equal(
		neededOuterMtu(withWritten([['fra1', 'nuc', 1500]]), server!),
		1400,
	);
	assert.equal(
		neededOuterMtu(withWritten([['fra1', 'nuc', 1380]]), server!),
		1380,
	);
	assert.equal(
		neededOuterMtu(withWritten(around(1500).slice(1)), server!),
		1400,
	);
	assert.equal(neededOuterMtu(withWritten(around(1450)), server!), 1450);
	assert.equal(neededOuterMtu(withWritten(around(1500)), server!), undefined);
	assert.equal(neededOuterMtu(withWritten([], 1400), server!), undefined);
});

test("flannel's file is a whole net-conf with the outer MTU", () => {
	const cluster = makeCluster([], {
		network: {
			podCidr: ['10.50.0.0/16', 'fd00:42::/56'],
			serviceCidr: ['10.51.0.0/16', 'fd00:43::/112'],
		},
	});
	assert.deepEqual(JSON.parse(flannelConf({cluster}, 1400)), {
		Network: '10.50.0.0/16',
		IPv6Network: 'fd00:42::/56',
		EnableIPv4: true,
		EnableIPv6: true,
		Backend: {Type: 'wireguard', PersistentKeepaliveInterval: 25, MTU: 1400},
	});
});

const findingsTable: ReadonlyArray<{
	readonly title: string;
	readonly context: MeshContext;
	readonly expected: readonly string[];
}> = [
	{title: 'three good machines', context: makeContext(lan3()), expected: []},
	{
		title: 'no external address',
		context: makeContext(makeCluster([{name: 'a', role: 'server', ssh: 'a'}])),
		expected: ['error wireguard.external-ip-required a'],
	},
	{
		title: 'one address of two nodes, written differently',
		context: makeContext(
			makeCluster(
				[
					{name: 'a', role: 'server', ssh: 'a', externalIp: '2001:db8::1'},
					{name: 'b', role: 'agent', ssh: 'b', externalIp: '2001:db8:0::0:1'},
				],
				{
					network: {
						podCidr: ['fd00:42::/56'],
						serviceCidr: ['fd00:43::/112'],
					},
				},
			),
		),
		expected: ['error wireguard.external-ip-unique a,b'],
	},
	{
		title: 'two families',
		context: makeContext(
			makeCluster([
				...lan3().nodes.map((node) => ({...node, ssh: 'x'})),
				{name: 'six', role: 'agent', ssh: 's', externalIp: '2001:db8::6'},
			]),
		),
		expected: ['error wireguard.address-family six'],
	},
	{
		title: 'IPv6 between nodes, and pods with IPv4 alone',
		context: makeContext(
			makeCluster([
				{name: 'a', role: 'server', ssh: 'a', externalIp: '2001:db8::1'},
				{name: 'b', role: 'agent', ssh: 'b', externalIp: '2001:db8::2'},
			]),
		),
		expected: [
			'error wireguard.address-family a',
			'error wireguard.address-family b',
		],
	},
	{
		title: 'pods of both families, and a node that has private IPv6 only',
		context: makeContext(
			makeCluster(
				[
					{name: 'a', role: 'server', ssh: 'a', externalIp: '198.51.100.1'},
					{name: 'b', role: 'agent', ssh: 'b', externalIp: '198.51.100.2'},
				],
				{
					network: {
						podCidr: ['10.42.0.0/16', 'fd00:42::/56'],
						serviceCidr: ['10.43.0.0/16', 'fd00:43::/112'],
					},
				},
			),
			Object.fromEntries(
				(
					[
						['a', '2001:db8::1'],
						['b', 'fd00:7::2'],
					] as const
				).map(([name, address]) => [
					name,
					{
						addresses: [
							{device: 'eth0', address, prefix: 64, family: 6, mtu: 1500},
						],
					},
				]),
			),
		),
		expected: ['error wireguard.address-family b'],
	},
	{
		title: 'carrier NAT',
		context: makeContext(
			makeCluster([
				{name: 'a', role: 'server', ssh: 'a', externalIp: '100.71.0.9'},
			]),
		),
		expected: ['error wireguard.cgnat a'],
	},
	{
		title: 'no WireGuard in the kernel, and one that does not tell',
		context: makeContext(lan3(), {
			nuc: {wireguard: 'missing'},
			pi4: {wireguard: 'unknown'},
		}),
		expected: ['error wireguard.kernel nuc', 'warning wireguard.kernel pi4'],
	},
	{
		title: 'the port held by another WireGuard',
		context: makeContext(lan3(), {
			nuc: {
				listening: [
					{
						protocol: 'udp',
						address: '0.0.0.0',
						port: 51_820,
						process: undefined,
					},
				],
			},
		}),
		expected: ['error wireguard.port-in-use nuc'],
	},
	{
		title: 'the port held by K3s that runs',
		context: makeContext(lan3(), {
			nuc: {
				...k3sOn('agent'),
				listening: [
					{
						protocol: 'udp',
						address: '0.0.0.0',
						port: 51_820,
						process: undefined,
					},
				],
			},
		}),
		expected: [],
	},
];

for (const {title, context, expected} of findingsTable) {
	test(`WireGuard's findings: ${title}`, () => {
		assert.deepEqual(
			wireguardNative
				.findings(context)
				.map(({severity, id, nodes}) => `${severity} ${id} ${nodes.join(',')}`),
			expected,
		);
	});
}

test('a carrier NAT that packets came through is none to speak of', () => {
	const cluster = lan3();
	const overrides = {
		nuc: {
			addresses: [
				{
					device: 'eth0',
					address: '100.64.3.4',
					prefix: 24,
					family: 4 as const,
					mtu: 1500,
				},
			],
		},
	};
	const ids = (context: MeshContext) =>
		wireguardNative
			.findings(context)
			.map(({id, severity}) => `${severity} ${id}`);
	assert.deepEqual(ids(makeContext(cluster, overrides)), [
		'warning wireguard.cgnat',
	]);
	assert.deepEqual(
		ids(
			makeContext(cluster, overrides, {
				...noMeasurements,
				cells: [
					{
						path: {
							from: 'fra1',
							to: 'nuc',
							addressKind: 'external',
							address: '198.51.100.12',
							protocol: 'udp',
							port: 51_820,
						},
						verdict: {kind: 'open', rttMs: 3},
						sent: 1,
						answered: 1,
						observedSource: undefined,
					},
				],
			}),
		),
		[],
	);
});

test('WireGuard is recommended when nothing speaks against it, and says why when something does', () => {
	const [good] = recommendMesh(makeContext(lan3()));
	assert.equal(good?.recommended, true);
	const [bad] = recommendMesh(
		makeContext(makeCluster([{name: 'a', role: 'server', ssh: 'a'}])),
	);
	assert.equal(bad?.possible, false);
	assert.equal(bad?.recommended, false);
	assert.match(bad.reason, /a has no external address/);
});

test('of two nodes with one address, the one that has it on an interface keeps it', () => {
	const cluster = lan3();
	const shared = {
		...cluster,
		nodes: cluster.nodes.map((node) =>
			node.name === 'pi4' ? {...node, externalIp: '198.51.100.12'} : node,
		),
	};
	const [finding] = wireguardNative.findings({
		...makeContext(cluster),
		cluster: shared,
	});
	assert.equal(finding!.id, 'wireguard.external-ip-unique');
	assert.equal(
		finding!.fixes[0],
		'It is on an interface of nuc: set externalIp of pi4 to its own address.',
	);
});
