import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {stringify} from 'yaml';
import type {Role} from '../../source/cluster/schema.js';
import type {Host} from '../../source/host/host.js';
import {filesHash, filesWrite} from '../../source/host/scripts/files.js';
import {firewallApply} from '../../source/host/scripts/firewall.js';
import {
	k3sDownload,
	k3sInstall,
	k3sResolveVersion,
} from '../../source/host/scripts/k3s-get.js';
import {
	k3sKubeconfig,
	k3sNodes,
	k3sTokens,
} from '../../source/host/scripts/k3s-read.js';
import {
	k3sJournal,
	k3sPing,
	k3sStart,
	parseJournalLine,
} from '../../source/host/scripts/k3s-run.js';
import {lockRelease, lockTake} from '../../source/host/scripts/lock.js';
import {parseStepLine} from '../../source/host/scripts/steps.js';
import {verifyPodNetwork} from '../../source/host/scripts/verify-pod-network.js';
import {
	verifyPodsDown,
	verifyPodsList,
	verifyPodsUp,
} from '../../source/host/scripts/verify-pods.js';
import {
	verifyHandshakes,
	verifyPing,
} from '../../source/host/scripts/verify.js';
import type {MachineSpec} from '../../source/host/simulated/machine.js';
import type {SimulatedWorld} from '../../source/host/simulated/world.js';
import {classify} from '../../source/install/journal-signatures.js';
import {fastWorld, threeMachines} from './simulated-support.js';

const {signal} = new AbortController();
const version = 'v1.36.3+k3s1';
const configPath = '/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml';

const open = async (world: SimulatedWorld, name: string): Promise<Host> =>
	world.connect(
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
	);

const download = {
	version,
	url: 'https://releases.example.org/k3s',
	checksumUrl: 'https://releases.example.org/sha256sum-amd64.txt',
	fileName: 'k3s',
};

const write = async (host: Host, config: Readonly<Record<string, unknown>>) =>
	host.run(
		filesWrite,
		{
			path: configPath,
			mode: 0o600,
			content: stringify(config),
			keepPrevious: true,
		},
		{signal},
	);

/** Brings K3s onto a host and starts it. */
const bringUp = async (
	host: Host,
	role: Role,
	config: Readonly<Record<string, unknown>>,
) => {
	await host.run(k3sDownload, download, {signal});
	await host.run(
		k3sInstall,
		{role, version, scriptUrl: 'https://get.example.org'},
		{signal},
	);
	await write(host, config);
	return host.run(
		k3sStart,
		{role, version, configFiles: [configPath]},
		{signal},
	);
};

/** A server on "one" that runs. */
const withServer = async (
	changes: Partial<Record<'one' | 'two' | 'three', Partial<MachineSpec>>> = {},
) => {
	const {world, clock} = fastWorld(threeMachines(changes));
	const server = await open(world, 'one');
	const started = await bringUp(server, 'server', {
		'node-name': 'one',
		token: 'server-secret',
		'agent-token': 'agent-secret',
		'node-external-ip': '198.51.100.1',
		'cluster-cidr': ['10.42.0.0/16'],
	});
	assert.equal(started.restarted, true);
	await server.run(
		k3sJournal,
		{role: 'server', sinceUnix: started.sinceUnix},
		{signal},
	);
	return {world, clock, server};
};

const joinAgent = async (
	host: Host,
	server: Host,
	url = 'https://198.51.100.1:6443',
) => {
	const tokens = await server.run(k3sTokens, {}, {signal});
	return bringUp(host, 'agent', {
		'node-name': host.name,
		server: url,
		token: tokens.agent,
		'node-external-ip': host.name === 'two' ? '198.51.100.2' : '198.51.100.3',
	});
};

const firstLine = async (
	host: Host,
	matches: (line: string) => boolean,
): Promise<string> => {
	const controller = new AbortController();
	let found: string | undefined;
	try {
		await host.stream(
			k3sJournal,
			{role: 'agent', sinceUnix: 0},
			{
				signal: controller.signal,
				onLine(line) {
					if (matches(line) && found === undefined) {
						found = line;
						controller.abort(new Error('seen'));
					}
				},
			},
		);
	} catch (error) {
		assert.match(String(error), /seen/);
	}

	return found ?? '';
};

describe('K3s in the simulated world', () => {
	test('a channel leads to a release', async () => {
		const {world} = fastWorld(threeMachines());
		const host = await open(world, 'one');
		const ask = async (channel: string) =>
			host.run(
				k3sResolveVersion,
				{
					proxy: undefined,
					channelUrl: `https://update.example.org/channels/${channel}`,
				},
				{signal},
			);
		assert.deepEqual(await ask('stable'), {version});
		await assert.rejects(ask('nonsense'), /gives no answer/);
	});

	test('a download tells how far it is, fails as often as it should, and is done once', async () => {
		const {world} = fastWorld(
			threeMachines({one: {faults: {failingDownloads: 1}}}),
		);
		const host = await open(world, 'one');
		const lines: string[] = [];
		const run = async () =>
			host.stream(k3sDownload, download, {
				signal,
				onLine(line) {
					lines.push(line);
				},
			});
		await assert.rejects(run(), /cannot be downloaded/);
		assert.deepEqual(await run(), {changed: true});
		const progress = lines
			.map((line) => parseStepLine(line))
			.filter((line) => line.kind === 'progress');
		assert.equal(progress.at(-1)?.doneBytes, progress.at(-1)?.totalBytes);
		lines.length = 0;
		assert.deepEqual(await run(), {changed: false});
		assert.deepEqual(lines, []);
	});

	test('files are written when they differ, and the first content is kept', async () => {
		const {world} = fastWorld(threeMachines());
		const host = await open(world, 'one');
		assert.deepEqual(await write(host, {a: 1}), {
			changed: true,
			backup: undefined,
		});
		const again = await write(host, {a: 1});
		assert.equal(again.changed, false);
		assert.deepEqual(await write(host, {a: 2}), {
			changed: true,
			backup: `${configPath}.k3s-mesh.bak`,
		});
		const states = await host.run(
			filesHash,
			{paths: [configPath, '/no']},
			{signal},
		);
		assert.equal(states.get(configPath)?.mode, 0o600);
		assert.equal(states.get('/no'), undefined);
	});

	test('a server comes up with its tokens, and starting it again changes nothing', async () => {
		const {server, world} = await withServer();
		const tokens = await server.run(k3sTokens, {}, {signal});
		assert.match(tokens.server!, /^K10[\da-f]{64}::server:server-secret$/);
		assert.match(tokens.agent!, /^K10[\da-f]{64}::node:agent-secret$/);
		const again = await server.run(
			k3sStart,
			{role: 'server', version, configFiles: [configPath]},
			{signal},
		);
		assert.equal(again.restarted, false);
		assert.match(
			(await server.run(k3sKubeconfig, {}, {signal})) ?? '',
			/server: https:\/\/127\.0\.0\.1:6443/,
		);
		assert.equal(await world.canReach('198.51.100.1', 6443, signal), true);
		assert.equal(await world.canReach('198.51.100.2', 6443, signal), false);
	});

	test('agents join, become ready, and the mesh carries pods', async () => {
		const {world, server} = await withServer();
		const two = await open(world, 'two');
		const {sinceUnix} = await joinAgent(two, server);
		const state = await two.run(
			k3sJournal,
			{role: 'agent', sinceUnix},
			{signal},
		);
		assert.equal(state.activeState, 'active');
		const nodes = await server.run(k3sNodes, {}, {signal});
		assert.deepEqual(
			nodes.map(({name, externalIps, podCidrs}) => [
				name,
				externalIps,
				podCidrs,
			]),
			[
				['one', ['198.51.100.1'], ['10.42.0.0/24']],
				['two', ['198.51.100.2'], ['10.42.1.0/24']],
			],
		);

		const shakes = await two.run(
			verifyHandshakes,
			{interface: 'flannel-wg'},
			{signal},
		);
		assert.ok(shakes.available);
		assert.deepEqual(
			shakes.peers.map(({publicKey}) => publicKey),
			[nodes[0]!.wireguardKey],
		);
		const [ping] = await two.run(
			verifyPing,
			{targets: ['10.42.0.0']},
			{signal},
		);
		assert.equal(ping?.ok, true);

		await server.run(verifyPodsUp, {}, {signal});
		let pods = await server.run(verifyPodsList, {}, {signal});
		while (pods.some(({running}) => !running)) {
			pods = await server.run(verifyPodsList, {}, {signal});
		}

		assert.equal(pods.length, 2);
		const reach = await two.run(
			verifyPodNetwork,
			{
				podAddress: pods[1]!.address!,
				targets: [pods[0]!.address!],
				dnsServer: '10.43.0.10',
				dnsName: 'kubernetes.default.svc.cluster.local',
			},
			{signal},
		);
		assert.equal(reach.problem, undefined);
		assert.deepEqual(
			reach.pings.map(({ok}) => ok),
			[true],
		);
		await server.run(verifyPodsDown, {}, {signal});
		assert.deepEqual(await server.run(verifyPodsList, {}, {signal}), []);
	});

	for (const [title, changes, url, waitsFor] of [
		['a wrong address', {}, 'https://198.51.100.77:6443', '198.51.100.77:6443'],
		[
			'a closed port',
			{
				one: {
					closed: [
						{
							protocol: 'tcp',
							port: 6443,
							how: 'filtered',
							by: 'cloud-firewall',
						},
					],
				},
			},
			undefined,
			'198.51.100.1:6443',
		],
		[
			'the fault of waiting for ever',
			{two: {faults: {neverJoins: true}}},
			undefined,
			'198.51.100.1:6443',
		],
	] as ReadonlyArray<
		readonly [
			string,
			Parameters<typeof threeMachines>[0],
			string | undefined,
			string,
		]
	>) {
		test(`with ${title} an agent waits, and its journal names what for`, async () => {
			const {world, server} = await withServer(changes);
			const two = await open(world, 'two');
			await joinAgent(two, server, url);
			const line = await firstLine(two, (text) => text.includes('Failed to'));
			assert.equal(classify(line, 'one')?.waitsFor, waitsFor);
			const state = await firstLine(two, (text) => text.startsWith('@state'));
			const parsed = parseJournalLine(state);
			assert.ok(parsed.kind === 'state');
			assert.equal(parsed.state.activeState, 'activating');
			const nodes = await server.run(k3sNodes, {}, {signal});
			assert.deepEqual(
				nodes.map(({name}) => name),
				['one'],
			);
		});
	}

	test('a waiting agent joins as soon as the firewall is opened', async () => {
		const {world, server} = await withServer({
			one: {
				closed: [
					{protocol: 'tcp', port: 6443, how: 'filtered', by: 'host-firewall'},
				],
			},
		});
		const two = await open(world, 'two');
		const {sinceUnix} = await joinAgent(two, server);
		const pingOutcome = async () => {
			const url = 'https://198.51.100.1:6443';
			const {outcome} = await two.run(k3sPing, {url}, {signal});
			return outcome;
		};

		assert.equal(await pingOutcome(), 'timeout');
		const joined = two.run(k3sJournal, {role: 'agent', sinceUnix}, {signal});
		const apply = {
			firewall: 'ufw' as const,
			checkOnly: false,
			rules: [
				{
					add: 'ufw allow from 198.51.100.2 to any port 6443 proto tcp'.split(
						' ',
					),
					remove: ['ufw', 'delete'],
				},
			],
		};
		assert.deepEqual(await server.run(firewallApply, apply, {signal}), {
			missing: 1,
			places: [0],
		});
		assert.deepEqual(await server.run(firewallApply, apply, {signal}), {
			missing: 0,
			places: [],
		});
		const state = await joined;
		assert.equal(state.activeState, 'active');
		assert.equal(await pingOutcome(), 'pong');
	});

	test('a token of another cluster is refused', async () => {
		const {world} = await withServer();
		const two = await open(world, 'two');
		await bringUp(two, 'agent', {
			server: 'https://198.51.100.1:6443',
			token: `K10${'0'.repeat(64)}::node:agent-secret`,
		});
		const line = await firstLine(two, (text) => text.includes('Failed to'));
		assert.equal(classify(line, 'one')?.final, true);
	});

	test('the lock keeps two runs apart until it is released or stale', async () => {
		const {world, clock} = fastWorld(threeMachines());
		const host = await open(world, 'one');
		const take = async (runId: string) =>
			host.run(lockTake, {runId, owner: `run ${runId}`, gone: []}, {signal});
		const first = await take('a');
		assert.ok(first.taken);

		const refused = await take('b');
		assert.ok(!refused.taken);
		assert.equal(refused.holder.owner, 'run a');
		clock.now += 60_000;
		const stale = await take('b');
		assert.ok(stale.taken);
		await host.run(lockRelease, {runId: 'b'}, {signal});
		const free = await take('a');
		assert.ok(free.taken);
	});
});
