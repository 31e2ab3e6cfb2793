import {UserError, exitCodes} from '../errors.js';
import type {Host} from '../host/host.js';
import {withClusterLock} from '../install/cluster-lock.js';
import {makeEngine} from '../install/engine.js';
import {makeHostPool, type HostSource} from '../install/host-pool.js';
import {isRunGone, runOwner} from '../install/run-owner.js';
import {meshOf} from '../mesh/catalogue.js';
import type {Cluster} from '../cluster/schema.js';
import type {ApplyResult, Fleet, StartApply} from './operations.js';

/** Nodes worked on at once, when nothing else is said. */
const defaultConcurrency = 16;

/** How long a node may wait to join or to become ready, in ms, when nothing else is said. */
const defaultWaitLimitMs = 180_000;

/** Between two looks at something that is waited for, in ms. The demo's machines answer at once. */
const pollMs = {real: 2000, demo: 250};

/** Hosts of a run: those that the fleet has open, and new connections for those that it lost. */
const hostsOf = (cluster: Cluster, fleet: Fleet): HostSource => {
	const contact = async (name: string): Promise<Host> => {
		const known = fleet.contact(name);
		if (known?.state === 'ready') {
			return known.host;
		}

		const spec = cluster.nodes.find((node) => node.name === name);
		if (spec === undefined) {
			throw new Error(`The plan names ${name}, which the cluster does not.`);
		}

		const made = await fleet.add(spec);
		if (made.state === 'ready') {
			return made.host;
		}

		throw new UserError(
			made.state === 'failed' ? made.message : `${name} does not answer.`,
			{
				node: name,
				exitCode: exitCodes.unreachable,
				tryNext: made.state === 'failed' ? made.tryNext : [],
			},
		);
	};

	return {
		open: contact,
		async reopen(name) {
			await fleet.remove(name);
			return contact(name);
		},
	};
};

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
