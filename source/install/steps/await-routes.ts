import {UserError} from '../../errors.js';
import type {TailscaleFacts} from '../../facts/host-facts.js';
import {tailscaleStatus} from '../../host/scripts/tailscale-status.js';
import {
	approveForAll,
	approveOnOlderHeadscale,
	howToApproveRoutes,
} from '../tailnet-words.js';
import {nodesIfKnown} from '../nodes-if-known.js';
import {poll} from '../wait.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

type Action = ActionOf<'await-routes'>;

/** How often a route may be found unapproved before it is approved from here: a policy may do it by itself. */
const looksBeforeApproval = 2;

/** How it stands with the routes of a node. */
type Routes =
	| {readonly state: 'approved'}
	/** The control server knows of them, and nobody has approved these. */
	| {
			readonly state: 'unapproved';
			readonly routes: readonly string[];
			/** What the machine says about itself. */
			readonly status: TailscaleFacts;
	  }
	| {readonly state: 'pending'; readonly text: string};

const podCidrsOf = async (
	{nodeName}: Action,
	context: StepContext,
): Promise<readonly string[]> => {
	const list = await nodesIfKnown(context);
	return list.find(({name}) => name === nodeName)?.podCidrs ?? [];
};

const without = (
	routes: readonly string[],
	known: readonly string[],
): readonly string[] => routes.filter((cidr) => !known.includes(cidr));

/**
 * What another node of the cluster sends to this one. A headscale tells others of an approval at once, and the node
 * itself perhaps minutes later. Nothing where no other can be asked.
 */
const seenByOther = async (
	addresses: readonly string[],
	{otherHost, signal}: StepContext,
): Promise<readonly string[]> => {
	try {
		const other = await otherHost();
		const status = await other?.run(tailscaleStatus, {}, {signal});
		return (
			status?.peers.find((peer) =>
				peer.addresses.some((address) => addresses.includes(address)),
			)?.allowedIps ?? []
		);
	} catch {
		signal.throwIfAborted();
		return [];
	}
};

const look = async (action: Action, context: StepContext): Promise<Routes> => {
	const wanted = await podCidrsOf(action, context);
	if (wanted.length === 0) {
		return {
			state: 'pending',
			text: 'has no pod network yet, which it would offer to the tailnet',
		};
	}

	const {host, signal} = context;
	const status = await host.run(tailscaleStatus, {}, {signal});
	if (status?.state !== 'Running') {
		return {
			state: 'pending',
			text: `is not in the tailnet now: Tailscale is in the state ${status?.state ?? 'unknown'}`,
		};
	}

	const notOffered = wanted.filter(
		(cidr) => !status.advertisedRoutes.includes(cidr),
	);
	if (notOffered.length > 0) {
		return {
			state: 'pending',
			text: `K3s has not offered ${notOffered.join(', ')} to the tailnet yet`,
		};
	}

	const own = wanted.filter((cidr) => !status.approvedRoutes.includes(cidr));
	const routes =
		own.length === 0
			? own
			: without(own, await seenByOther(status.addresses, context));
	return routes.length === 0
		? {state: 'approved'}
		: {state: 'unapproved', routes, status};
};

/** Waits until the control server lets the node route its pod network, and approves it where credentials allow. */
export const awaitRoutes: StepHandler<Action> = {
	check: async (action, context) =>
		(await look(action, context)).state === 'approved',
	async act(action, context) {
		const {tell, step, waitLimitMs, signal, pollMs, tailnet} = context;
		const deadlineAt = context.now() + waitLimitMs;
		const howTo = ({
			routes,
			status,
		}: Extract<Routes, {state: 'unapproved'}>): string =>
			howToApproveRoutes(tailnet?.controlServer, step.node, routes, status);
		let unapproved = 0;
		let changed = false;
		const last = await poll({
			async ask(): Promise<Routes> {
				const routes = await look(action, context);
				unapproved = routes.state === 'unapproved' ? unapproved + 1 : 0;
				if (
					routes.state !== 'unapproved' ||
					unapproved < looksBeforeApproval ||
					tailnet?.approveRoutes === undefined
				) {
					return routes;
				}

				tell.now(`approves ${routes.routes.join(', ')} in the tailnet`);
				const answer = await tailnet.approveRoutes(
					routes.status.addresses,
					routes.routes,
					signal,
				);
				changed ||= answer.changed;
				return without(routes.routes, answer.approved).length === 0
					? {state: 'approved'}
					: look(action, context);
			},
			good: ({state}) => state === 'approved',
			pauseMs: pollMs,
			limitMs: waitLimitMs,
			signal,
			onAnswer(routes) {
				if (routes.state === 'unapproved') {
					tell.waiting(
						`waits until ${routes.routes.join(', ')} is approved in the tailnet: ${howTo(routes)}`,
						deadlineAt,
					);
				} else if (routes.state === 'pending') {
					tell.waiting(routes.text, deadlineAt);
				}
			},
		});
		if (last.state === 'approved') {
			return changed ? 'changed' : 'unchanged';
		}

		const limit = `(given up after ${Math.round(waitLimitMs / 1000)} s)`;
		throw last.state === 'unapproved'
			? new UserError(
					`${last.routes.join(', ')} of ${step.node} is not approved in the tailnet, and its pods cannot be reached without ${limit}`,
					{
						node: step.node,
						tryNext: [
							`Now ${howTo(last)}, and run the same command again.`,
							...(tailnet?.controlServer === undefined
								? []
								: [approveOnOlderHeadscale]),
							approveForAll,
						],
					},
				)
			: new UserError(`${last.text} ${limit}`, {
					node: step.node,
					tryNext: [`Look at the log of K3s on ${step.node}.`],
				});
	},
	async verify() {
		// It has been looked at until it was so.
	},
};
