import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {clusterSchema} from '../../source/cluster/schema.js';
import {
	controller,
	noMeasurements,
	type Verdict,
} from '../../source/facts/measurements.js';
import type {Host} from '../../source/host/host.js';
import type {ClosedPort} from '../../source/host/simulated/machine.js';
import {factsNow} from '../../source/host/simulated/machine-state.js';
import {meshOf} from '../../source/mesh/catalogue.js';
import {runProbe} from '../../source/probe/run-probe.js';
import {fastWorld, threeMachines} from './simulated-support.js';

const {signal} = new AbortController();

const names = ['one', 'two', 'three'] as const;
const cluster = clusterSchema.parse({
	version: 1,
	name: 'simulated',
	nodes: names.map((name, index) => ({
		name,
		role: index === 0 ? 'server' : 'agent',
		ssh: name,
		externalIp: `198.51.100.${index + 1}`,
	})),
});

const measure = async (
	changes: Parameters<typeof threeMachines>[0] = {},
	prepare: (
		machines: ReturnType<typeof fastWorld>['world']['machines'],
	) => void = () => undefined,
) => {
	const {world} = fastWorld(threeMachines(changes));
	prepare(world.machines);
	const hosts = new Map<string, Host>();
	for (const name of names) {
		hosts.set(
			name,
			await world.connect(
				{name, ssh: {host: name}},
				{
					signal,
					questions: {
						async trustHostKey() {
							return true;
						},
						askSecret: async () => undefined,
					},
				},
			),
		);
	}

	const facts = new Map(
		names.map((name) => [
			name,
			factsNow(world.machines.get(name)!, {
				now: 0,
				port: 22,
				dialed: name,
			}),
		]),
	);
	return runProbe({
		cluster,
		facts,
		hosts,
		requirements: meshOf(cluster).requirements({
			cluster,
			facts,
			measurements: noMeasurements,
		}),
		...(world.knock && {knock: world.knock}),
		signal,
		onEvent: () => undefined,
	});
};

type Measured = Awaited<ReturnType<typeof measure>>;

const verdict = (
	{cells}: Measured,
	from: string,
	to: string,
	port: number,
): Verdict | undefined =>
	cells.find(
		({path}) => path.from === from && path.to === to && path.port === port,
	)?.verdict;

const notOpen = ({cells}: Measured): string[] =>
	cells
		.filter(({verdict: {kind}}) => kind !== 'open')
		.map(
			({path, verdict: {kind}}) =>
				`${path.from}>${path.to} ${path.protocol}/${path.port} ${kind}`,
		)
		.toSorted();

const wireguardClosed = (
	by: ClosedPort['by'],
	how: ClosedPort['how'],
): readonly ClosedPort[] => [{protocol: 'udp', port: 51_820, how, by}];

describe('the probe in the simulated world', () => {
	test('all is open, with round trips and packet sizes', async () => {
		const measured = await measure({two: {pathMtu: 1400}});
		assert.deepEqual(notOpen(measured), []);
		assert.equal(measured.latencies.length, 6);
		const slow = measured.latencies.find(
			({from, to}) => from === 'two' && to === 'three',
		);
		assert.ok(slow && slow.medianMs > 30 && slow.medianMs < 50);
		assert.deepEqual(
			measured.pathMtus
				.map(({from, to, bytes}) => `${from}>${to} ${bytes}`)
				.toSorted(),
			[
				'one>three 1500',
				'one>two 1400',
				'three>one 1500',
				'three>two 1400',
				'two>one 1400',
				'two>three 1400',
			],
		);
	});

	test('this machine reaches the API of the server', async () => {
		const measured = await measure();
		assert.equal(verdict(measured, controller, 'one', 6443)?.kind, 'open');
	});

	test('every node is asked what it reaches of the internet', async () => {
		const {outbound} = await measure({three: {offline: true}});
		const of = (name: string) =>
			outbound
				.filter(({from}) => from === name)
				.map(({need, result}) => `${need} ${result.kind}`);
		const needs = ['k3s-download', 'k3s-download', 'registry', 'dns', 'ntp'];
		assert.deepEqual(
			of('one'),
			needs.map((need) => `${need} answered`),
		);
		assert.deepEqual(
			of('three'),
			needs.map((need) => `${need} silent`),
		);
	});

	test('NAT: the sources that the others see of one port', async () => {
		const inside = (network: string) => ({
			internal: {address: '192.168.1.4', network},
		});
		const measured = await measure({
			two: {...inside('home'), nat: 'symmetric'},
			three: {...inside('office'), nat: 'port-restricted'},
		});
		const seen = (name: string) =>
			measured.nat
				.filter(({from}) => from === name)
				.map(({observedAddress, observedPort, localPort}) => {
					assert.equal(localPort, 51_820);
					return `${observedAddress}:${observedPort}`;
				});
		assert.deepEqual(new Set(seen('one')), new Set(['198.51.100.1:51820']));
		assert.equal(new Set(seen('three')).size, 1);
		assert.notEqual(seen('three')[0], '198.51.100.3:51820');
		const met = new Set(
			measured.portToPort
				.filter(({answered}) => answered)
				.map(({from, to}) => `${from}>${to}`),
		);
		assert.ok(met.has('one>three') && met.has('three>one'));
		assert.ok(!met.has('two>three') && !met.has('three>two'));
	});

	test('a port that is swallowed', async () => {
		const measured = await measure({
			three: {closed: wireguardClosed('host-firewall', 'filtered')},
		});
		assert.deepEqual(notOpen(measured), [
			'one>three udp/51820 filtered',
			'two>three udp/51820 filtered',
		]);
	});

	test('a port that is refused, by whom', async () => {
		const measured = await measure({
			three: {closed: wireguardClosed('cloud-firewall', 'refused')},
		});
		assert.deepEqual(verdict(measured, 'one', 'three', 51_820), {
			kind: 'refused',
			by: '198.51.100.3',
			reason: 'host-prohibited',
		});
	});

	test('a rule opens the host firewall for the peer that it names', async () => {
		const measured = await measure(
			{three: {closed: wireguardClosed('host-firewall', 'filtered')}},
			(machines) => {
				machines.get('three')!.rules.push({
					add: 'ufw allow from 198.51.100.1 to any port 51820 proto udp'.split(
						' ',
					),
					remove: [],
				});
			},
		);
		assert.deepEqual(notOpen(measured), ['two>three udp/51820 filtered']);
	});

	test('a server that does not reach itself from inside', async () => {
		const measured = await measure({one: {hairpin: false}});
		assert.deepEqual(notOpen(measured), ['one>one tcp/6443 filtered']);
	});

	test('a machine with nothing to measure with, and an agent that dies', async () => {
		for (const changes of [
			{two: {facts: {python: undefined, probeTools: {}}}},
			{two: {faults: {dyingProbe: true}}},
		]) {
			const measured = await measure(changes);
			assert.equal(verdict(measured, 'one', 'three', 51_820)?.kind, 'open');
			assert.equal(verdict(measured, 'two', 'one', 51_820)?.kind, 'unknown');
			assert.equal(verdict(measured, 'one', 'two', 51_820)?.kind, 'unknown');
		}
	});

	test('ports of a K3s that runs are in use', async () => {
		const measured = await measure({}, (machines) => {
			const {k3s} = machines.get('one')!;
			k3s.installed = {role: 'server', version: 'v1.36.3+k3s1'};
			k3s.unit = {...k3s.unit, activeState: 'active'};
		});
		assert.deepEqual(verdict(measured, 'two', 'one', 6443), {
			kind: 'in-use',
			process: 'k3s-server',
			live: {
				arrives: true,
				evidence: 'TLS answered with the key that one alone shows',
			},
		});
		assert.equal(verdict(measured, 'two', 'one', 51_820)?.kind, 'in-use');
		assert.equal(verdict(measured, 'one', 'two', 51_820)?.kind, 'open');
	});
});
