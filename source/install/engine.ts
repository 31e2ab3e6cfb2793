import type {Cluster} from '../cluster/schema.js';
import type {Redactor} from '../host/redactor.js';
import type {ApplyResult} from '../operations/operations.js';
import type {MeshProof} from '../mesh/mesh.js';
import type {Plan, Step, StepAction} from '../plan/plan.js';
import type {LockHold} from './cluster-lock.js';
import type {InstallEvent} from './events.js';
import type {HostPool} from './host-pool.js';
import {makeNodeReader} from './node-reader.js';
import {proxyUrl} from './proxy-url.js';
import {makeReferences} from './references.js';
import {makeRunRecord} from './run-record.js';
import {readyNodes, tokenFile} from './run-summary.js';
import {
	endedWell,
	hopelessSteps,
	nextSteps,
	stepsOf,
	stepsToRetry,
} from './schedule.js';
import {makeStepPerformer} from './step-performer.js';
import type {TailnetAccess} from './tailnet-access.js';
import {makeVerification, type Verification} from './verification.js';

/** What a run needs of the outside. */
export type EngineOptions = {
	readonly cluster: Cluster;
	readonly plan: Plan;
	readonly hosts: HostPool;
	readonly redactor: Redactor;
	readonly proof: MeshProof;
	/** `undefined` when the mesh uses no tailnet. */
	readonly tailnet: TailnetAccess | undefined;
	/** ms since 1970. */
	readonly now: () => number;
	readonly randomText: (length: number) => string;
	readonly readSecret: (from: string) => Promise<string>;
	/** Stops at once: what is under way is cut. */
	readonly signal: AbortSignal;
	/** Stops in good order: what is under way ends, what only waits is cut, and nothing new is begun. */
	readonly ending: AbortSignal;
	/** Nodes worked on at once. */
	readonly concurrency: number;
	/** How long a node may wait for something outside of itself, in ms. */
	readonly waitLimitMs: number;
	/** Between two looks at something that is waited for, in ms. */
	readonly pollMs: number;
	readonly onEvent: (event: InstallEvent) => void;
};

/** A plan that is being worked off. */
export type Engine = {
	/**
	 * Works off all that can be done while the cluster's lock is held. Ends when nothing is left to do. Never rejects
	 * for a node's failure.
	 */
	run(hold: LockHold): Promise<ApplyResult>;
	/** Puts the failed and skipped steps of a node back; `run` does them. Returns whether there were any. */
	reset(node: string): boolean;
	/** Is `run` at work? Then it takes up steps that are put back by itself. */
	readonly running: boolean;
	/**
	 * Gives the run up for a reason that is not one node's, such as the lock of another run; with `undefined` because
	 * the person stopped it. Never throws.
	 */
	abandon(error: unknown): ApplyResult;
};

/** Steps that change nothing on a host: they wait, and look. */
const waitingKinds: ReadonlySet<StepAction['kind']> = new Set([
	'await-join',
	'await-ready',
	'await-routes',
	'verify',
]);

/** Why a step was not done, when the run was stopped. */
const stopped = 'stopped';

/** Makes the engine of one run of a plan. Tells `run-started` at once. */
export const makeEngine = (options: EngineOptions): Engine => {
	const {plan, cluster, hosts, redactor, signal, ending, now} = options;
	const emit = (event: InstallEvent): void => {
		options.onEvent(event);
	};

	const record = makeRunRecord({plan, redactor, now, emit});
	const {states} = record;
	let running = false;
	/** Why the run as a whole did not go on, when no person stopped it: the lock. */
	let abandoned = false;
	/** Cuts the steps of the run that is under way, and those of its steps that only wait. */
	let cut = signal;
	let waits = AbortSignal.any([signal, ending]);
	let wake: () => void = () => undefined;

	const firstServer = async () => hosts.get(plan.firstServer);
	const newNodeReader = () =>
		makeNodeReader({
			firstServer,
			freshMs: options.pollMs / 2,
			signal: waits,
		});
	let nodes = newNodeReader();
	const {datastore} = cluster;
	const {tailnet} = options;
	const references = makeReferences({
		firstServer,
		hostOf: async (node) => hosts.get(node),
		configPath: tokenFile(plan),
		redactor,
		randomText: options.randomText,
		readDatastoreEndpoint:
			datastore === 'embedded'
				? undefined
				: async () => options.readSecret(datastore.endpointFrom),
		tailnetKey: tailnet && (async (signal) => tailnet.joinKey(signal)),
		readProxy: async (scheme) => proxyUrl(cluster, scheme, options),
	});

	const newVerification = (): Verification =>
		makeVerification({
			proof: options.proof,
			metricsExpected: !cluster.k3s.disable.includes('metrics-server'),
			dnsExpected: !cluster.k3s.disable.includes('coredns'),
			participants: () => readyNodes(plan, states),
			nodes,
			firstServer,
			hostOf: async (node) => options.hosts.get(node),
			limitMs: options.waitLimitMs,
			pollMs: options.pollMs,
			signal: waits,
		});
	let verification = newVerification();
	/** Every verification of this run, so that none leaves pods behind. */
	const verifications: Verification[] = [];

	/** Steps that only wait or look leave nothing half done when they are cut. */
	const signalOf = ({action}: Step): AbortSignal =>
		waitingKinds.has(action.kind) ? waits : cut;

	const performer = makeStepPerformer({
		plan,
		hosts,
		references,
		tailnet,
		now,
		waitLimitMs: options.waitLimitMs,
		pollMs: options.pollMs,
	});

	const work = async (step: Step): Promise<void> => {
		record.set(step, 'running');
		const signal = signalOf(step);
		try {
			record.set(
				step,
				await performer.perform(step, {
					signal,
					waits,
					nodes,
					verification,
					tell: record.tellOf(step),
				}),
			);
		} catch (error) {
			if (!signal.aborted) {
				record.fail(step, error);
			} else if (waitingKinds.has(step.action.kind)) {
				record.set(step, 'skipped', stopped);
			} else {
				record.cutOff(step);
			}
		}
	};

	/** Takes the steps out that cannot be done any more, and all others when the run was stopped. */
	const skip = (): void => {
		if (waits.aborted) {
			for (const step of stepsOf(plan)) {
				if (states.get(step.id) === 'waiting') {
					record.set(step, 'skipped', stopped);
				}
			}

			return;
		}

		for (
			let hopeless = hopelessSteps(plan, states);
			hopeless.length > 0;
			hopeless = hopelessSteps(plan, states)
		) {
			for (const {step, because} of hopeless) {
				record.set(
					step,
					'skipped',
					`not tried: ${because.node === step.node ? '' : `${because.node}: `}${because.title} did not succeed`,
				);
			}
		}
	};

	/** Works off what can be begun while `mayBegin`; while it may not, what is under way goes on and the rest waits. */
	const workOff = async (mayBegin: () => boolean): Promise<void> => {
		let underWay = 0;
		const begin = async (step: Step): Promise<void> => {
			underWay += 1;
			try {
				await work(step);
			} finally {
				underWay -= 1;
				wake();
			}
		};

		/** The next time that a step ends or is put back. */
		const news = async () =>
			new Promise<void>((resolve) => {
				wake = resolve;
			});
		for (;;) {
			skip();
			const next = waits.aborted
				? []
				: nextSteps(plan, states, options.concurrency);
			const isHeldBack = next.length > 0 && !mayBegin();
			if (!isHeldBack) {
				for (const step of next) {
					void begin(step);
				}
			}

			if (underWay === 0 && !isHeldBack) {
				return;
			}

			await news();
		}
	};

	const finish = (): ApplyResult =>
		record.finish(!abandoned && (signal.aborted || ending.aborted));

	/** Says on the first server's row why the run as a whole does not go on. */
	const giveUp = (error: unknown): void => {
		const open = stepsOf(plan).filter(({id}) => !endedWell(states.get(id)));
		const step = open.find(({node}) => node === plan.firstServer) ?? open[0];
		if (step !== undefined) {
			abandoned = true;
			record.fail(step, error);
		}
	};

	/** Says which steps a stop still waits for. */
	const tellStopping = (): void => {
		const steps = stepsOf(plan).filter(
			({id, action}) =>
				states.get(id) === 'running' && !waitingKinds.has(action.kind),
		);
		emit({
			type: 'stopping',
			at: now(),
			steps: steps.map(({node, id, title}) => ({node, step: id, title})),
		});
	};

	emit({
		type: 'run-started',
		at: now(),
		runId: options.randomText(8),
		purpose: plan.purpose,
		cluster: cluster.name,
		version: plan.version,
		nodes: plan.nodes.map(({node, role, steps}) => ({
			name: node,
			role,
			steps: steps.map(({id, stage, title}) => ({id, stage, title})),
		})),
	});

	return {
		get running() {
			return running;
		},
		async run(hold) {
			running = true;
			abandoned = false;
			cut = AbortSignal.any([signal, hold.lost]);
			waits = AbortSignal.any([cut, ending]);
			nodes = newNodeReader();
			verification = newVerification();
			verifications.push(verification);
			const onCut = () => {
				wake();
			};

			hold.onChange = onCut;
			waits.addEventListener('abort', onCut);
			const onEnding = () => {
				tellStopping();
			};

			ending.addEventListener('abort', onEnding);
			try {
				await workOff(() => hold.isConfirmed());
			} finally {
				running = false;
				ending.removeEventListener('abort', onEnding);
			}

			await Promise.all(
				verifications.splice(0).map(async (one) => one.close()),
			);
			if (hold.lost.aborted) {
				giveUp(hold.lost.reason);
			}

			return finish();
		},
		abandon(error) {
			if (error !== undefined) {
				giveUp(error);
			}

			skip();
			return finish();
		},
		reset(node) {
			const again = stepsToRetry(plan, states, node);
			performer.forgive(node);
			for (const step of again) {
				record.set(step, 'waiting');
			}

			if (running && again.some(({action}) => action.kind === 'verify')) {
				verification = newVerification();
				verifications.push(verification);
			}

			wake();
			return again.length > 0;
		},
	};
};
