import {UserError} from '../../errors.js';
import {isReference} from '../../plan/plan.js';
import {HostLost} from '../../host/errors.js';
import {k3sTokens} from '../../host/scripts/k3s-read.js';
import {
	k3sJournal,
	k3sPing,
	k3sState,
	parseJournalLine,
} from '../../host/scripts/k3s-run.js';
import {tailscaleStatus} from '../../host/scripts/tailscale-status.js';
import {makeJournalCause, type Cause} from '../journal-cause.js';
import {pingCause} from '../ping-cause.js';
import {tailnetCause} from '../tailnet-cause.js';
import {delay, poll} from '../wait.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

type Action = ActionOf<'await-join'>;

/** What the node dials, once it is known. */
const joinUrlOf = async (
	{joinUrl}: Action,
	{references, signal}: StepContext,
): Promise<string | undefined> =>
	isReference(joinUrl) ? references.resolve(joinUrl, signal) : joinUrl;

/** The server's own API, from the server itself. */
const ownApi = 'https://127.0.0.1:6443';

const hostAndPort = (url: string): string => url.replace(/^https?:\/\//, '');

const unitName = (action: Action): string =>
	action.role === 'server' ? 'k3s' : 'k3s-agent';

/** Looks itself, from the node, at what it joins: the journal of K3s may not say it for a while. */
const lookAtServer = async (
	joinUrl: string,
	context: StepContext,
	signal: AbortSignal,
	onCause: (cause: Cause | undefined) => void,
): Promise<void> => {
	const endpoint = hostAndPort(joinUrl);
	for (;;) {
		await delay(context.pollMs * 2, signal);
		const answer = await context.host.run(k3sPing, {url: joinUrl}, {signal});
		const found = pingCause(endpoint, answer);
		onCause(
			found === undefined || context.tailnet === undefined
				? found
				: tailnetCause(
						endpoint,
						await context.host.run(tailscaleStatus, {}, {signal}),
						found,
					),
		);
	}
};

/** Follows journal and state of the unit until it is active. Throws with the cause at the deadline. */
const followUnit = async (
	action: Action,
	context: StepContext,
): Promise<void> => {
	const {host, tell, step} = context;
	const joinUrl = await joinUrlOf(action, context);
	const deadlineAt = context.now() + context.waitLimitMs;
	const target =
		joinUrl === undefined
			? `${unitName(action)} to serve`
			: hostAndPort(joinUrl);
	const unknown: Cause = {
		text: `waits for ${target}`,
		tryNext: [`The log of ${step.node} says more.`],
	};
	const journal = makeJournalCause(step.node, target);
	let fromPing: Cause | undefined;
	let told = '';
	const give = new AbortController();
	const deadline = setTimeout(() => {
		give.abort();
	}, context.waitLimitMs);
	const signal = AbortSignal.any([context.signal, give.signal]);

	const cause = (): Cause =>
		journal.final() ?? fromPing ?? journal.cause() ?? unknown;
	const tellNow = () => {
		const {text} = cause();
		if (text !== told) {
			told = text;
			tell.waiting(text, deadlineAt);
		}
	};

	const onJournal = (line: string) => {
		tell.log(line);
		journal.hear(line);
		tellNow();
		if (journal.isHopeless()) {
			give.abort();
		}
	};

	tellNow();
	const looking =
		joinUrl === undefined
			? undefined
			: lookAtServer(joinUrl, context, signal, (found) => {
					fromPing = found;
					tellNow();
				}).catch(() => {
					// It ends with the wait; what it could not find out the journal says.
				});
	try {
		const last = await host.stream(
			k3sJournal,
			{role: action.role, sinceUnix: context.journalSince},
			{
				signal,
				timeoutMs: context.waitLimitMs + 60_000,
				onLine(text) {
					const line = parseJournalLine(text);
					if (line.kind === 'line') {
						onJournal(line.text);
					}
				},
			},
		);
		if (last.activeState !== 'active') {
			// The journal could not be followed to the end; the state alone can.
			await poll({
				ask: async () => isActive(action, {...context, signal}),
				good: (active) => active,
				pauseMs: context.pollMs,
				limitMs: Number.POSITIVE_INFINITY,
				signal,
			});
		}
	} catch (error) {
		context.signal.throwIfAborted();
		if (!give.signal.aborted || error instanceof HostLost) {
			throw error;
		}

		const {text, tryNext} = cause();
		const lastLines = cause() === unknown ? journal.ending() : [];
		throw new UserError(
			journal.final() === undefined
				? `${text} (given up after ${Math.round(context.waitLimitMs / 1000)} s)`
				: text,
			{node: step.node, tryNext: [...lastLines, ...tryNext]},
		);
	} finally {
		clearTimeout(deadline);
		give.abort();
		await looking;
	}
};

/** Is a server there for others: it answers, and has the tokens that they join with. */
const serves = async ({host, signal}: StepContext): Promise<boolean> => {
	const {outcome} = await host.run(k3sPing, {url: ownApi}, {signal});
	// Without curl and wget the unit's own word, READY, has to do.
	if (outcome !== 'pong' && outcome !== 'no-tool') {
		return false;
	}

	const tokens = await host.run(k3sTokens, {}, {signal});
	return tokens.server !== undefined && tokens.agent !== undefined;
};

const isActive = async (
	action: Action,
	{host, signal}: StepContext,
): Promise<boolean> => {
	const state = await host.run(k3sState, {role: action.role}, {signal});
	return state.activeState === 'active';
};

/** Waits until K3s on this node serves (server) or has joined (agent): its unit says READY only then. */
export const awaitJoin: StepHandler<Action> = {
	async check(action, context) {
		const active = await isActive(action, context);
		return active && (action.role === 'agent' || serves(context));
	},
	async act(action, context) {
		await followUnit(action, context);
		if (action.role === 'server') {
			context.tell.waiting(
				'waits until the API answers',
				context.now() + context.waitLimitMs,
			);
			const good = await poll({
				ask: async () => serves(context),
				good: (answer) => answer,
				pauseMs: context.pollMs,
				limitMs: context.waitLimitMs,
				signal: context.signal,
			});
			if (!good) {
				throw new UserError(
					`K3s runs but its API on port 6443 does not answer (given up after ${Math.round(context.waitLimitMs / 1000)} s)`,
					{
						node: context.step.node,
						tryNext: [
							`journalctl -u ${unitName(action)} on that machine says more.`,
						],
					},
				);
			}
		}

		return 'unchanged';
	},
	async verify() {
		// It has been looked at until it was so.
	},
};
