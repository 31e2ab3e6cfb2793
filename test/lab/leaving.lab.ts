/** Leaving, on real hosts: what the owner had is there afterwards, byte for byte, and nothing of ours. */
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {createInterface} from 'node:readline';
import test from 'node:test';
import {leavingStages} from '../../source/plan/plan.js';
import {ownKubeconfig} from './faults/belongings.js';
import {assertSame, machineOf, machinesOf} from './machine-look.js';
import {assertCode, program, stageFor, type Stage} from './support.js';
import {requireGo} from './tailnet/go.js';
import {firstTag} from './tailnet/settings.js';
import type {Topology} from './topology.js';
import {topologies, type LabNode} from './index.js';

/** What the owner of each host has before we come, besides a firewall. */
const belongings = String.raw`
mkdir -p /etc/rancher/k3s/config.yaml.d
cat >/etc/rancher/k3s/registries.yaml <<'CONTENT'
# Of the owner.
mirrors: {}
CONTENT
cat >/etc/rancher/k3s/config.yaml.d/50-owner.yaml <<'CONTENT'
node-label:
  - "owner=somebody"
CONTENT
chmod 640 /etc/rancher/k3s/registries.yaml
chown 0:6 /etc/rancher/k3s/registries.yaml
touch -d '2024-02-03 04:05:06' /etc/rancher/k3s/registries.yaml
mkdir -p /var/lib/rancher/owner
echo 'what nobody else has' >/var/lib/rancher/owner/data
printf '#!/bin/sh\necho mine\n' >/usr/local/bin/k3s-owner
`;

/** Some hosts of a topology, each with things of its owner. */
const withBelongings = (
	of: string,
	name: string,
	hosts: readonly string[],
): Topology => {
	const topology = topologies.find((one) => one.name === of)!;
	return {
		...topology,
		name,
		hosts: topology.hosts
			.filter((host) => hosts.includes(host.name))
			.map((host) => ({
				...host,
				setup: `${belongings}${host.setup ?? ''}`,
			})),
	};
};

type Event = {
	readonly type: string;
	readonly stage?: string;
	readonly state?: string;
};

/** Starts the program and kills it, by SIGKILL, as soon as any node is in the stage. */
const killIn = async (
	stage: Stage,
	words: readonly string[],
	where: string,
): Promise<boolean> => {
	const child = stage.lab.client.spawn(
		[process.execPath, program, ...words, '--progress', 'json'],
		{env: stage.env, stdio: ['ignore', 'pipe', 'ignore']},
	);
	let killed = false;
	for await (const line of createInterface({input: child.stdout!})) {
		const {type, stage: at, state} = JSON.parse(line) as Event;
		if (!killed && type === 'step' && at === where && state === 'running') {
			killed = true;
			child.kill('SIGKILL');
		}
	}

	if (child.exitCode === null && child.signalCode === null) {
		await once(child, 'exit');
	}

	return killed;
};

const nodeNames = async (server: LabNode): Promise<string[]> => {
	const {stdout} = await server.exec('k3s kubectl get nodes -o name');
	return stdout.trim().split('\n').toSorted();
};

test('one agent leaves, then all: each machine is as it was, whatever firewall it has', async (t) => {
	const stage = await stageFor(
		withBelongings('fw-kinds', 'leaving', [
			'tables',
			'chains',
			'simple',
			'zones',
		]),
	);
	t.after(stage.down);
	const {nodes} = stage.lab;
	const server = nodes.find(({role}) => role === 'server')!;
	const leaver = nodes.findLast(({role}) => role === 'agent')!;
	writeFileSync(stage.kubeconfigPath, ownKubeconfig, {mode: 0o600});
	writeFileSync(
		stage.clusterPath,
		`# Of the person.\n${readFileSync(stage.clusterPath, 'utf8')}`,
	);
	const before = await machinesOf(stage);
	const clusterText = readFileSync(stage.clusterPath, 'utf8');

	assertCode(await stage.apply('--ignore', 'path.blocked'), 0);
	const removal = ['remove', leaver.name, stage.clusterPath, '--yes'];
	const refused = await stage.run([
		'remove',
		server.name,
		stage.clusterPath,
		'--yes',
	]);
	assertCode(refused, 2);
	assert.match(refused.stderr, /the only server/);

	const removed = await stage.run(removal);
	assertCode(removed, 0);
	assertSame(leaver.name, await machineOf(leaver), before.get(leaver.name));
	assert.deepEqual(
		await nodeNames(server),
		nodes
			.filter(({name}) => name !== leaver.name)
			.map(({name}) => `node/${name}`)
			.toSorted(),
	);
	const left = readFileSync(stage.clusterPath, 'utf8');
	assert.match(left, /^# Of the person\.$/m);
	assert.doesNotMatch(left, new RegExp(String.raw`name: ${leaver.name}\b`));
	for (const node of nodes) {
		const {stdout} = await node.exec(
			'ufw status; iptables -S; nft list ruleset; firewall-cmd --list-all; cat /var/lib/k3s-mesh/manifest.json /etc/systemd/system/k3s-mesh-firewall.service; :',
		);
		assert.ok(!stdout.includes(leaver.externalIp), `${node.name}:\n${stdout}`);
	}

	// The others go on, and an apply finds nothing to do.
	const again = await stage.apply('--ignore', 'path.blocked');
	assertCode(again, 0);
	assert.match(again.stderr, /nothing was changed/);

	// Its name can be used again, and its place in the file given back.
	writeFileSync(stage.clusterPath, clusterText);
	assertCode(await stage.apply('--ignore', 'path.blocked'), 0);

	const uninstalled = await stage.run([
		'uninstall',
		stage.clusterPath,
		'--yes',
		'--kubeconfig',
		stage.kubeconfigPath,
	]);
	assertCode(uninstalled, 0);
	assert.ok(
		uninstalled.stderr.includes(
			`Deleted for good:\n  ${server.name}: the cluster's datastore`,
		),
		uninstalled.stderr,
	);
	for (const [name, after] of await machinesOf(stage)) {
		assertSame(name, after, before.get(name));
	}

	assert.equal(readFileSync(stage.clusterPath, 'utf8'), clusterText);
	const kubeconfig = readFileSync(stage.kubeconfigPath, 'utf8');
	assert.match(kubeconfig, /# The person's own\./);
	assert.match(kubeconfig, /name: own, context/);
	assert.doesNotMatch(kubeconfig, /client-key-data/);

	const idle = await stage.run(['uninstall', stage.clusterPath]);
	assertCode(idle, 0);
	assert.match(idle.stderr, /nothing of \S+ is left/);
});

test('an uninstall that is killed in any stage is finished by the next one', async (t) => {
	const stage = await stageFor(
		withBelongings('fw-kinds', 'leaving-cut', ['tables', 'simple']),
	);
	t.after(stage.down);
	const before = await machinesOf(stage);
	const words = [
		'uninstall',
		stage.clusterPath,
		'--yes',
		'--kubeconfig',
		stage.kubeconfigPath,
	];
	const killedIn: string[] = [];
	for (const where of ['uninstall', 'clean'] as const) {
		assert.ok(leavingStages.includes(where));
		assertCode(await stage.apply('--ignore', 'path.blocked'), 0);
		if (await killIn(stage, words, where)) {
			killedIn.push(where);
		}

		assertCode(await stage.run(words), 0);
		for (const [name, after] of await machinesOf(stage)) {
			assertSame(name, after, before.get(name));
		}
	}

	assert.deepEqual(killedIn, ['uninstall', 'clean']);
});

test("on a tailnet the owner's routes stay, and who is logged out is gone from it", async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const stage = await stageFor(
		withBelongings('tailnet', 'leaving-tailnet', ['hub', 'cabin1']),
	);
	t.after(stage.down);
	const {headscale, mirror} = stage.lab;
	const hub = stage.lab.node('hub');
	const cabin = stage.lab.node('cabin1');
	const keyFile = path.join(stage.folder, 'api-key');
	writeFileSync(keyFile, `${await headscale.createApiKey()}\n`, {mode: 0o600});
	stage.writeCluster({
		mesh: {
			kind: 'tailscale',
			controlServer: headscale.url,
			apiKeyFrom: `file:${keyFile}`,
			tags: [firstTag],
		},
		mirrors: {
			installScript: mirror.installScript,
			releases: mirror.releases,
			channels: mirror.channels,
			tailscaleArchives: mirror.tailscale,
		},
	});
	const before = await machinesOf(stage);
	assertCode(await stage.apply(), 0);

	// The owner of the hub has it route a network of theirs, too.
	const own = '192.168.77.0/24';
	const {availableRoutes} = await headscale.node('hub');
	assert.equal(availableRoutes.length, 1);
	const routes = [...availableRoutes, own];
	await hub.exec(`tailscale set --advertise-routes=${routes.join(',')}`);
	await headscale.approveRoutes('hub', routes);

	assertCode(
		await stage.run([
			'remove',
			'cabin1',
			stage.clusterPath,
			'--yes',
			'--log-out',
		]),
		0,
	);
	assertSame('cabin1', await machineOf(cabin), before.get('cabin1'));
	assert.deepEqual(
		(await headscale.nodes()).map(({name}) => name),
		['hub'],
	);

	assertCode(
		await stage.run([
			'uninstall',
			stage.clusterPath,
			'--yes',
			'--kubeconfig',
			stage.kubeconfigPath,
		]),
		0,
	);
	const left = await headscale.node('hub');
	assert.deepEqual(left.availableRoutes, [own]);
	assert.deepEqual(left.approvedRoutes, [own]);
	const {stdout} = await hub.exec('tailscale status --json');
	assert.match(stdout, /"BackendState": "Running"/);
	const withoutTailscale = (text: string | undefined) =>
		(text ?? '')
			.split('\n')
			.filter((line) => !/tailscale|ts-|CONNMARK/.test(line))
			.join('\n');
	assertSame(
		'hub',
		withoutTailscale(await machineOf(hub)),
		withoutTailscale(before.get('hub')),
	);
});

test('a member of etcd leaves in good order, and an agent that is gone is taken out all the same', async (t) => {
	const stage = await stageFor(
		withBelongings('ha3', 'leaving-ha', ['rack1', 'rack2', 'rack3', 'edge1']),
	);
	t.after(stage.down);
	const {lab} = stage;
	const server = lab.node('rack1');
	const member = lab.node('rack3');
	const before = await machineOf(member);
	assertCode(await stage.apply(), 0);

	const removed = await stage.run([
		'remove',
		'rack3',
		stage.clusterPath,
		'--yes',
	]);
	assertCode(removed, 0);
	assert.match(removed.stderr, /2 servers stay, an even number/);
	assertSame('rack3', await machineOf(member), before);
	assert.deepEqual(await nodeNames(server), [
		'node/edge1',
		'node/rack1',
		'node/rack2',
	]);
	const secrets = await server.exec('k3s kubectl -n kube-system get secrets');
	assert.doesNotMatch(secrets.stdout, /rack3/);

	const edge = lab.node('edge1');
	await edge.exec(
		'systemctl stop k3s-agent; systemctl disable --now ssh.service ssh.socket',
	);
	const words = ['remove', 'edge1', stage.clusterPath, '--yes'];
	const refused = await stage.run(words);
	assertCode(refused, 3);
	assert.match(refused.stderr, /Nothing was changed on any node/);
	assert.match(refused.stderr, /--force takes edge1 out of the cluster/);
	const forced = await stage.run([...words, '--force']);
	assertCode(forced, 0);
	assert.match(forced.stderr, /edge1 is not reached: nothing is changed there/);
	assert.deepEqual(await nodeNames(server), ['node/rack1', 'node/rack2']);
	assert.doesNotMatch(
		readFileSync(stage.clusterPath, 'utf8'),
		/name: (?:edge1|rack3)\b/,
	);
	const {stdout} = await edge.exec('ls /var/lib/k3s-mesh');
	assert.match(stdout, /manifest\.json/);
});
