import type {Cluster} from '../cluster/schema.js';
import {HostLost} from '../host/errors.js';
import type {Redactor} from '../host/redactor.js';
import type {ApplyResult} from '../operations/operations.js';
import type {MeshProof} from '../mesh/mesh.js';
import type {Plan, Step, StepId} from '../plan/plan.js';
import type {InstallEvent, Proof, StepState} from './events.js';
import {failureText, type FailureText} from './failure.js';
import type {HostPool} from './host-pool.js';
import {makeManifestKeeper} from './manifest-keeper.js';
import {makeNodeReader} from './node-reader.js';
import {makeReferences} from './references.js';
import {endMessage, readyNodes, tokenFile} from './run-summary.js';
import {
	endedWell,
	hopelessSteps,
	nextSteps,
	stepsOf,
	stepsToRetry,
} from './schedule.js';
import {makeTell} from './step-tell.js';
import {performStep} from './steps/handlers.js';
import type {StepContext, StepOutcome} from './steps/step.js';
import {makeVerification, type Verification} from './verification.js';

/** What a run needs of the outside. */
export type EngineOptions = {
	readonly cluster: Cluster;
	readonly plan: Plan;
	readonly hosts: HostPool;
	readonly redactor: Redactor;
	readonly proof: MeshProof;
	/** ms since 1970. */
	readonly now: () => number;
	readonly randomText: (length: number) => string;
	readonly readSecret: (from: string) => Promise<string>;
	readonly signal: AbortSignal;
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
	/** Works off all that can be done. Ends when nothing is left to do. Never rejects for a node's failure. */
	run(): Promise<ApplyResult>;
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

/** How often a step is done again when only the connection was lost. */
const reconnects = 2;

/** Makes the engine of one run of a plan. Tells `run-started` at once. */
export const makeEngine = (options: EngineOptions): Engine => {
	const {plan, cluster, hosts, redactor, signal, now} = options;
	const states = new Map<StepId, StepState>(
		stepsOf(plan).map(({id}) => [id, 'waiting']),
	);
	const failures = new Map<StepId, FailureText & {readonly node: string}>();
	const journalSince = new Map<string, number>();
	const keepers = new Map(
		plan.nodes.map(({node, role}) => [
			node,
			makeManifestKeeper({cluster: cluster.name, name: node, role}),
		]),
	);
	let proofs: Proof[] = [];
	let changed = false;
	let running = false;
	let abandoned = false;
	let wake: () => void = () => undefined;

	const emit = (event: InstallEvent): void => {
		options.onEvent(event);
	};

	const firstServer = async () => hosts.get(plan.firstServer);
	const nodes = makeNodeReader({
		firstServer,
		freshMs: options.pollMs / 2,
		signal,
	});
	const {datastore} = cluster;
	const references = makeReferences({
		firstServer,
		configPath: tokenFile(plan),
		redactor,
		randomText: options.randomText,
		readDatastoreEndpoint:
			datastore === 'embedded'
				? undefined
				: async () => options.readSecret(datastore.endpointFrom),
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
			signal,
		});
	let verification = newVerification();
	/** Every verification of this run, so that none leaves pods behind. */
	const verifications = [verification];

	const setState = (
		step: Step,
		state: StepState,
		text?: Partial<FailureText>,
	): void => {
		states.set(step.id, state);
		emit({
			type: 'step',
			at: now(),
			node: step.node,
			step: step.id,
			stage: step.stage,
			state,
			...(text?.message !== undefined && {
				message: redactor.redact(text.message),
			}),
			...(text?.tryNext !== undefined && {
				tryNext: text.tryNext.map((line) => redactor.redact(line)),
			}),
		});
	};

	const tellOf = (step: Step): StepContext['tell'] =>
		makeTell(step, {
			emit,
			now,
			redact: (text) => redactor.redact(text),
			onProof(proof) {
				proofs = [
					...proofs.filter(
						({kind, from, to}) =>
							kind !== proof.kind || from !== proof.from || to !== proof.to,
					),
					proof,
				];
			},
		});

	const perform = async (step: Step): Promise<StepOutcome> => {
		const tell = tellOf(step);
		const {role} = plan.nodes.find(({node}) => node === step.node)!;
		const keeper = keepers.get(step.node)!;
		for (let attempt = 0; ; attempt += 1) {
			signal.throwIfAborted();
			const host = await hosts.get(step.node);
			const context: StepContext = {
				step,
				role,
				host,
				signal,
				waitLimitMs: options.waitLimitMs,
				pollMs: options.pollMs,
				now,
				references,
				nodes,
				verification,
				listInManifest: async (change) => keeper.add(host, change, signal),
				get journalSince() {
					return journalSince.get(step.node) ?? 0;
				},
				set journalSince(since) {
					journalSince.set(step.node, since);
				},
				tell,
			};
			try {
				return await performStep(step.action, context);
			} catch (error) {
				if (
					!(error instanceof HostLost) ||
					attempt === reconnects ||
					signal.aborted
				) {
					throw error;
				}

				tell.log(`${error.message} Connecting again.`);
			}
		}
	};

	const work = async (step: Step): Promise<void> => {
		failures.delete(step.id);
		setState(step, 'running');
		try {
			const outcome = await perform(step);
			changed ||= outcome === 'changed';
			setState(step, outcome);
		} catch (error) {
			if (signal.aborted) {
				setState(step, 'skipped', {message: 'stopped'});
				return;
			}

			const text = failureText(error, step.node);
			failures.set(step.id, {...text, node: step.node});
			tellOf(step).log(`${step.title}: ${text.message}`);
			setState(step, 'failed', text);
		}
	};

	/** Takes the steps out that cannot be done any more, and all others when the run was stopped. */
	const skip = (): void => {
		if (signal.aborted) {
			for (const step of stepsOf(plan)) {
				if (states.get(step.id) === 'waiting') {
					setState(step, 'skipped', {message: 'stopped'});
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
				setState(step, 'skipped', {
					message: `not tried: ${because.node === step.node ? '' : `${because.node}: `}${because.title} did not succeed`,
				});
			}
		}
	};

	const workOff = async (): Promise<void> => {
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
			const next = signal.aborted
				? []
				: nextSteps(plan, states, options.concurrency);
			for (const step of next) {
				void begin(step);
			}

			if (underWay === 0) {
				return;
			}

			await news();
		}
	};

	const result = (): ApplyResult => ({
		outcome:
			signal.aborted && !abandoned
				? 'stopped'
				: [...states.values()].every((state) => endedWell(state))
					? 'good'
					: 'failed',
		changed,
		proofs,
		failures: [...failures].map(([step, {node, message, tryNext}]) => ({
			node,
			step,
			message: redactor.redact(message),
			tryNext,
		})),
	});

	const finish = (): ApplyResult => {
		const ended = result();
		emit({
			type: 'run-ended',
			at: now(),
			outcome: ended.outcome,
			changed: ended.changed,
			message: endMessage(cluster.name, plan, ended),
		});
		return ended;
	};

	emit({
		type: 'run-started',
		at: now(),
		runId: options.randomText(8),
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
		async run() {
			running = true;
			try {
				await workOff();
			} finally {
				running = false;
			}

			await Promise.all(
				verifications.splice(0).map(async (one) => one.close()),
			);
			verifications.push(verification);
			return finish();
		},
		abandon(error) {
			const step = stepsOf(plan).find(
				({id, node}) => node === plan.firstServer && !endedWell(states.get(id)),
			);
			if (step && error !== undefined) {
				abandoned = true;
				const text = failureText(error, step.node);
				failures.set(step.id, {...text, node: step.node});
				setState(step, 'failed', text);
			}

			skip();
			return finish();
		},
		reset(node) {
			const again = stepsToRetry(plan, states, node);
			for (const step of again) {
				failures.delete(step.id);
				setState(step, 'waiting');
			}

			if (again.some(({action}) => action.kind === 'verify')) {
				verification = newVerification();
				verifications.push(verification);
			}

			wake();
			return again.length > 0;
		},
	};
};
