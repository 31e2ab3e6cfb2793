import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {clusterSchema, type Cluster} from '../../source/cluster/schema.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {
	controller,
	type Measurements,
	type Verdict,
} from '../../source/facts/measurements.js';
import type {Requirement} from '../../source/mesh/mesh.js';
import type {KnockTarget} from '../../source/probe/knock.js';
import type {Outcome, Try} from '../../source/probe/messages.js';
import type {Netcheck, Relay} from '../../source/facts/tailnet-measures.js';
import {loggedIn} from '../mesh/tailnet-support.js';
import type {ProbeInput} from '../../source/probe/probe.js';
import {runProbe} from '../../source/probe/run-probe.js';
import {localFacts} from './local-host.js';
import {scriptedHosts, type AgentScript} from './scripted-host.js';

const addresses = {
	one: '198.51.100.1',
	two: '198.51.100.2',
	three: '198.51.100.3',
} as const;
type Name = keyof typeof addresses;
const names = Object.keys(addresses) as Name[];

const cluster = clusterSchema.parse({
	version: 1,
	name: 'scripted',
	apiEndpoint: 'k8s.example.org',
	nodes: names.map((name) => ({
		name,
		role: name === 'three' ? 'agent' : 'server',
		ssh: name,
		externalIp: addresses[name],
	})),
});

const between = (
	from: Name,
	to: Name,
	protocol: 'tcp' | 'udp',
	port = protocol === 'tcp' ? 6443 : 51_820,
): Requirement => ({
	from,
	to,
	addressKind: 'external',
	scope: 'all',
	protocol,
	port,
	severity: 'required',
	why: 'a test',
});

const measure = async (
	requirements: readonly Requirement[],
	scripts: Partial<Record<Name, AgentScript>>,
	changes: {
		readonly facts?: Partial<Record<Name, Partial<HostFacts>>>;
		readonly knock?: (target: KnockTarget) => Outcome;
		readonly only?: ProbeInput['only'];
		readonly apiEndpoint?: string;
		readonly mesh?: Cluster['mesh'];
		readonly proxy?: Cluster['proxy'];
		readonly relays?: readonly Relay[];
	} = {},
): Promise<{
	readonly measured: Measurements;
	readonly tries: readonly Try[];
	readonly verdict: (from: string, to: Name, port?: number) => Verdict;
}> => {
	const {hosts, tries} = scriptedHosts({
		one: {},
		two: {},
		three: {},
		...scripts,
	});
	const {knock, only, relays, proxy, mesh = cluster.mesh} = changes;
	const {apiEndpoint = cluster.apiEndpoint} = changes;
	const measured = await runProbe({
		cluster: {...cluster, apiEndpoint, mesh, proxy},
		facts: new Map(
			names.map((name) => [
				name,
				{
					...localFacts([addresses[name]], '/usr/bin/python3'),
					...changes.facts?.[name],
				},
			]),
		),
		hosts,
		requirements,
		...(knock && {knock: async (target) => knock(target)}),
		...(only && {only}),
		...(relays && {relays: Promise.resolve(relays)}),
		signal: new AbortController().signal,
		onEvent: () => undefined,
	});
	return {
		measured,
		tries,
		verdict(from, to, port) {
			const cell = measured.cells.find(
				({path}) =>
					path.from === from &&
					path.to === to &&
					(port === undefined || path.port === port),
			);
			assert.ok(cell, `${from} ${to}`);
			return cell.verdict;
		},
	};
};

const answeredBy =
	(node: string) =>
	({what}: Try): Outcome | undefined =>
		what === 'path' || what === 'mapping'
			? {result: 'answered', node, source: '192.0.2.1:51820', rtt: 4}
			: undefined;

const mute = ({what}: Try): Outcome | undefined =>
	what === 'path' ? {result: 'connected', rtt: 1} : undefined;

describe('the probe, with agents that play a part', () => {
	test('what arrived although no answer came back is reached, with the source', async () => {
		const {measured, verdict} = await measure(
			[between('one', 'two', 'udp'), between('two', 'one', 'udp')],
			{
				two: {
					arrived: (tries) =>
						tries
							.filter(
								({what, address}) =>
									what === 'path' && address === addresses.two,
							)
							.map(({id}) => ({id, source: '192.0.2.1:40000'})),
				},
			},
		);
		assert.deepEqual(verdict('one', 'two'), {kind: 'reached'});
		assert.deepEqual(verdict('two', 'one'), {kind: 'filtered'});
		assert.equal(
			measured.cells.find(({path}) => path.from === 'one')?.observedSource,
			'192.0.2.1:40000',
		);
	});

	test('who takes a connection and says nothing is nobody, unless the try has arrived', async () => {
		const {verdict} = await measure(
			[between('one', 'two', 'tcp'), between('two', 'one', 'tcp')],
			{
				one: {outcome: mute},
				two: {
					outcome: mute,
					arrived: (tries) =>
						tries
							.filter(
								({what, address}) =>
									what === 'path' && address === addresses.two,
							)
							.map(({id}) => ({id, source: '192.0.2.1:40000'})),
				},
			},
		);
		assert.deepEqual(verdict('one', 'two'), {kind: 'reached'});
		assert.equal(verdict('two', 'one').kind, 'unknown');
	});

	test('where a listener was flooded, silence says nothing of the way; elsewhere it does', async () => {
		const {verdict} = await measure(
			[
				between('one', 'two', 'udp'),
				between('one', 'two', 'tcp'),
				between('two', 'one', 'udp'),
			],
			{
				two: {
					lost: [
						{
							protocol: 'udp',
							address: addresses.two,
							port: between('one', 'two', 'udp').port,
							problem: 'more packets came than socat could take',
						},
					],
				},
			},
		);
		assert.deepEqual(verdict('one', 'two', between('one', 'two', 'udp').port), {
			kind: 'unknown',
			reason: `the probe on two could not listen on udp ${between('one', 'two', 'udp').port}: more packets came than socat could take`,
		});
		assert.deepEqual(verdict('one', 'two', between('one', 'two', 'tcp').port), {
			kind: 'filtered',
		});
		assert.deepEqual(verdict('two', 'one'), {kind: 'filtered'});
	});

	test('numbers of tries are never the same, whoever tries', async () => {
		const {tries} = await measure(
			names.flatMap((from) =>
				names
					.filter((to) => to !== from)
					.flatMap((to) => [
						between(from, to, 'udp'),
						between(from, to, 'tcp'),
					]),
			),
			{one: {outcome: answeredBy('two')}, two: {outcome: answeredBy('one')}},
		);
		assert.equal(new Set(tries.map(({id}) => id)).size, tries.length);
	});

	test('NAT: from the mesh port of the sender, also when no answer comes back; never an open cell', async () => {
		const {measured, verdict} = await measure(
			[
				between('one', 'two', 'udp'),
				between('two', 'one', 'udp'),
				between('three', 'one', 'udp'),
			],
			{
				one: {
					arrived: (tries) =>
						tries
							.filter(
								({what, address, port}) =>
									what === 'mapping' &&
									address === addresses.one &&
									port === 51_820,
							)
							.slice(0, 1)
							.map(({id}) => ({id, source: '192.0.2.9:1024'})),
				},
				three: {
					outcome: (wanted) =>
						wanted.what === 'mapping' ? answeredBy('one')(wanted) : undefined,
				},
			},
		);
		for (const [from, to] of [
			['two', 'one'],
			['three', 'one'],
		] as const) {
			assert.deepEqual(verdict(from, to), {kind: 'filtered'});
		}

		assert.deepEqual(
			measured.nat.map(
				({from, to, localPort, observedAddress, observedPort}) =>
					`${from}>${to} ${localPort} ${observedAddress} ${observedPort}`,
			),
			['three>one 0 192.0.2.1 51820', 'two>one 51820 192.0.2.9 1024'],
		);
		assert.deepEqual(
			measured.portToPort
				.map(({from, to, answered}) => `${from}>${to} ${answered}`)
				.toSorted(),
			['one>two false', 'two>one false'],
		);
	});

	test('NAT: of a pair the one that is not reached sends first, and the other one too', async () => {
		for (const [reached, hidden] of [
			['one', 'two'],
			['two', 'one'],
		] as const) {
			const {tries} = await measure(
				[between('one', 'two', 'udp'), between('two', 'one', 'udp')],
				{
					[hidden]: {
						outcome: (wanted: Try) =>
							wanted.what === 'path' ? answeredBy(reached)(wanted) : undefined,
					},
				},
			);
			assert.deepEqual(
				tries
					.filter(({what}) => what === 'mapping')
					.map(({address}) => address),
				[addresses[reached], addresses[hidden]],
			);
		}
	});

	const bash = {python: undefined, probeTools: {bash: '/bin/bash'}};
	test('a node that can only count is reached when its counter rises by the burst', async () => {
		const bursts = (tries: readonly Try[]) =>
			tries.filter(
				({what, address}) => what === 'burst' && address === addresses.two,
			);
		const {measured, verdict, tries} = await measure(
			[
				between('one', 'two', 'udp'),
				between('three', 'two', 'udp'),
				between('three', 'one', 'udp'),
				between('one', 'two', 'tcp'),
			],
			{
				one: {
					outcome: ({what}) =>
						what === 'path'
							? {result: 'refused', by: null, reason: 'connection refused'}
							: undefined,
				},
				three: {outcome: answeredBy('one')},
				// The first sender's packets arrive, of the second one's only a few.
				two: {
					counted(asked) {
						const {length} = bursts(asked);
						return 100 + (length > 0 ? 20 : 0) + (length > 1 ? 14 : 0);
					},
				},
			},
			{facts: {two: bash}},
		);
		assert.deepEqual(verdict('one', 'two', 51_820), {kind: 'reached'});
		assert.deepEqual(verdict('three', 'two'), {kind: 'filtered'});
		assert.ok(tries.some(({what}) => what === 'latency'));
		assert.equal(verdict('one', 'two', 6443).kind, 'unknown');
		assert.equal(bursts(tries).length, 2);
		const first = tries.findIndex(({what}) => what === 'burst');
		assert.deepEqual(
			tries
				.slice(first)
				.filter(({what}) => ['path', 'service', 'latency'].includes(what))
				.map(({what}) => what),
			[],
			'nothing is under way whose late answers would be counted',
		);
		assert.equal(
			measured.stations.find(({node}) => node === 'two')?.rung,
			'counters',
		);
	});

	describe('ports that a running K3s holds', () => {
		const running = {
			listening: [
				{
					protocol: 'tcp' as const,
					address: '::',
					port: 6443,
					process: 'k3s-server',
				},
			],
		};
		const held = [
			{protocol: 'tcp', port: 6443},
			{protocol: 'udp', port: 51_820},
		] as const;

		test('show the key of the machine, and its handshakes; nothing else is sent there', async () => {
			const {verdict, tries, measured} = await measure(
				[between('one', 'two', 'tcp'), between('one', 'two', 'udp')],
				{
					two: {
						held,
						peers: [{endpoint: '198.51.100.1:51820', ageSeconds: 9}],
					},
				},
				{facts: {two: running}},
			);
			assert.deepEqual(verdict('one', 'two', 6443), {
				kind: 'in-use',
				process: 'k3s-server',
				live: {
					arrives: true,
					evidence: 'TLS answered with the key that two alone shows',
				},
			});
			const wireguard = verdict('one', 'two', 51_820);
			assert.ok(wireguard.kind === 'in-use' && wireguard.live?.arrives);
			assert.deepEqual(
				tries
					.filter(({what}) => what !== 'service')
					.map(({what, address}) => `${what} ${address}`)
					.toSorted(),
				['tls 127.0.0.1', 'tls 198.51.100.2'],
			);
			assert.deepEqual(
				measured.latencies.map(({samples, medianMs}) => [samples, medianMs]),
				[[1, 1]],
			);
		});

		test('a key that changes meanwhile is looked at twice', async () => {
			let looks = 0;
			const {verdict} = await measure(
				[between('one', 'two', 'tcp')],
				{
					one: {
						outcome: ({what}) =>
							what === 'tls'
								? {result: 'tls', key: 'b'.repeat(64), rtt: 1}
								: undefined,
					},
					two: {
						held,
						outcome({what}) {
							if (what !== 'tls') {
								return undefined;
							}

							looks += 1;
							const key = (looks === 1 ? 'a' : 'b').repeat(64);
							return {result: 'tls', key, rtt: 1};
						},
					},
				},
				{facts: {two: running}},
			);
			assert.equal(looks, 2);
			const found = verdict('one', 'two');
			assert.ok(found.kind === 'in-use' && found.live?.arrives);
		});

		test('a program of another kind is connected to and no more', async () => {
			const {tries} = await measure(
				[between('one', 'two', 'tcp')],
				{two: {held}},
				{
					facts: {
						two: {
							listening: [{...running.listening[0]!, process: 'nginx'}],
						},
					},
				},
			);
			const [only, ...rest] = tries.filter(({what}) => what !== 'service');
			assert.ok(only?.what === 'path' && only.connectOnly);
			assert.deepEqual(rest, []);
		});

		test('this machine greets it by TLS, too', async () => {
			const {verdict} = await measure(
				[between('one', 'two', 'tcp')],
				{two: {held}},
				{
					facts: {two: running},
					knock: ({what}) =>
						what === 'tls'
							? {result: 'tls', key: 'a'.repeat(64), rtt: 8}
							: {result: 'silent'},
				},
			);
			const found = verdict(controller, 'two');
			assert.ok(found.kind === 'in-use' && found.live?.arrives);
		});
	});

	for (const [title, facts, binds] of [
		['active', {unitState: 'active'}, false],
		['in a restart loop', {unitState: 'activating'}, false],
		['stopping', {unitState: 'deactivating'}, false],
		['being installed', {steps: ['k3s-mesh-step-install']}, false],
		['stopped', {unitState: 'inactive'}, true],
		['failed for good', {unitState: 'failed'}, true],
	] as ReadonlyArray<
		readonly [
			string,
			{
				readonly unitState?: NonNullable<HostFacts['k3s']>['unitState'];
				readonly steps?: readonly string[];
			},
			boolean,
		]
	>) {
		test(`the probe ${binds ? 'takes' : 'leaves'} the ports of a K3s that is ${title}`, async () => {
			const bound: number[] = [];
			const {verdict, tries} = await measure(
				[
					between('one', 'two', 'tcp', 2380),
					between('one', 'two', 'udp'),
					between('one', 'two', 'tcp', 6443),
					between('one', 'two', 'tcp', 8080),
				],
				{
					one: {outcome: answeredBy('two')},
					two: {
						onListen: (places) => bound.push(...places.map((one) => one.port)),
					},
				},
				{
					facts: {
						two: {
							runningSteps: facts.steps ?? [],
							listening: [
								{
									protocol: 'tcp',
									address: '*',
									port: 6443,
									process: 'k3s-server',
								},
							],
							...(facts.unitState && {
								k3s: {
									role: 'server',
									version: undefined,
									unitState: facts.unitState,
									configFiles: [],
									caHash: undefined,
								},
							}),
						},
					},
				},
			);
			assert.deepEqual(
				bound.toSorted((one, other) => one - other),
				binds ? [2380, 6443, 8080, 51_820] : [8080],
			);
			assert.equal(verdict('one', 'two', 8080).kind, 'open');
			for (const port of [2380, 51_820]) {
				assert.equal(
					verdict('one', 'two', port).kind,
					binds ? 'open' : 'unknown',
				);
			}

			assert.equal(
				tries.some(
					({what, port, address}) =>
						what === 'tls' && port === 6443 && address === addresses.two,
				),
				!binds,
			);
		});
	}

	test('a refusal by a K3s that starts and stops says nothing of the way', async () => {
		const {verdict} = await measure(
			[between('one', 'two', 'tcp')],
			{
				one: {
					outcome: ({what}) =>
						what === 'tls'
							? {result: 'refused', by: null, reason: 'connection refused'}
							: undefined,
				},
			},
			{
				facts: {
					two: {
						listening: [
							{
								protocol: 'tcp',
								address: '*',
								port: 6443,
								process: 'k3s-server',
							},
						],
						k3s: {
							role: 'server',
							version: undefined,
							unitState: 'activating',
							configFiles: [],
							caHash: undefined,
						},
					},
				},
			},
		);
		assert.deepEqual(verdict('one', 'two'), {
			kind: 'unknown',
			reason:
				"K3s on two starts or stops: its refusal may be the machine's or a firewall's",
		});
	});

	test('any server may answer under the name of the API, and only the right one under its address', async () => {
		const {measured} = await measure(
			[],
			{},
			{
				knock: () => ({
					result: 'answered',
					node: 'two',
					source: '203.0.113.5:4000',
					rtt: 8,
				}),
			},
		);
		assert.deepEqual(
			measured.cells.map(
				({path, verdict}) => `${path.to} ${path.address} ${verdict.kind}`,
			),
			[
				'one 198.51.100.1 wrong-host',
				'two 198.51.100.2 open',
				'one k8s.example.org open',
			],
		);
	});

	test('under an API address that is one server only that one is right', async () => {
		const {measured} = await measure(
			[],
			{},
			{
				apiEndpoint: addresses.one,
				knock: () => ({
					result: 'answered',
					node: 'two',
					source: '203.0.113.5:4000',
					rtt: 8,
				}),
			},
		);
		assert.deepEqual(
			measured.cells.map(
				({path, verdict}) => `${path.address} ${verdict.kind}`,
			),
			['198.51.100.1 wrong-host', '198.51.100.2 open'],
		);
	});

	test('what arrived of one knock of this machine says nothing of another', async () => {
		let answered = 0;
		const {measured} = await measure(
			[],
			{one: {arrived: () => [{id: answered, source: '203.0.113.5:4000'}]}},
			{
				knock({address, what}) {
					if (address !== addresses.one) {
						return {result: 'silent'};
					}

					answered = typeof what === 'object' ? what.id : 0;
					return {
						result: 'answered',
						node: 'one',
						source: '203.0.113.5:4000',
						rtt: 8,
					};
				},
			},
		);
		assert.deepEqual(
			measured.cells.map(
				({path, verdict}) => `${path.address} ${verdict.kind}`,
			),
			[
				'198.51.100.1 open',
				'198.51.100.2 filtered',
				'k8s.example.org filtered',
			],
		);
	});

	test('some paths again: only their nodes take part, and nothing besides paths is measured', async () => {
		const {measured, tries} = await measure(
			names.flatMap((from) =>
				names.filter((to) => to !== from).map((to) => between(from, to, 'udp')),
			),
			{one: {outcome: answeredBy('two')}},
			{only: ({from, to}) => from === 'one' && to === 'two'},
		);
		assert.equal(measured.cells.length, 1);
		assert.deepEqual(measured.stations.map(({node}) => node).toSorted(), [
			'one',
			'two',
		]);
		assert.deepEqual(
			new Set(tries.map(({what}) => what)),
			new Set(['path', 'latency', 'mtu']),
		);
		assert.deepEqual(measured.outbound, []);
	});
});

describe('ways in a tailnet', () => {
	const tailnet: Readonly<Record<Name, string>> = {
		one: '100.64.0.1',
		two: '100.64.0.2',
		three: '100.64.0.3',
	};
	const inTailnet = (name: Name): Partial<HostFacts> => {
		const facts = localFacts([addresses[name]], '/usr/bin/python3');
		return {
			tailscale: loggedIn(names.indexOf(name) + 1),
			addresses: [
				...facts.addresses,
				{
					device: 'tailscale0',
					address: tailnet[name],
					prefix: 32,
					family: 4,
					mtu: 1280,
				},
			],
		};
	};

	const netcheck: Netcheck = {
		udp: true,
		ipv6: false,
		mappingVaries: true,
		seenAs: '203.0.113.7',
		relays: [],
		preferred: undefined,
		captivePortal: undefined,
	};
	const peer = (name: Name, directAddress?: string) => ({
		name,
		addresses: [tailnet[name]],
		allowedIps: [],
		online: true,
		directAddress,
		relay: 'fra',
	});

	const opens: AgentScript['outcome'] = (wanted) => {
		const to = names.find((name) => tailnet[name] === wanted.address);
		return wanted.what === 'path' && to !== undefined
			? {result: 'answered', node: to, source: '100.64.0.9:1', rtt: 1}
			: undefined;
	};

	const requirements = (['two', 'three'] as const).map((to) => ({
		...between('one', to, 'tcp'),
		addressKind: 'tailscale' as const,
	}));
	const facts = {one: inTailnet('one'), two: inTailnet('two')};

	test('a direct way is known by the status; for the others Tailscale tries, and what it does not answer is as the status says', async () => {
		const status = loggedIn(1, {
			peers: [peer('two', '198.51.100.2:41641'), peer('three')],
		});
		const pinged: AgentScript = {
			outcome: opens,
			answers: {
				'tailscale.netcheck': netcheck,
				'tailscale.status': status,
				'tailscale.ping': [
					{
						address: tailnet.three,
						way: {kind: 'silent', reason: 'timed out'},
					},
				],
			},
		};
		const {measured} = await measure(
			requirements,
			{one: pinged, two: {answers: {'tailscale.netcheck': undefined}}},
			{facts: {...facts, three: inTailnet('three')}},
		);
		assert.deepEqual(measured.netchecks, [{node: 'one', ...netcheck}]);
		assert.deepEqual(measured.tailnetPaths, [
			{
				from: 'one',
				to: 'two',
				address: tailnet.two,
				way: {
					kind: 'direct',
					endpoint: '198.51.100.2:41641',
					rttMs: undefined,
				},
			},
			{
				from: 'one',
				to: 'three',
				address: tailnet.three,
				way: {kind: 'relayed', relay: 'DERP(fra)', rttMs: undefined},
			},
		]);
	});

	test('a way that Tailscale finds while it tries is direct', async () => {
		const way = {
			kind: 'direct',
			endpoint: '198.51.100.2:41641',
			rttMs: 9,
		} as const;
		const {measured} = await measure(
			requirements,
			{
				one: {
					outcome: opens,
					answers: {
						'tailscale.status': loggedIn(1, {peers: [peer('two')]}),
						'tailscale.ping': [{address: tailnet.two, way}],
					},
				},
			},
			{facts},
		);
		assert.deepEqual(
			measured.tailnetPaths.map((path) => path.way),
			[way],
		);
		// Its netcheck is none that the host knows: what can not be asked is not known.
		assert.deepEqual(measured.netchecks, []);
	});

	test('nobody asks for ways where nothing arrives, nor when only some paths are measured again', async () => {
		const silent = await measure(
			requirements,
			{
				one: {
					outcome: () => ({result: 'silent'}),
					answers: {
						'tailscale.status': loggedIn(1, {
							peers: [peer('two', '198.51.100.2:41641')],
						}),
					},
				},
			},
			{facts},
		);
		assert.deepEqual(silent.measured.tailnetPaths, []);
		const again = await measure(
			requirements,
			{one: {outcome: opens, answers: {'tailscale.netcheck': netcheck}}},
			{facts, only: () => true},
		);
		assert.deepEqual(again.measured.netchecks, []);
		assert.deepEqual(again.measured.tailnetPaths, []);
	});

	test('relays are tried by nodes that are not in the tailnet yet, a relay of the control server by UDP only', async () => {
		const {measured} = await measure(
			[between('one', 'two', 'tcp'), between('one', 'three', 'tcp')],
			{},
			{
				facts: {one: inTailnet('one')},
				mesh: {
					kind: 'tailscale',
					tags: [],
					controlServer: 'https://head.example.org',
				},
				relays: [
					{host: 'head.example.org', port: 443, stunPort: 3478},
					{host: '2001:db8::1', port: 8443, stunPort: undefined},
				],
			},
		);
		assert.deepEqual(
			measured.outbound
				.filter(({need}) => need.startsWith('tailscale-'))
				.map(({from, need, target}) => `${from} ${need} ${target}`)
				.toSorted(),
			[
				'one tailscale-control https://head.example.org',
				'three tailscale-control https://head.example.org',
				'three tailscale-relay [2001:db8::1]:8443',
				'three tailscale-stun head.example.org:3478, UDP',
				'two tailscale-control https://head.example.org',
				'two tailscale-relay [2001:db8::1]:8443',
				'two tailscale-stun head.example.org:3478, UDP',
			],
		);
	});

	test('by HTTPS a relay is reached through the proxy, which is asked anyway; by UDP it is not', async () => {
		const {measured} = await measure(
			[between('one', 'two', 'tcp')],
			{},
			{
				mesh: {kind: 'tailscale', tags: []},
				proxy: {http: 'http://proxy.lan:3128', noProxy: ['.lan']},
				relays: [
					{host: 'derp1.example.org', port: 443, stunPort: 3478},
					{host: 'derp.lan', port: 443, stunPort: undefined},
				],
			},
		);
		assert.deepEqual(
			measured.outbound
				.filter(({from, need}) => from === 'one' && need.startsWith('tail'))
				.map(({need, target}) => `${need} ${target}`)
				.toSorted(),
			[
				'tailscale-control proxy.lan:3128',
				'tailscale-relay https://derp.lan',
				'tailscale-stun derp1.example.org:3478, UDP',
			],
		);
	});
});
