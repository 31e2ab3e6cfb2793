import assert from 'node:assert/strict';
import {mkdtempSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {conclude} from '../../source/checks/conclusions/conclude.js';
import {checkAll, judge} from '../../source/checks/check.js';
import {
	noMeasurements,
	type Measurements,
} from '../../source/facts/measurements.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {makeRedactor} from '../../source/host/redactor.js';
import type {Host} from '../../source/host/host.js';
import {makeMachineFacts} from '../../source/host/simulated/machine-facts.js';
import type {InstallEvent} from '../../source/install/events.js';
import type {
	ApplyResult,
	Fleet,
	NodeContact,
	OpenFleet,
	World,
} from '../../source/operations/operations.js';
import {buildPlan} from '../../source/plan/build.js';
import type {Plan} from '../../source/plan/plan.js';
import {openStore, type Store} from '../../source/store/store.js';
import {runApp, type AppEnd, type RunAppOptions} from '../../source/ui/app.js';
import {comparePolicy} from '../../source/operations/policy.js';
import {saveFile} from '../../source/operations/save-file.js';
import type {UiOperations} from '../../source/ui/operations.js';
import {makeTestTerminal, type TestTerminal} from './terminal.js';

/** What the machine behind a login does when it is contacted. */
export type FakeMachine =
	| {
			readonly facts: HostFacts;
			readonly rttMs?: number;
	  }
	| {readonly failure: string; readonly tryNext?: readonly string[]}
	/** Asks about its host key first. */
	| {
			readonly fingerprint: string;
			/** Asks only then. */
			readonly after?: Promise<void>;
			readonly facts: HostFacts;
	  }
	/** Asks for the password of its account, until it is right or nobody answers. */
	| {
			readonly password: string;
			/** Asks only then. */
			readonly after?: Promise<void>;
			readonly facts: HostFacts;
	  }
	/** Never answers. */
	| 'silent';

/** What a Debian with this public address says about itself. */
export const known = (
	hostname: string,
	external: string,
	facts: Partial<HostFacts> = {},
): HostFacts =>
	makeMachineFacts({
		hostname,
		machineId: hostname,
		addresses: [
			{device: 'eth0', address: external, prefix: 24, family: 4, mtu: 1500},
		],
		...facts,
	});

/** A machine that answers at once. */
export const machine = (
	...told: Parameters<typeof known>
): {readonly facts: HostFacts} => ({facts: known(...told)});

/** An install that a test steers. */
export type FakeInstall = {
	readonly emit: (event: InstallEvent) => void;
	readonly end: (result: ApplyResult) => void;
	readonly retried: readonly string[];
	readonly signal: AbortSignal;
	readonly ending: AbortSignal;
	readonly plan: Plan;
};

export type Rig = {
	readonly terminal: TestTerminal;
	readonly store: Store;
	readonly ended: Promise<AppEnd>;
	readonly installs: readonly FakeInstall[];
	readonly logged: readonly InstallEvent[];
	readonly stop: AbortController;
	/** Waits until a cluster's file matches. */
	readonly waitForFile: (name: string, pattern: RegExp) => Promise<void>;
	/** Ends the program if it has not ended, and removes its files. */
	readonly dispose: () => Promise<void>;
};

const makeFleet =
	(machines: Readonly<Record<string, FakeMachine>>): OpenFleet =>
	({questions, world}): Fleet => {
		const contacts = new Map<string, NodeContact>();
		const listeners = new Set<() => void>();
		const set = (name: string, contact: NodeContact): NodeContact => {
			contacts.set(name, contact);
			for (const listener of listeners) {
				listener();
			}

			return contact;
		};

		const fleet: Fleet = {
			secrets: world,
			askSecret: async (question) => questions.askSecret(question),
			contact: (name) => contacts.get(name),
			async add(node) {
				const known = machines[node.ssh.host] ?? {
					failure: `The name ${node.ssh.host} is not known.`,
					tryNext: ['Check the spelling.'],
				};
				set(node.name, {state: 'connecting'});
				if (known === 'silent') {
					return new Promise(() => {
						// Nothing ever comes.
					});
				}

				if ('failure' in known) {
					return set(node.name, {
						state: 'failed',
						message: known.failure,
						tryNext: known.tryNext ?? [],
						unreachable: true,
					});
				}

				if ('after' in known) {
					await known.after;
				}

				if (
					'fingerprint' in known &&
					!(await questions.trustHostKey({
						host: node.ssh.host,
						port: node.ssh.port ?? 22,
						algorithm: 'ssh-ed25519',
						fingerprint: known.fingerprint,
					}))
				) {
					return set(node.name, {
						state: 'failed',
						message: 'Its host key was not accepted.',
						tryNext: [],
						unreachable: true,
					});
				}

				const password = 'password' in known ? known.password : undefined;
				let given: string | undefined;
				for (let attempt = 1; given !== password; attempt += 1) {
					given = await questions.askSecret({
						kind: 'login-password',
						user: 'me',
						host: node.ssh.host,
						port: 22,
						attempt,
					});
					if (given === undefined) {
						return set(node.name, {
							state: 'failed',
							message: 'Nobody gave its password.',
							tryNext: [],
							unreachable: true,
						});
					}
				}

				const host = {
					name: node.name,
					address: node.ssh.host,
					rttMs: 12,
				} as unknown as Host;
				set(node.name, {state: 'asking', host});
				return set(node.name, {state: 'ready', host, facts: known.facts});
			},
			async addAll(nodes) {
				await Promise.all(nodes.map(async (node) => fleet.add(node)));
			},
			async remove(name) {
				contacts.delete(name);
				for (const listener of listeners) {
					listener();
				}
			},
			hosts: () =>
				new Map(
					[...contacts].flatMap(([name, contact]) =>
						contact.state === 'ready' ? [[name, contact.host]] : [],
					),
				),
			facts: () =>
				new Map(
					[...contacts].flatMap(([name, contact]) =>
						contact.state === 'ready' ? [[name, contact.facts]] : [],
					),
				),
			subscribe(listener) {
				listeners.add(listener);
				return () => {
					listeners.delete(listener);
				};
			},
			async close() {
				contacts.clear();
			},
		};
		return fleet;
	};

const fakeWorld: World = {
	connect() {
		throw new Error('the fake fleet connects nobody');
	},
	now: () => Date.now(),
	randomText: (length) => 'x'.repeat(length),
	redactor: makeRedactor(),
	demo: false,
	async readSecret() {
		throw new Error('no secret');
	},
	environmentAnswer: async () => undefined,
	findRelays: async () => [],
	async openControlPlane() {
		throw new Error('no control server');
	},
	canReach: async () => true,
};

/** Starts the program in a test terminal, on machines and measurements that the test gives. */
export const startRig = (options: {
	readonly machines?: Readonly<Record<string, FakeMachine>>;
	readonly measurements?: (nodes: readonly string[]) => Measurements;
	readonly size?: readonly [columns: number, rows: number];
	readonly initial?: RunAppOptions['initial'];
	readonly environment?: Readonly<Record<string, string>>;
	readonly prepare?: (store: Store) => Promise<void>;
	readonly operations?: Partial<UiOperations>;
	readonly openDemo?: RunAppOptions['openDemo'];
	readonly notes?: RunAppOptions['notes'];
}): Rig => {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'ui-'));
	const store: Store = {
		...openStore(folder),
		kubeconfigPath: path.join(folder, 'kubeconfig'),
		runLogPath: (cluster) => path.join(folder, `${cluster}.jsonl`),
	};
	const machines = options.machines ?? {};
	const installs: FakeInstall[] = [];
	const logged: InstallEvent[] = [];
	const operations: UiOperations = {
		openFleet: makeFleet(machines),
		async checkCluster({cluster, fleet, onEvent}) {
			const measurements =
				options.measurements?.(cluster.nodes.map(({name}) => name)) ??
				noMeasurements;
			onEvent({type: 'planned', cells: measurements.cells.length});
			for (const cell of measurements.cells) {
				onEvent({type: 'cell', cell});
			}

			return {
				cluster,
				measurements,
				findings: judge(
					checkAll({cluster, facts: fleet.facts(), measurements}),
					[],
				),
				conclusions: conclude({cluster, facts: fleet.facts(), measurements}),
				failed: new Map(),
			};
		},
		proposeFixes: () => [],
		applyFixes: async () => new Map(),
		makePlan: async ({cluster, fleet, measurements}) =>
			buildPlan({
				cluster,
				facts: fleet.facts(),
				measurements,
				version: 'v1.36.3+k3s1',
			}),
		startApply({plan, onEvent, signal, ending = signal}) {
			let end: (result: ApplyResult) => void = () => undefined;
			const result = new Promise<ApplyResult>((resolve) => {
				end = resolve;
			});
			signal.addEventListener('abort', () => {
				end({outcome: 'stopped', changed: true, proofs: [], failures: []});
			});
			const retried: string[] = [];
			const known = {emit: onEvent, end, retried, signal, ending, plan};
			installs.push(known);
			return {
				result,
				async retry(node) {
					retried.push(node);
					return new Promise((resolve) => {
						installs.push({...known, end: resolve});
					});
				},
				async breakLock() {
					retried.push('break lock');
					return new Promise((resolve) => {
						installs.push({...known, end: resolve});
					});
				},
			};
		},
		comparePolicy,
		saveFile,
		fetchKubeconfig: async ({cluster}) => ({
			context: cluster.name,
			path: '/home/me/.kube/config',
			backup: undefined,
			server: 'https://198.51.100.11:6443',
			note: 'This machine reaches it.',
		}),
		findings: (cluster, facts) =>
			checkAll({cluster, facts, measurements: noMeasurements}),
		sshAliases: async () => [],
		async openRunLog({path: file}) {
			return {
				path: file,
				write(event) {
					logged.push(event);
				},
				async close() {
					// Nothing to do.
				},
			};
		},
		...options.operations,
	};
	const [columns, rows] = options.size ?? [80, 24];
	const terminal = makeTestTerminal(columns, rows);
	const stop = new AbortController();
	const cut = new AbortController();
	const ended = (async () => {
		await options.prepare?.(store);
		return runApp({
			world: fakeWorld,
			store,
			operations,
			initial: options.initial ?? {kind: 'home'},
			signal: stop.signal,
			atOnce: cut.signal,
			stdout: terminal.stdout,
			stdin: terminal.stdin,
			environment: options.environment ?? {},
			reactionMs: 0,
			...(options.openDemo === undefined ? {} : {openDemo: options.openDemo}),
			...(options.notes === undefined ? {} : {notes: options.notes}),
		});
	})();
	return {
		terminal,
		store,
		ended,
		installs,
		logged,
		stop,
		async waitForFile(name, pattern) {
			const limit = AbortSignal.timeout(10_000);
			let text: string | undefined;
			do {
				await setImmediate();
				text = await store.files.read(name);
			} while (!pattern.test(text ?? '') && !limit.aborted);

			assert.match(text ?? '', pattern);
		},
		async dispose() {
			stop.abort();
			cut.abort();
			await ended.catch(() => undefined);
			await rm(folder, {recursive: true, force: true});
		},
	};
};
