import assert from 'node:assert/strict';
import {once} from 'node:events';
import process from 'node:process';
import {createInterface} from 'node:readline';
import test from 'node:test';
import {stages} from '../../source/plan/plan.js';
import {
	assertCode,
	fingerprint,
	kubectl,
	program,
	stageFor,
	type Stage,
} from './support.js';
import type {Topology} from './topology.js';
import {topologies} from './index.js';

type Event = {
	readonly type: string;
	readonly stage?: string;
	readonly state?: string;
};

/** Starts an apply and kills the program, by SIGKILL, as soon as any node is in the stage. */
const killIn = async (stage: Stage, where: string): Promise<boolean> => {
	const child = stage.lab.client.spawn(
		[
			process.execPath,
			program,
			'apply',
			stage.clusterPath,
			'--yes',
			'--progress',
			'json',
			'--kubeconfig',
			stage.kubeconfigPath,
		],
		{env: stage.env, stdio: ['ignore', 'pipe', 'ignore']},
	);
	let killed = false;
	for await (const line of createInterface({input: child.stdout!})) {
		const event = JSON.parse(line) as Event;
		const reached =
			where === 'reach'
				? // All nodes are connected, and no step has begun.
					event.type === 'run-started'
				: event.type === 'step' &&
					event.stage === where &&
					event.state === 'running';
		if (!killed && reached) {
			killed = true;
			child.kill('SIGKILL');
		}
	}

	if (child.exitCode === null && child.signalCode === null) {
		await once(child, 'exit');
	}

	return killed;
};

/** No two runs of K3s's installer overlapped on a node, by the record that the double keeps. */
const assertOneInstallerAtATime = async (stage: Stage): Promise<void> => {
	for (const node of stage.lab.nodes) {
		const {stdout} = await node.exec(
			'cat /var/log/k3s-double-install.log 2>/dev/null || true',
		);
		assert.match(stdout, /^start /m, `${node.name}: no installer ran`);
		assert.doesNotMatch(stdout, /^refused /m, `${node.name}: ${stdout}`);
	}
};

/** `lan3` with a firewall on one host, so that there is something to prepare; it lets K3s's ports pass already. */
const withFirewall = (): Topology => {
	const lan3 = topologies.find(({name}) => name === 'lan3')!;
	const [server, agent, ...others] = lan3.hosts;
	return {
		...lan3,
		hosts: [
			server!,
			{
				...agent!,
				setup: `
ufw default deny incoming
for port in 22/tcp 6443/tcp 10250/tcp 51820/udp; do ufw allow $port; done
ufw --force enable
`,
			},
			...others,
		],
	};
};

test('an apply that is killed in any stage is finished by the next one', async (t) => {
	const stage = await stageFor(withFirewall(), {name: 'killed'});
	t.after(stage.down);
	const killedIn: string[] = [];
	for (const where of stages) {
		if (await killIn(stage, where)) {
			killedIn.push(where);
		}
	}

	assertCode(await stage.apply(), 0);
	assertCode(await kubectl(stage, 'get', 'nodes'), 0);
	await assertOneInstallerAtATime(stage);
	assert.deepEqual(killedIn, [...stages], 'a stage was never seen running');

	const before = await Promise.all(
		stage.lab.nodes.map(async ({name}) => fingerprint(stage, name)),
	);
	assertCode(await stage.apply(), 0);
	assert.deepEqual(
		await Promise.all(
			stage.lab.nodes.map(async ({name}) => fingerprint(stage, name)),
		),
		before,
	);
});

test('an agent that waits for a wrong server address says so within 20 s, and the run ends by its deadline', async (t) => {
	const stage = await stageFor('lan3', {name: 'waits'});
	t.after(stage.down);
	// An address of the same network that no machine has.
	stage.writeCluster({apiEndpoint: '198.51.100.250'});

	const child = stage.lab.client.spawn(
		[
			process.execPath,
			program,
			'apply',
			stage.clusterPath,
			'--yes',
			'--progress',
			'json',
			'--wait-limit',
			'40',
			'--ignore',
			'path.blocked',
			'--kubeconfig',
			stage.kubeconfigPath,
		],
		{env: stage.env, stdio: ['ignore', 'pipe', 'pipe']},
	);
	let joiningSince: number | undefined;
	let saidAfter: number | undefined;
	for await (const line of createInterface({input: child.stdout!})) {
		const event = JSON.parse(line) as {
			type: string;
			at: number;
			stage?: string;
			state?: string;
			node?: string;
			text?: string;
			waiting?: boolean;
		};
		const isAgent = stage.lab.nodes.some(
			({name, role}) => name === event.node && role === 'agent',
		);
		if (isAgent && event.type === 'step' && event.stage === 'join') {
			joiningSince ??= event.at;
		}

		if (
			isAgent &&
			event.type === 'now' &&
			event.waiting &&
			(event.text ?? '').includes('198.51.100.250:6443')
		) {
			saidAfter ??= event.at - joiningSince!;
		}
	}

	if (child.exitCode === null) {
		await once(child, 'exit');
	}

	assert.equal(child.exitCode, 1);
	assert.ok(saidAfter !== undefined && saidAfter <= 20_000, `${saidAfter} ms`);

	stage.writeCluster();
	assertCode(await stage.apply(), 0);
	assertCode(await kubectl(stage, 'get', 'nodes'), 0);
});
