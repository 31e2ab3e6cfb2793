import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {clusterSchema, type Cluster} from '../../source/cluster/schema.js';
import {leavingLineSchema} from '../../source/commands/json/leaving-schema.js';
import {UserError, exitCodes} from '../../source/errors.js';
import type {MachineSpec} from '../../source/host/simulated/machine.js';
import type {SimulatedWorld} from '../../source/host/simulated/world.js';
import type {InstallEvent} from '../../source/install/events.js';
import {startApply} from '../../source/operations/apply.js';
import {checkCluster} from '../../source/operations/check.js';
import {openFleet} from '../../source/operations/fleet.js';
import {
	makeRemovalPlan,
	makeUninstallPlan,
	startLeaving,
} from '../../source/operations/leaving.js';
import type {ApplyResult, Fleet} from '../../source/operations/operations.js';
import {makePlan} from '../../source/operations/plan.js';
import type {LeavingPlan} from '../../source/plan/leaving/leaving.js';
import {fastWorld, threeMachines} from '../host/simulated-support.js';

const {signal} = new AbortController();

const clusterOf = (names: readonly string[], servers = 1): Cluster =>
	clusterSchema.parse({
		version: 1,
		name: 'stage',
		nodes: names.map((name, index) => ({
			name,
			role: index < servers ? 'server' : 'agent',
			ssh: name,
			externalIp: `198.51.100.${index + 1}`,
		})),
	});

const ufw: Partial<MachineSpec> = {
	facts: {
		firewall: {kind: 'ufw', active: true, defaultDeny: true, summary: ''},
	},
};

/** What lies on each machine: its files, firewall rules and K3s. */
const belongings = ({machines}: SimulatedWorld) =>
	[...machines].map(([name, {files, rules, k3s}]) => [
		name,
		[...files].toSorted(([one], [other]) => (one < other ? -1 : 1)),
		rules.map(({add}) => add.join(' ')),
		k3s.binary,
		k3s.installed,
	]);

const contacted = async (
	world: SimulatedWorld,
	cluster: Cluster,
): Promise<Fleet> => {
	const fleet = openFleet({
		world,
		questions: {
			trustHostKey: async () => true,
			askSecret: async () => undefined,
		},
		signal,
	});
	await fleet.addAll(cluster.nodes);
	return fleet;
};

const install = async (
	world: SimulatedWorld,
	cluster: Cluster,
): Promise<void> => {
	const fleet = await contacted(world, cluster);
	const {measurements} = await checkCluster({
		cluster,
		fleet,
		ignore: [],
		signal,
		onEvent: () => undefined,
	});
	const plan = await makePlan({cluster, fleet, measurements, signal});
	const {outcome} = await startApply({
		cluster,
		plan,
		fleet,
		world,
		signal,
		onEvent: () => undefined,
	}).result;
	assert.equal(outcome, 'good');
	await fleet.close();
};

const run = async (
	world: SimulatedWorld,
	cluster: Cluster,
	fleet: Fleet,
	leaving: LeavingPlan,
	stop = signal,
): Promise<ApplyResult & {readonly events: readonly InstallEvent[]}> => {
	const events: InstallEvent[] = [];
	const result = await startLeaving({
		cluster,
		leaving,
		fleet,
		world,
		signal: stop,
		waitLimitMs: 5000,
		onEvent(event) {
			events.push(event);
		},
	}).result;
	return {...result, events};
};

const options = {force: false, logOut: false, signal};

const uninstall = async (
	world: SimulatedWorld,
	cluster: Cluster,
	extra: {readonly force?: boolean} = {},
) => {
	const fleet = await contacted(world, cluster);
	try {
		const leaving = await makeUninstallPlan({
			cluster,
			fleet,
			...options,
			...extra,
		});
		return {leaving, ...(await run(world, cluster, fleet, leaving))};
	} finally {
		await fleet.close();
	}
};

const remove = async (
	world: SimulatedWorld,
	cluster: Cluster,
	nodeName: string,
	extra: {readonly force?: boolean} = {},
) => {
	const fleet = await contacted(world, cluster);
	try {
		const leaving = await makeRemovalPlan({
			cluster,
			fleet,
			nodeName,
			...options,
			...extra,
		});
		return {leaving, ...(await run(world, cluster, fleet, leaving))};
	} finally {
		await fleet.close();
	}
};

describe('uninstall', () => {
	test('gives every machine back as it was, agents before servers, and then has nothing to do', async () => {
		const {world} = fastWorld(threeMachines({one: ufw, two: ufw, three: {}}));
		const cluster = clusterOf(['one', 'two', 'three'], 1);
		const own = {content: 'node-label: [mine]\n', mode: 0o640};
		world.machines.get('two')!.files.set('/etc/rancher/k3s/config.yaml', own);
		const before = belongings(world);
		await install(world, cluster);
		assert.notDeepEqual(belongings(world), before);

		const {leaving, outcome, changed, events} = await uninstall(world, cluster);
		assert.equal(outcome, 'good');
		assert.ok(changed);
		assert.deepEqual(belongings(world), before);
		assert.deepEqual(leaving.losses, [
			"one: the cluster's datastore (sqlite), with all that was ever created in it",
		]);
		const ends = events.flatMap((event) =>
			event.type === 'step' && event.state === 'changed' ? [event.node] : [],
		);
		assert.ok(ends.lastIndexOf('two') < ends.indexOf('one'));
		assert.ok(ends.lastIndexOf('three') < ends.indexOf('one'));
		for (const event of events) {
			assert.deepEqual(
				leavingLineSchema.safeParse(event).error?.issues,
				undefined,
			);
		}

		const again = await uninstall(world, cluster);
		assert.equal(again.outcome, 'good');
		assert.equal(again.changed, false);
		assert.match(
			again.events.findLast((event) => event.type === 'run-ended')!.message,
			/nothing of stage is left/,
		);
		assert.deepEqual(again.leaving.losses, []);
	});

	test('a run that is stopped anywhere is finished by the next one', async () => {
		for (let stopAt = 1; ; stopAt += 1) {
			const {world} = fastWorld(threeMachines({one: ufw, two: ufw}));
			const cluster = clusterOf(['one', 'two']);
			const before = belongings(world);
			await install(world, cluster);
			const fleet = await contacted(world, cluster);
			const leaving = await makeUninstallPlan({cluster, fleet, ...options});
			const stop = new AbortController();
			let steps = 0;
			const {result} = startLeaving({
				cluster,
				leaving,
				fleet,
				world,
				signal: stop.signal,
				onEvent(event) {
					if (event.type === 'step' && event.state === 'running') {
						steps += 1;
						if (steps === stopAt) {
							stop.abort(new Error('cut'));
						}
					}
				},
			});
			const {outcome} = await result;
			await fleet.close();
			if (outcome === 'good') {
				assert.ok(stopAt > 5);
				return;
			}

			assert.equal(outcome, 'stopped');
			const again = await uninstall(world, cluster);
			assert.equal(again.outcome, 'good', `stopped at step ${stopAt}`);
			assert.deepEqual(belongings(world), before, `stopped at step ${stopAt}`);
		}
	});

	test('a K3s that is not ours is not touched, and nothing else is', async () => {
		const {world} = fastWorld(threeMachines());
		const cluster = clusterOf(['one', 'two']);
		await install(world, cluster);
		const {files} = world.machines.get('two')!;
		files.delete('/var/lib/k3s-mesh/manifest.json');
		const before = belongings(world);
		await assert.rejects(uninstall(world, cluster), (error) => {
			assert.ok(error instanceof UserError);
			assert.match(error.message, /two was not installed by this program/);
			assert.match(error.message, /Nothing was changed/);
			return true;
		});
		assert.deepEqual(belongings(world), before);
	});

	test('a machine of another cluster is not touched', async () => {
		const {world} = fastWorld(threeMachines());
		await install(world, clusterOf(['one', 'two']));
		await assert.rejects(
			uninstall(world, {...clusterOf(['one', 'two']), name: 'other'}),
			/one belongs to another cluster, "stage"/,
		);
	});

	test('without a machine that is not reached it goes on only when that is meant', async () => {
		const {world} = fastWorld(threeMachines());
		const cluster = clusterOf(['one', 'two']);
		await install(world, cluster);
		const away: Cluster = {
			...cluster,
			nodes: cluster.nodes.map((node) =>
				node.name === 'two' ? {...node, ssh: {host: 'nowhere'}} : node,
			),
		};
		await assert.rejects(uninstall(world, away), (error) => {
			assert.ok(error instanceof UserError);
			assert.equal(error.exitCode, exitCodes.unreachable);
			assert.match(error.tryNext.join(' '), /--force/);
			return true;
		});
		const {leaving, outcome} = await uninstall(world, away, {force: true});
		assert.equal(outcome, 'good');
		assert.deepEqual(leaving.unreached, ['two']);
		assert.match(leaving.notes.join('\n'), /two is not reached: .*K3s/);
		assert.equal(world.machines.get('one')!.k3s.installed, undefined);
		assert.notEqual(world.machines.get('two')!.k3s.installed, undefined);
	});
});

describe('remove', () => {
	test('one agent leaves: its machine is as it was, and the others no longer let it in', async () => {
		const {world} = fastWorld(threeMachines({one: ufw, two: ufw, three: ufw}));
		const cluster = clusterOf(['one', 'two', 'three']);
		const untouched = belongings(world)[2];
		await install(world, cluster);
		const {outcome, changed} = await remove(world, cluster, 'three');
		assert.equal(outcome, 'good');
		assert.ok(changed);
		assert.deepEqual(belongings(world)[2], untouched);
		const one = world.machines.get('one')!;
		assert.deepEqual([...one.k3s.cluster!.nodes.keys()], ['one', 'two']);
		for (const name of ['one', 'two']) {
			const {rules, files} = world.machines.get(name)!;
			assert.ok(rules.length > 0);
			assert.ok(!JSON.stringify(rules).includes('198.51.100.3'), name);
			assert.ok(
				!files
					.get('/var/lib/k3s-mesh/manifest.json')!
					.content.includes('198.51.100.3"'),
				name,
			);
		}

		const again = await remove(world, cluster, 'three');
		assert.equal(again.outcome, 'good');
		assert.equal(again.changed, false);
	});

	test('what the others join, and the only server, stay', async () => {
		const {world} = fastWorld(threeMachines());
		const cluster = clusterOf(['one', 'two']);
		await install(world, cluster);
		await assert.rejects(remove(world, cluster, 'one'), (error) => {
			assert.ok(error instanceof UserError);
			assert.match(error.message, /one is the only server/);
			assert.match(error.tryNext.join(' '), /uninstall/);
			return true;
		});
		await assert.rejects(
			remove(world, clusterOf(['one', 'two', 'three'], 2), 'one'),
			/the server that the other nodes join/,
		);
		await assert.rejects(remove(world, cluster, 'four'), /no node "four"/);
	});

	test('a member of etcd leaves while it runs, and does not start again', async () => {
		const {world} = fastWorld(threeMachines());
		const cluster = clusterOf(['one', 'two', 'three'], 3);
		await install(world, cluster);
		const {outcome, events, leaving} = await remove(world, cluster, 'three');
		assert.equal(outcome, 'good');
		const ended = events.flatMap((event) =>
			event.type === 'step' &&
			event.state !== 'running' &&
			event.state !== 'waiting'
				? [event.step]
				: [],
		);
		assert.deepEqual(ended.slice(0, 4), [
			'one/drain/three',
			'three/leave/no-restart',
			'one/leave/three',
			'three/uninstall/stop-k3s',
		]);
		assert.match(leaving.notes.join('\n'), /2 servers stay, an even number/);
		assert.deepEqual(leaving.losses, []);
	});

	test('a node that is not reached is taken out, and what is left on it is said', async () => {
		const {world} = fastWorld(threeMachines());
		const cluster = clusterOf(['one', 'two', 'three']);
		await install(world, cluster);
		const away: Cluster = {
			...cluster,
			nodes: cluster.nodes.map((node) =>
				node.name === 'three' ? {...node, ssh: {host: 'nowhere'}} : node,
			),
		};
		await assert.rejects(remove(world, away, 'three'), /Nothing was changed/);
		const {outcome, leaving} = await remove(world, away, 'three', {
			force: true,
		});
		assert.equal(outcome, 'good');
		assert.match(leaving.notes.join('\n'), /three is not reached/);
		assert.deepEqual(
			[...world.machines.get('one')!.k3s.cluster!.nodes.keys()],
			['one', 'two'],
		);
	});
});
