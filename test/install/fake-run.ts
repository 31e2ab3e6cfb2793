import {clusterSchema, type Cluster} from '../../source/cluster/schema.js';
import {makeRedactor} from '../../source/host/redactor.js';
import type {LockHold} from '../../source/install/cluster-lock.js';
import {makeEngine, type Engine} from '../../source/install/engine.js';
import type {InstallEvent, StepState} from '../../source/install/events.js';
import {makeHostPool} from '../../source/install/host-pool.js';
import type {ApplyResult} from '../../source/operations/operations.js';
import type {Plan, Step, StepAction} from '../../source/plan/plan.js';
import type {FakeCluster} from './fake-cluster.js';

/** A plan of one server and agents, with every kind of step. */
export const planOf = (names: readonly string[]): Plan => {
	const [first = ''] = names;
	return {
		purpose: 'apply',
		cluster: 'home',
		version: 'v1.36.3+k3s1',
		firstServer: first,
		estimateSeconds: 1,
		nodes: names.map((name, index) => {
			const role = index === 0 ? 'server' : 'agent';
			const steps: Step[] = [];
			const add = (
				stage: Step['stage'],
				action: StepAction,
				needs: readonly string[],
			) => {
				steps.push({
					id: `${name}/${stage}/${action.kind}`,
					node: name,
					stage,
					title: `${action.kind} on ${name}`,
					action,
					needs,
					expectation: 'change',
				});
			};

			add(
				'prepare',
				{
					kind: 'firewall',
					firewall: 'ufw',
					rules: [
						{
							why: 'WireGuard',
							add: ['ufw', 'allow', '51820'],
							remove: ['ufw', 'delete', 'allow', '51820'],
						},
					],
				},
				[],
			);
			add(
				'download',
				{
					kind: 'download',
					version: 'v1.36.3+k3s1',
					url: 'https://mirror.example/k3s',
					checksumUrl: 'https://mirror.example/sums',
					fileName: 'k3s',
				},
				[],
			);
			add(
				'configure',
				{
					kind: 'write-file',
					path: '/config',
					mode: 0o600,
					quoting: 'yaml',
					content:
						index === 0
							? [
									'token: ',
									{reference: 'server-token'},
									'\nagent-token: ',
									{reference: 'agent-token'},
									'\n',
								]
							: ['token: ', {reference: 'full-agent-token'}, '\n'],
				},
				[
					`${name}/prepare/firewall`,
					...(index === 0 ? [] : [`${first}/join/await-join`]),
				],
			);
			add(
				'configure',
				{
					kind: 'install',
					role,
					version: 'v1.36.3+k3s1',
					scriptUrl: 'https://mirror.example/install.sh',
				},
				[`${name}/configure/write-file`, `${name}/download/download`],
			);
			add(
				'start',
				{
					kind: 'start',
					role,
					configFiles: ['/config'],
					version: 'v1.36.3+k3s1',
				},
				[`${name}/configure/install`],
			);
			add(
				'join',
				{
					kind: 'await-join',
					role,
					joinUrl: index === 0 ? undefined : 'https://198.51.100.1:6443',
				},
				[`${name}/start/start`],
			);
			add(
				'ready',
				{
					kind: 'await-ready',
					nodeName: name,
					internalIp: undefined,
					externalIp: `198.51.100.${index + 1}`,
				},
				[`${name}/join/await-join`],
			);
			add(
				'verify',
				{kind: 'verify', nodeName: name},
				names.map((one) => `${one}/ready/await-ready`),
			);
			return {node: name, role, steps};
		}),
	};
};

export const clusterOf = (names: readonly string[]): Cluster =>
	clusterSchema.parse({
		version: 1,
		name: 'home',
		nodes: names.map((name, index) => ({
			name,
			role: index === 0 ? 'server' : 'agent',
			ssh: `root@198.51.100.${index + 1}`,
			externalIp: `198.51.100.${index + 1}`,
		})),
	});

/** An engine on fake machines, with everything that it told. */
export type FakeRun = {
	readonly engine: Pick<Engine, 'reset'> & {
		/** Runs while the lock is held. */
		run(): Promise<ApplyResult>;
	};
	/** Aborted, the lock is somebody else's. */
	readonly lost: AbortController;
	/** Can the lock be relied on? */
	readonly confirm: (confirmed: boolean) => void;
	/** The person wants the run to end in good order. */
	readonly ending: AbortController;
	readonly events: InstallEvent[];
	readonly stop: AbortController;
	/** The last state of every step, by its id. */
	states(): Map<string, StepState>;
	/** Resolves with the first event that fits, past ones included. */
	until(fits: (event: InstallEvent) => boolean): Promise<InstallEvent>;
};

let generated = 0;

export const startFakeRun = (
	fake: FakeCluster,
	changes: {
		readonly plan?: Plan;
		readonly concurrency?: number;
		readonly waitLimitMs?: number;
	} = {},
): FakeRun => {
	const names = [...fake.machines.keys()];
	const events: InstallEvent[] = [];
	const watchers = new Set<(event: InstallEvent) => void>();
	const stop = new AbortController();
	const ending = new AbortController();
	const lost = new AbortController();
	let confirmed = true;
	const hold: LockHold = {
		lost: lost.signal,
		isConfirmed: () => confirmed,
		onChange() {
			// The engine puts its own here.
		},
	};
	const engine = makeEngine({
		cluster: clusterOf(names),
		plan: changes.plan ?? planOf(names),
		hosts: makeHostPool(fake.source),
		redactor: makeRedactor(),
		proof: {
			interface: 'flannel-wg',
			port: 51_820,
			handshakes: true,
			answers: 'flannel',
			tailnet: 'none',
		},
		tailnet: undefined,
		now: () => 0,
		randomText(length) {
			generated += 1;
			return `secret${generated}`.padEnd(length, 'x');
		},
		readSecret: async () => 'never',
		signal: stop.signal,
		ending: ending.signal,
		concurrency: changes.concurrency ?? 16,
		waitLimitMs: changes.waitLimitMs ?? 10_000,
		pollMs: 1,
		onEvent(event) {
			events.push(event);
			for (const watcher of watchers) {
				watcher(event);
			}
		},
	});
	return {
		engine: {
			run: async () => engine.run(hold),
			reset: (node) => engine.reset(node),
		},
		lost,
		confirm(value) {
			confirmed = value;
			hold.onChange();
		},
		ending,
		events,
		stop,
		states: () =>
			new Map(
				events.flatMap((event) =>
					event.type === 'step' ? [[event.step, event.state] as const] : [],
				),
			),
		until: async (fits) =>
			new Promise((resolve) => {
				const past = events.find((event) => fits(event));
				if (past) {
					resolve(past);
					return;
				}

				const watcher = (event: InstallEvent) => {
					if (fits(event)) {
						watchers.delete(watcher);
						resolve(event);
					}
				};

				watchers.add(watcher);
			}),
	};
};
