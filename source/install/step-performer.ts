import {describeError} from '../errors.js';
import type {Host} from '../host/host.js';
import type {Plan, Step} from '../plan/plan.js';
import {makeClocks} from './clocks.js';
import type {HostPool} from './host-pool.js';
import {makeManifestKeeper} from './manifest-keeper.js';
import {isUnreachable, reach} from './reach.js';
import {performStep} from './steps/handlers.js';
import type {StepContext, StepOutcome} from './steps/step.js';

/** How often a step is done again when only the connection was lost. */
const reconnects = 2;

/** What a step is done with now; some of it is new in each run. */
export type StepConditions = Pick<
	StepContext,
	'signal' | 'nodes' | 'verification' | 'tell'
> & {
	/** Ends what only waits, such as for a machine to answer again. */
	readonly waits: AbortSignal;
};

/** Does steps on the machines of their nodes, and what nodes remember between their steps. */
export type StepPerformer = {
	/**
	 * Does a step, anew where only a connection was lost: that of its own node, or of another that it asks something, as
	 * the first server for a token. Rejects with why it cannot be done.
	 */
	perform(step: Step, conditions: StepConditions): Promise<StepOutcome>;
	/** Waits for a node's machine again, although it did not come back in time before. */
	forgive(node: string): void;
};

/** Makes the performer of one plan. */
export const makeStepPerformer = (
	options: Pick<
		StepContext,
		'references' | 'tailnet' | 'now' | 'waitLimitMs' | 'pollMs'
	> & {readonly plan: Plan; readonly hosts: HostPool},
): StepPerformer => {
	const {plan, hosts, references, tailnet, now, waitLimitMs, pollMs} = options;
	const journalSince = new Map<string, number>();
	const keepers = new Map(
		plan.nodes.map(({node, role}) => [
			node,
			makeManifestKeeper({cluster: plan.cluster, name: node, role}),
		]),
	);
	const clocks = makeClocks({plan, hosts, now});
	/** Nodes that did not come back in time: none of their steps waits for them once more. */
	const givenUp = new Set<string>();

	const otherThan = async (node: string): Promise<Host | undefined> => {
		const other = [
			plan.firstServer,
			...plan.nodes.map(({node: name}) => name),
		].find((name) => name !== node);
		try {
			return other === undefined ? undefined : await hosts.get(other);
		} catch {
			return undefined;
		}
	};

	const reachNode = async (
		node: string,
		{signal, waits, tell}: StepConditions,
	): Promise<Host> => {
		const deadlineAt = now() + waitLimitMs;
		return reach(hosts, node, {
			limitMs: givenUp.has(node) ? 0 : waitLimitMs,
			pauseMs: pollMs,
			signal: AbortSignal.any([signal, waits]),
			onGivenUp() {
				givenUp.add(node);
			},
			onWaiting(text) {
				tell.waiting(text, deadlineAt);
			},
		});
	};

	return {
		async perform(step, conditions) {
			const {signal, waits, nodes, verification, tell} = conditions;
			const {role} = plan.nodes.find(({node}) => node === step.node)!;
			const keeper = keepers.get(step.node)!;
			let lost: string | undefined;
			for (let attempt = 0; ; attempt += 1) {
				signal.throwIfAborted();
				if (lost !== undefined) {
					await reachNode(lost, conditions);
				}

				const host = await reachNode(step.node, conditions);
				const context: StepContext = {
					step,
					role,
					host,
					signal,
					waitLimitMs,
					pollMs,
					now,
					references,
					nodes,
					verification,
					clocks,
					otherHost: async () => otherThan(step.node),
					tailnet,
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
					lost = isUnreachable(error) ? error.node : undefined;
					if (lost === undefined || attempt === reconnects || waits.aborted) {
						throw error;
					}

					tell.log(`${describeError(error)} Connecting again.`);
				}
			}
		},
		forgive(node) {
			givenUp.delete(node);
		},
	};
};
