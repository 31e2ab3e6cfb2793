import {serversOf} from '../cluster/sites.js';
import {withDeadline} from '../deadline.js';
import type {LockHolder} from '../host/scripts/lock.js';
import {
	ClusterLocked,
	withClusterLock,
	type LockHold,
} from '../install/cluster-lock.js';
import {makeEngine} from '../install/engine.js';
import {makeHostPool} from '../install/host-pool.js';
import {isRunGone, runOwner} from '../install/run-owner.js';
import {meshOf} from '../mesh/catalogue.js';
import {hostsOf} from './host-source.js';
import type {ApplyResult, StartApply} from './operations.js';
import {makeTailnetAccess} from './tailnet-access.js';

/** Nodes worked on at once, when nothing else is said. */
const defaultConcurrency = 16;

/** How long a node may wait to join or to become ready, in ms, when nothing else is said. */
const defaultWaitLimitMs = 180_000;

/** How long the key that a run made may take to be revoked, in ms: it ends by itself within the hour. */
const revokeLimitMs = 10_000;

const never = new AbortController().signal;

/** The hold of a run without a server on which another run could be at work. */
const freeHold: LockHold = {
	lost: never,
	isConfirmed: () => true,
	onChange() {
		// Nothing ever changes.
	},
};

/** Between two looks at something that is waited for, in ms. The demo's machines answer at once. */
const pollMs = {real: 2000, demo: 250};

/** Runs a plan. Failures of one node never stop the others. */
export const startApply: StartApply = (options) => {
	const {cluster, plan, world, signal} = options;
	const ending = options.ending ?? signal;
	const hosts = makeHostPool(hostsOf(cluster, options.fleet));
	const self = runOwner(world.randomText);
	const pause = world.demo ? pollMs.demo : pollMs.real;
	const lockOn =
		options.lockOn ?? serversOf(cluster.nodes).map(({name}) => name);
	const waitLimitMs = options.waitLimitMs ?? defaultWaitLimitMs;
	const tailnet = makeTailnetAccess({
		cluster,
		world,
		askSecret: options.askSecret ?? (async () => undefined),
	});
	const engine = makeEngine({
		cluster,
		plan,
		hosts,
		redactor: world.redactor,
		proof: meshOf(cluster).proof,
		tailnet,
		now: world.now,
		randomText: world.randomText,
		readSecret: world.readSecret,
		signal,
		ending,
		concurrency: options.concurrency ?? defaultConcurrency,
		waitLimitMs,
		pollMs: pause,
		onEvent: options.onEvent,
	});

	/** Has the engine begun with what `current` stands for? Before that it takes up everything by itself. */
	let begun = false;
	/** Who kept the last run from beginning, and whose lock a person has decided to break. */
	let lockedBy: LockHolder | undefined;
	let toBreak: string | undefined;
	const isStopped = (): boolean => signal.aborted || ending.aborted;
	const run = async (): Promise<ApplyResult> => {
		begun = false;
		lockedBy = undefined;
		try {
			const work = async (hold: LockHold) => {
				begun = true;
				return engine.run(hold);
			};

			if (lockOn.length === 0) {
				return await work(freeHold);
			}

			return await withClusterLock(
				{
					servers: lockOn,
					hostOf: async (server) => hosts.get(server),
					self,
					isGone: isRunGone,
					mayBreak:
						toBreak === undefined
							? options.mayBreakLock
							: async ({runId}) => runId === toBreak,
					signal: AbortSignal.any([signal, ending]),
					atOnce: signal,
					now: world.now,
					pollMs: pause,
					limitMs: waitLimitMs,
					onWaiting(text) {
						options.onEvent({
							type: 'now',
							at: world.now(),
							node: plan.firstServer,
							text,
							waiting: true,
						});
					},
				},
				work,
			);
		} catch (error) {
			begun = true;
			lockedBy = error instanceof ClusterLocked ? error.holder : undefined;
			return {
				...engine.abandon(isStopped() ? undefined : error),
				...(lockedBy && {lockedBy}),
			};
		} finally {
			await tailnet?.close(withDeadline(never, revokeLimitMs));
		}
	};

	let current = run();
	const runAgain = async (node: string): Promise<ApplyResult> => {
		engine.reset(node);
		if (begun && !engine.running) {
			begun = false;
			current = current.then(run);
		}

		return current;
	};

	return {
		get result() {
			return current;
		},
		retry: runAgain,
		async breakLock() {
			toBreak = lockedBy?.runId;
			return runAgain(plan.firstServer);
		},
	};
};
