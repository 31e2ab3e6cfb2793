import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {blockers} from '../../source/checks/finding.js';
import {clusterSchema, type ClusterInput} from '../../source/cluster/schema.js';
import type {Path} from '../../source/facts/measurements.js';
import {checkCluster} from '../../source/operations/check.js';
import {openFleet} from '../../source/operations/fleet.js';
import type {ProbeEvent} from '../../source/probe/probe.js';
import {fastWorld, threeMachines} from '../host/simulated-support.js';

const {signal} = new AbortController();

const clusterOf = (ignore: ClusterInput['ignore']) =>
	clusterSchema.parse({
		version: 1,
		name: 'checked',
		nodes: ['one', 'two', 'three'].map((name, index) => ({
			name,
			role: index === 0 ? 'server' : 'agent',
			ssh: name,
			externalIp: `198.51.100.${index + 1}`,
		})),
		ignore,
	});

const check = async (
	changes: Parameters<typeof threeMachines>[0] = {},
	options: {
		readonly fileIgnore?: ClusterInput['ignore'];
		readonly ignore?: readonly string[];
	} = {},
) => {
	const {world} = fastWorld(threeMachines(changes));
	const cluster = clusterOf(options.fileIgnore ?? []);
	const fleet = openFleet({
		world,
		questions: {
			async trustHostKey() {
				return true;
			},
			askSecret: async () => undefined,
		},
		signal,
	});
	const events: ProbeEvent[] = [];
	try {
		await fleet.addAll(cluster.nodes);
		const report = await checkCluster({
			cluster,
			fleet,
			ignore: options.ignore ?? [],
			signal,
			onEvent(event) {
				events.push(event);
			},
		});
		return {report, events};
	} finally {
		await fleet.close();
	}
};

const withoutWireguard = {
	closed: [
		{
			protocol: 'udp',
			port: 51_820,
			how: 'filtered',
			by: 'cloud-firewall',
		},
	],
} as const;
/** Two nodes that reach each other in no direction; the third reaches neither, and both reach it. */
const closedWireguard = {two: withoutWireguard, three: withoutWireguard};

describe('checking a cluster', () => {
	test('nothing speaks against machines that are as they should be', async () => {
		const {report, events} = await check();
		assert.deepEqual(
			report.findings.filter(({severity}) => severity !== 'info'),
			[],
		);
		assert.equal(report.failed.size, 0);
		const planned = events.find(({type}) => type === 'planned');
		assert.deepEqual(planned, {
			type: 'planned',
			cells: report.measurements.cells.length,
		});
	});

	test('a closed required port blocks, and names the nodes', async () => {
		const {report} = await check(closedWireguard);
		assert.deepEqual(
			blockers(report.findings).map(({id, nodes}) => [id, ...nodes]),
			[
				['path.blocked', 'two', 'three'],
				['path.blocked', 'three', 'two'],
			],
		);
		assert.deepEqual(
			report.findings
				.filter(({id}) => id === 'path.one-way')
				.map(({severity, nodes}) => [severity, ...nodes]),
			[
				['warning', 'two', 'one'],
				['warning', 'three', 'one'],
			],
		);
		assert.match(blockers(report.findings)[0]!.message, /51820/);
	});

	for (const [title, options] of [
		['the file', {fileIgnore: ['path.blocked']}],
		['the command line', {ignore: ['path.blocked']}],
	] as const) {
		test(`${title} overrides a check by its id`, async () => {
			const {report} = await check(
				closedWireguard,
				'ignore' in options ? options : {fileIgnore: [...options.fileIgnore]},
			);
			assert.deepEqual(blockers(report.findings), []);
			assert.ok(report.findings.some(({ignored}) => ignored));
		});
	}

	test('a node out of reach is named, and its paths are unknown', async () => {
		const {report} = await check({two: {faults: {ssh: 'refused'}}});
		assert.deepEqual(
			[...report.failed],
			[['two', 'two refuses connections on port 22.']],
		);
		for (const {path, verdict} of report.measurements.cells) {
			const concerned = path.from === 'two' || path.to === 'two';
			assert.equal(verdict.kind, concerned ? 'unknown' : 'open');
		}
	});

	test('some paths are measured again, and the rest is kept', async () => {
		const {world} = fastWorld(
			threeMachines({
				three: {
					closed: [{...withoutWireguard.closed[0], by: 'host-firewall'}],
				},
			}),
		);
		const cluster = clusterOf([]);
		const fleet = openFleet({
			world,
			questions: {
				async trustHostKey() {
					return true;
				},
				askSecret: async () => undefined,
			},
			signal,
		});
		try {
			await fleet.addAll(cluster.nodes);
			const events: ProbeEvent[] = [];
			const options = {
				cluster,
				fleet,
				ignore: [],
				signal,
				onEvent(event: ProbeEvent) {
					events.push(event);
				},
			};
			const earlier = await checkCluster(options);
			events.length = 0;
			world.machines.get('three')!.rules.push({
				add: 'ufw allow from 198.51.100.1 to any port 51820 proto udp'.split(
					' ',
				),
				remove: [],
			});
			const only = ({from, to, port}: Path) =>
				from === 'one' && to === 'three' && port === 51_820;
			const report = await checkCluster({...options, again: {earlier, only}});
			assert.deepEqual(
				events.filter(({type}) => type === 'planned' || type === 'cell').length,
				2,
			);
			assert.equal(
				report.measurements.cells.length,
				earlier.measurements.cells.length,
			);
			assert.deepEqual(
				report.measurements.cells
					.filter(({verdict}) => verdict.kind !== 'open')
					.map(({path}) => `${path.from} ${path.to}`),
				['two three'],
			);
			assert.equal(
				report.measurements.outbound.length,
				earlier.measurements.outbound.length,
			);
			assert.ok(
				report.measurements.latencies.some(
					({from, to}) => from === 'two' && to === 'one',
				),
			);
		} finally {
			await fleet.close();
		}
	});

	for (const [title, facts, id] of [
		[
			'an architecture without K3s',
			{machine: 'mips64', architecture: undefined},
			'arch.supported',
		],
		['a kernel without WireGuard', {wireguard: 'missing'}, 'wireguard.kernel'],
	] as const) {
		test(`${title} is found`, async () => {
			const {report} = await check({two: {facts}});
			const ids = blockers(report.findings).map((finding) => finding.id);
			assert.deepEqual(ids, [id]);
		});
	}

	test('one machine under two addresses is found', async () => {
		const same = {machineId: 'a'.repeat(32), hostname: 'twin'};
		const {report} = await check({two: {facts: same}, three: {facts: same}});
		assert.ok(
			report.findings.some(({id}) => id === 'host.same-machine'),
			JSON.stringify(report.findings),
		);
	});
});
