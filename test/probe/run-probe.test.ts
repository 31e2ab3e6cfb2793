import assert from 'node:assert/strict';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import net from 'node:net';
import {describe, test} from 'node:test';
import {clusterSchema} from '../../source/cluster/schema.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import type {Measurements} from '../../source/facts/measurements.js';
import type {Requirement} from '../../source/mesh/mesh.js';
import type {ProbeEvent} from '../../source/probe/probe.js';
import {runProbe} from '../../source/probe/run-probe.js';
import {
	findPython,
	localFacts,
	makeLocalHost,
	type LocalHost,
} from './local-host.js';

const python = await findPython();
const [perl, bash] = ['perl', 'bash'].map((name) =>
	['/usr/bin', '/bin']
		.map((folder) => `${folder}/${name}`)
		.find((path) => existsSync(path)),
);
const skip = python === undefined ? 'python3 is not installed' : false;

const addresses = {
	one: '127.0.62.1',
	two: '127.0.62.2',
	three: '127.0.62.3',
} as const;
type Name = keyof typeof addresses;
const names = Object.keys(addresses) as Name[];

const cluster = clusterSchema.parse({
	version: 1,
	name: 'loop',
	nodes: names.map((name) => ({
		name,
		role: name === 'one' ? 'server' : 'agent',
		ssh: name,
		externalIp: addresses[name],
	})),
});

const ports = {tcp: 27_443, udp: 27_820} as const;

/** TCP and UDP between all pairs. */
const requirements: readonly Requirement[] = names.flatMap((from) =>
	names
		.filter((to) => to !== from)
		.flatMap((to) =>
			(['tcp', 'udp'] as const).map((protocol) => ({
				from,
				to,
				addressKind: 'external' as const,
				scope: 'all' as const,
				protocol,
				port: ports[protocol],
				severity: 'required' as const,
				why: 'a test',
			})),
		),
);

const measure = async (
	changes: {
		readonly facts?: Partial<Record<Name, Partial<HostFacts> | undefined>>;
		readonly hosts?: Partial<Record<Name, LocalHost>>;
		readonly signal?: AbortSignal;
	} = {},
): Promise<{
	readonly measurements: Measurements;
	readonly events: readonly ProbeEvent[];
	readonly hosts: ReadonlyMap<string, LocalHost>;
}> => {
	const events: ProbeEvent[] = [];
	const hosts = new Map(
		names.map((name) => [name, changes.hosts?.[name] ?? makeLocalHost(name)]),
	);
	const measurements = await runProbe({
		cluster,
		facts: new Map(
			names.map((name) => [
				name,
				{...localFacts([addresses[name]], python), ...changes.facts?.[name]},
			]),
		),
		hosts,
		requirements,
		signal: changes.signal ?? new AbortController().signal,
		onEvent(event) {
			events.push(event);
		},
	});
	return {measurements, events, hosts};
};

const kinds = ({cells}: Measurements, from: Name, to: Name): string[] =>
	cells
		.filter(({path}) => path.from === from && path.to === to)
		.map(({path, verdict}) => `${path.protocol} ${verdict.kind}`)
		.toSorted();

describe('the probe on loopback', {skip}, () => {
	test('all pairs are open, with round trips and packet sizes, and no agent is left', async () => {
		const {measurements, events, hosts} = await measure();
		assert.deepEqual(events[0], {type: 'planned', cells: 12});
		assert.equal(measurements.cells.length, 12);
		assert.ok(measurements.cells.every(({verdict}) => verdict.kind === 'open'));
		assert.equal(measurements.latencies.length, 6);
		assert.ok(
			measurements.latencies.every(
				({samples, loss, minMs, medianMs, p95Ms}) =>
					samples === 20 &&
					loss === 0 &&
					minMs <= medianMs &&
					medianMs <= p95Ms,
			),
		);
		assert.equal(measurements.pathMtus.length, 6);
		assert.equal(events.filter(({type}) => type === 'station').length, 3);
		assert.equal(events.filter(({type}) => type === 'cell').length, 12);
		assert.equal(events.filter(({type}) => type === 'latency').length, 6);
		for (const host of hosts.values()) {
			for (const child of host.children) {
				if (child.exitCode === null) {
					await once(child, 'exit');
				}

				assert.equal(child.exitCode, 0);
			}
		}
	});

	test(
		'Perl measures like Python, and where there is bash alone packets are seen to arrive',
		{
			skip:
				perl === undefined || bash === undefined
					? 'perl or bash is not installed'
					: false,
		},
		async () => {
			const {measurements} = await measure({
				facts: {
					two: {python: undefined, probeTools: {bash: bash!}},
					three: {python: undefined, probeTools: {perl: perl!}},
				},
			});
			assert.deepEqual(
				measurements.stations
					.map(({node, rung}) => `${node} ${rung}`)
					.toSorted(),
				['one python3', 'three perl', 'two counters'],
			);
			for (const [from, to] of [
				['one', 'three'],
				['three', 'one'],
				['two', 'one'],
				['two', 'three'],
			] as const) {
				assert.deepEqual(kinds(measurements, from, to), [
					'tcp open',
					'udp open',
				]);
			}

			for (const from of ['one', 'three'] as const) {
				assert.deepEqual(kinds(measurements, from, 'two'), [
					'tcp unknown',
					'udp reached',
				]);
			}

			assert.deepEqual(
				measurements.pathMtus.map(({from, to}) => `${from} ${to}`).toSorted(),
				['one three', 'three one'],
			);
		},
	);

	test('a node with nothing to measure with is unknown in both directions, with the reason; the others are measured', async () => {
		const {measurements, events} = await measure({
			facts: {two: {python: undefined}},
		});
		for (const {path, verdict} of measurements.cells) {
			if (path.from === 'two' || path.to === 'two') {
				assert.ok(verdict.kind === 'unknown');
				assert.match(verdict.reason, /two has nothing to measure with/);
			} else {
				assert.equal(verdict.kind, 'open');
			}
		}

		const told = events.find(
			(event) => event.type === 'station' && event.station.node === 'two',
		);
		assert.ok(told?.type === 'station');
		assert.match(told.station.problem ?? '', /nothing to measure with/);
	});

	test('an interpreter that does not start makes its node unknown', async () => {
		const {measurements} = await measure({
			facts: {three: {python: '/bin/false'}},
		});
		assert.deepEqual(kinds(measurements, 'one', 'two'), [
			'tcp open',
			'udp open',
		]);
		assert.deepEqual(kinds(measurements, 'one', 'three'), [
			'tcp unknown',
			'udp unknown',
		]);
		assert.deepEqual(kinds(measurements, 'three', 'one'), [
			'tcp unknown',
			'udp unknown',
		]);
	});

	test('an agent that dies makes its node unknown; the others go on', async () => {
		const dying = makeLocalHost('two', (line, child) => {
			if (line.includes('"do":"try"')) {
				child.kill('SIGKILL');
			}
		});
		const {measurements} = await measure({hosts: {two: dying}});
		assert.deepEqual(kinds(measurements, 'one', 'three'), [
			'tcp open',
			'udp open',
		]);
		assert.deepEqual(kinds(measurements, 'three', 'one'), [
			'tcp open',
			'udp open',
		]);
		for (const {path, verdict} of measurements.cells) {
			if (path.from === 'two' || path.to === 'two') {
				assert.ok(
					verdict.kind === 'open' || verdict.kind === 'unknown',
					`${path.from} ${path.to} ${verdict.kind}`,
				);
			}
		}

		assert.ok(
			measurements.cells.some(
				({verdict}) =>
					verdict.kind === 'unknown' && verdict.reason.includes('two'),
			),
		);
		assert.deepEqual(
			measurements.stations
				.filter(({problem}) => problem !== undefined)
				.map(({node}) => node),
			['two'],
		);
	});

	test('a port that another program holds is in use, with its name', async () => {
		const server = net.createServer();
		server.listen(ports.tcp, addresses.two);
		await once(server, 'listening');
		try {
			const {measurements} = await measure({
				facts: {
					two: {
						listening: [
							{
								protocol: 'tcp',
								address: addresses.two,
								port: ports.tcp,
								process: 'k3s-server',
							},
						],
					},
				},
			});
			const cell = measurements.cells.find(
				({path}) =>
					path.from === 'one' && path.to === 'two' && path.protocol === 'tcp',
			);
			assert.deepEqual(cell?.verdict, {kind: 'in-use', process: 'k3s-server'});
			assert.equal(cell?.answered, 1);
			assert.deepEqual(kinds(measurements, 'two', 'one'), [
				'tcp open',
				'udp open',
			]);
		} finally {
			server.close();
		}
	});

	test('an address that leads to another node is a wrong host', async () => {
		const {measurements} = await measure({
			facts: {
				// "three" listens where "two" should be, and "two" elsewhere.
				two: {addresses: localFacts(['127.0.62.9'], python).addresses},
				three: {
					addresses: localFacts([addresses.two, addresses.three], python)
						.addresses,
				},
			},
		});
		const cell = measurements.cells.find(
			({path}) => path.from === 'one' && path.to === 'two',
		);
		assert.deepEqual(cell?.verdict, {kind: 'wrong-host', answeredBy: 'three'});
	});

	test('a signal ends it at once', async () => {
		const controller = new AbortController();
		const reason = new Error('stopped by the person');
		const stopping = makeLocalHost('one', (line) => {
			if (line.includes('"do":"try"')) {
				controller.abort(reason);
			}
		});
		await assert.rejects(
			measure({hosts: {one: stopping}, signal: controller.signal}),
			reason,
		);
	});
});
