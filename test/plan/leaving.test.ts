import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {clusterSchema, type Cluster} from '../../source/cluster/schema.js';
import type {TailscaleFacts} from '../../source/facts/host-facts.js';
import {freshTailscale} from '../../source/host/simulated/tailnet.js';
import type {LeavingMachine} from '../../source/plan/leaving/machine-steps.js';
import type {
	ListedChanges,
	Remains,
} from '../../source/plan/leaving/remains.js';
import {buildRemoval} from '../../source/plan/leaving/removal.js';
import {renderLeavingText} from '../../source/plan/leaving/render.js';
import {buildUninstall} from '../../source/plan/leaving/uninstall.js';
import type {Plan, StepAction} from '../../source/plan/plan.js';
import {makeFacts} from './fixtures.js';

const clusterOf = (extra: object = {}, servers = 1): Cluster =>
	clusterSchema.parse({
		version: 1,
		name: 'home',
		nodes: ['one', 'two', 'three'].map((name, index) => ({
			name,
			role: index < servers ? 'server' : 'agent',
			ssh: `198.51.100.${index + 1}`,
			externalIp: `198.51.100.${index + 1}`,
		})),
		...extra,
	});

const listed: ListedChanges = {
	cluster: 'home',
	role: 'agent',
	files: ['/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml'],
	kept: [],
	firewall: undefined,
	installed: true,
	k3s: 'v1.36.3+k3s1',
	tailscale: undefined,
	tailnetLogin: false,
};

const machineOf = (
	cluster: Cluster,
	name: string,
	changes: {
		readonly listed?: Partial<ListedChanges>;
		readonly remains?: Partial<Remains>;
		readonly tailscale?: TailscaleFacts;
	} = {},
): LeavingMachine => {
	const node = cluster.nodes.find((one) => one.name === name)!;
	return {
		node,
		remains: {
			listed: {...listed, role: node.role, ...changes.listed},
			units: [node.role],
			uninstallers: [node.role],
			wasThereBefore: false,
			hasSetAside: false,
			otherServices: [],
			configFiles: ['/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml'],
			volumes: 0,
			datastore: undefined,
			hasFolder: true,
			...changes.remains,
		},
		facts: {
			...makeFacts(name, node.externalIp!),
			...(changes.tailscale && {tailscale: changes.tailscale}),
		},
	};
};

const inTailnet: TailscaleFacts = {
	...freshTailscale,
	state: 'Running',
	addresses: ['100.64.0.2'],
	advertisedRoutes: ['10.42.1.0/24', '192.168.7.0/24'],
	approvedRoutes: ['10.42.1.0/24', '192.168.7.0/24'],
};

const tailnet = (extra: object = {}): Cluster =>
	clusterOf({mesh: {kind: 'tailscale', ...extra}});

const uninstall = (
	cluster: Cluster,
	machines: readonly LeavingMachine[],
	options: {
		readonly logOut?: boolean;
		readonly unreached?: readonly string[];
	} = {},
) =>
	buildUninstall({
		cluster,
		firstServer: 'one',
		machines,
		unreached: [],
		logOut: false,
		version: '',
		...options,
	});

const actions = (plan: Plan): readonly StepAction[] =>
	plan.nodes.flatMap(({steps}) => steps.map(({action}) => action));

const find = <Kind extends StepAction['kind']>(
	plan: Plan,
	kind: Kind,
): Extract<StepAction, {readonly kind: Kind}> | undefined =>
	actions(plan).find(
		(action): action is Extract<StepAction, {readonly kind: Kind}> =>
			action.kind === kind,
	);

describe('a machine that is given back', () => {
	test('K3s stops first, our units go before its script, our list goes last', () => {
		const cluster = clusterOf();
		const {plan} = uninstall(cluster, [
			machineOf(cluster, 'two', {
				listed: {
					files: [...listed.files, '/var/lib/k3s-mesh/close.nft'],
					firewall: {
						kind: 'iptables',
						rules: [{why: 'x', add: ['a', 'b'], remove: ['c', 'd']}],
					},
				},
			}),
		]);
		assert.deepEqual(
			actions(plan).map(({kind}) => kind),
			[
				'stop-k3s',
				'take-back-firewall',
				'open-ports',
				'uninstall-k3s',
				'take-back-files',
				'forget',
			],
		);
		const {steps} = plan.nodes[0]!;
		for (const [index, step] of steps.entries()) {
			assert.deepEqual(step.needs, index === 0 ? [] : [steps[index - 1]!.id]);
		}
	});

	test('agents go first, then further servers, the first server last', () => {
		const cluster = clusterOf({}, 2);
		const {plan} = uninstall(
			cluster,
			cluster.nodes.map(({name}) => machineOf(cluster, name)),
		);
		assert.deepEqual(
			plan.nodes.map(({node}) => node),
			['three', 'two', 'one'],
		);
		assert.deepEqual(plan.nodes[1]!.steps[0]!.needs, ['three/clean/list']);
		assert.deepEqual(plan.nodes[2]!.steps[0]!.needs, [
			'three/clean/list',
			'two/clean/list',
		]);
	});

	const files = {
		files: ['/etc/rancher/k3s/a', '/etc/systemd/system/b'],
		kept: ['/etc/rancher/k3s/c', '/etc/systemd/system/d'],
	};
	for (const [what, isOurs, uninstalled, takenBack] of [
		[
			'a K3s that we installed',
			true,
			{ours: ['/etc/rancher/k3s/a'], kept: ['/etc/rancher/k3s/c']},
			{ours: ['/etc/systemd/system/b'], kept: ['/etc/systemd/system/d']},
		],
		[
			'a K3s that stays',
			false,
			undefined,
			{ours: files.files, kept: files.kept},
		],
	] as const) {
		test(`every file is taken back once: ${what}`, () => {
			const cluster = clusterOf();
			const {plan} = uninstall(cluster, [
				machineOf(cluster, 'two', {listed: {...files, installed: isOurs}}),
			]);
			const script = find(plan, 'uninstall-k3s');
			assert.deepEqual(
				script && {ours: script.ours, kept: script.kept},
				uninstalled,
			);
			const {ours, kept} = find(plan, 'take-back-files')!;
			assert.deepEqual({ours, kept}, takenBack);
		});
	}

	test('what is lost, and what stays of the owner, is said with names', () => {
		const cluster = clusterOf({datastore: {endpointFrom: 'env:DB'}});
		const leaving = uninstall(
			cluster,
			[
				machineOf(cluster, 'one', {remains: {datastore: 'sqlite'}}),
				machineOf(cluster, 'two', {
					remains: {
						volumes: 2,
						configFiles: [
							'/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml',
							'/etc/rancher/k3s/registries.yaml',
							'/etc/rancher/k3s/k3s.yaml',
						],
						otherServices: ['k3s-lab.service'],
					},
				}),
			],
			{unreached: ['three']},
		);
		const text = renderLeavingText(leaving).join('\n');
		for (const said of [
			/Deleted for good:\n {2}one: the cluster's datastore \(sqlite\).*\n {2}two: 2 local-path volumes/,
			/yours stays: \/etc\/rancher\/k3s\/registries\.yaml$/m,
			/external datastore is left as it is/,
			/two: k3s-lab\.service is another service of K3s/,
			/three is not reached: nothing is changed there\. It keeps K3s/,
		]) {
			assert.match(text, said);
		}
	});
});

describe('what is not touched', () => {
	for (const [what, changes, said] of [
		[
			'a K3s without a list of ours',
			{remains: {listed: undefined}},
			/two was not installed by this program/,
		],
		[
			'a machine of another cluster',
			{listed: {cluster: 'work'}},
			/two belongs to another cluster, "work"/,
		],
		[
			'a K3s that was there before',
			{remains: {wasThereBefore: true}},
			/There was a K3s on two before/,
		],
	] as const) {
		test(what, () => {
			const cluster = clusterOf();
			assert.throws(
				() => uninstall(cluster, [machineOf(cluster, 'two', changes)]),
				said,
			);
		});
	}

	test('a K3s that was there before and that its owner has taken away keeps nothing else', () => {
		const cluster = clusterOf();
		const {plan} = uninstall(cluster, [
			machineOf(cluster, 'two', {
				remains: {wasThereBefore: true, units: [], uninstallers: []},
			}),
		]);
		assert.equal(actions(plan).at(-1)?.kind, 'forget');
	});

	test('a machine without K3s and without anything of ours has no steps', () => {
		const cluster = clusterOf();
		const {plan, losses} = uninstall(cluster, [
			machineOf(cluster, 'two', {
				remains: {
					listed: undefined,
					units: [],
					uninstallers: [],
					hasFolder: false,
				},
			}),
		]);
		assert.deepEqual([actions(plan), losses], [[], []]);
	});
});

describe('on a tailnet', () => {
	test('only the routes of pods go, and their approval where there are credentials', () => {
		const cluster = tailnet({apiKeyFrom: 'env:API'});
		const {plan} = uninstall(cluster, [
			machineOf(cluster, 'two', {tailscale: inTailnet}),
		]);
		assert.deepEqual(find(plan, 'uninstall-k3s')!.podRoutes, ['10.42.1.0/24']);
		assert.deepEqual(find(plan, 'withdraw-routes'), {
			kind: 'withdraw-routes',
			addresses: ['100.64.0.2'],
			routes: ['10.42.1.0/24'],
		});
		const without = tailnet();
		const {plan: second, notes} = uninstall(without, [
			machineOf(without, 'two', {tailscale: inTailnet}),
		]);
		assert.equal(find(second, 'withdraw-routes'), undefined);
		assert.match(notes.join('\n'), /10\.42\.1\.0\/24 stays approved/);
	});

	for (const [login, installed, kinds, said] of [
		[true, 'archive', ['tailscale-logout', 'tailscale-uninstall'], undefined],
		[
			true,
			'script',
			['tailscale-logout'],
			/keeps Tailscale, which its own script installed/,
		],
		[true, undefined, ['tailscale-logout'], undefined],
		[false, undefined, [], /two stays in its tailnet: it was logged in before/],
	] as const) {
		test(`logging out: logged in by us ${login}, installed by us ${installed ?? 'no'}`, () => {
			const cluster = tailnet();
			const machine = machineOf(cluster, 'two', {
				tailscale: inTailnet,
				listed: {tailnetLogin: login, tailscale: installed},
			});
			const {plan, notes} = uninstall(cluster, [machine], {logOut: true});
			assert.deepEqual(
				actions(plan)
					.map(({kind}) => kind)
					.filter((kind) => kind.startsWith('tailscale')),
				kinds,
			);
			assert.match(notes.join('\n'), said ?? /^/);
			assert.equal(
				find(uninstall(cluster, [machine]).plan, 'tailscale-logout'),
				undefined,
			);
		});
	}

	test('a headscale without credentials keeps a machine in its list, which is said', () => {
		const cluster = tailnet({controlServer: 'https://headscale.example.org'});
		const {notes} = uninstall(
			cluster,
			[
				machineOf(cluster, 'two', {
					tailscale: inTailnet,
					listed: {tailnetLogin: true},
				}),
			],
			{logOut: true},
		);
		assert.match(
			notes.join('\n'),
			/two stays in the list of https:\/\/headscale\.example\.org, where it is to be deleted/,
		);
	});

	test('the way on which we are there is not cut', () => {
		const cluster = tailnet();
		const machine = machineOf(cluster, 'two', {
			tailscale: inTailnet,
			listed: {tailnetLogin: true},
		});
		const over: LeavingMachine = {
			...machine,
			facts: {
				...machine.facts,
				sshConnection: {
					clientAddress: '100.64.0.9',
					clientPort: 50_000,
					serverAddress: '100.64.0.2',
					serverPort: 22,
				},
			},
		};
		assert.throws(
			() => uninstall(cluster, [over], {logOut: true}),
			/SSH to two goes through the tailnet/,
		);
		assert.ok(uninstall(cluster, [over]).plan.nodes.length > 0);
	});

	test('a node that is not reached is told to its control server by what the cluster knows of it', () => {
		const cluster = tailnet({apiKeyFrom: 'env:API'});
		const {plan} = buildRemoval({
			cluster,
			node: cluster.nodes[2]!,
			firstServer: 'one',
			server: cluster.nodes[0]!,
			machine: undefined,
			others: [],
			object: {
				ready: false,
				internalIps: ['100.64.0.3'],
				externalIps: [],
				podCidrs: ['10.42.2.0/24'],
			},
			logOut: false,
			force: true,
			version: '',
		});
		assert.deepEqual(actions(plan), [
			{kind: 'delete-node', nodeName: 'three'},
			{
				kind: 'withdraw-routes',
				addresses: ['100.64.0.3'],
				routes: ['10.42.2.0/24'],
			},
		]);
	});
});
