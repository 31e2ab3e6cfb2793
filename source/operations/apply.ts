import {withClusterLock} from '../install/cluster-lock.js';
import {makeEngine} from '../install/engine.js';
import {makeHostPool} from '../install/host-pool.js';
import {isRunGone, runOwner} from '../install/run-owner.js';
import {meshOf} from '../mesh/catalogue.js';
import {hostsOf} from './host-source.js';
import type {ApplyResult, StartApply} from './operations.js';

/** Nodes worked on at once, when nothing else is said. */
const defaultConcurrency = 16;

/** How long a node may wait to join or to become ready, in ms, when nothing else is said. */
const defaultWaitLimitMs = 180_000;

/** Between two looks at something that is waited for, in ms. The demo's machines answer at once. */
const pollMs = {real: 2000, demo: 250};

/** Runs a plan. Failures of one node never stop the others. */
export const startApply: StartApply = (options) => {
	const {cluster, plan, world, signal} = options;
	const hosts = makeHostPool(hostsOf(cluster, options.fleet));
	const self = runOwner(world.randomText);
	const pause = world.demo ? pollMs.demo : pollMs.real;
	/** The lock's signal of the run that is under way; aborted when another run took it over. */
	const lockLost = new AbortController();
	const engine = makeEngine({
		cluster,
		plan,
		hosts,
		redactor: world.redactor,
		proof: meshOf(cluster).proof,
		now: world.now,
		randomText: world.randomText,
		readSecret: world.readSecret,
		signal: AbortSignal.any([signal, lockLost.signal]),
		concurrency: options.concurrency ?? defaultConcurrency,
		waitLimitMs: options.waitLimitMs ?? defaultWaitLimitMs,
		pollMs: pause,
		onEvent: options.onEvent,
	});

	/** Has the engine begun with what `current` stands for? Before that it takes up everything by itself. */
	let begun = false;
	const run = async (): Promise<ApplyResult> => {
		begun = false;
		try {
			return await withClusterLock(
				{
					firstServer: async () => hosts.get(plan.firstServer),
					self,
					isGone: isRunGone,
					signal,
					pollMs: pause,
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
				async (held) => {
					held.addEventListener(
						'abort',
						() => {
							lockLost.abort(held.reason);
						},
						{once: true},
					);
					begun = true;
					return engine.run();
				},
			);
		} catch (error) {
			return engine.abandon(signal.aborted ? undefined : error);
		}
	};

	let current = run();
	return {
		get result() {
			return current;
		},
		async retry(node) {
			engine.reset(node);
			if (begun && !engine.running) {
				begun = false;
				current = current.then(run);
			}

			return current;
		},
	};
};
