import {UserError} from '../../errors.js';
import {HostLost} from '../../host/errors.js';
import {k3sTokens} from '../../host/scripts/k3s-read.js';
import {
	k3sJournal,
	k3sPing,
	k3sState,
	parseJournalLine,
	type UnitState,
} from '../../host/scripts/k3s-run.js';
import {classify, type JournalSignature} from '../journal-signatures.js';
import {pingCause} from '../ping-cause.js';
import {delay, poll} from '../wait.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

type Action = ActionOf<'await-join'>;

/** Why a node does not come up, as far as is known. */
type Cause = {
	readonly text: string;
	readonly tryNext: readonly string[];
};

/** Restarts of the unit after which a cause that cannot pass by itself ends the wait. */
const restartsUntilFinal = 2;

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
	for (;;) {
		await delay(context.pollMs * 2, signal);
		const answer = await context.host.run(k3sPing, {url: joinUrl}, {signal});
		onCause(pingCause(hostAndPort(joinUrl), answer));
	}
};

/** An agent dials its server through a balancer of its own on loopback; people need the address behind it. */
const throughBalancer = (
	{cause, waitsFor}: JournalSignature,
	target: string,
): string =>
	waitsFor?.startsWith('127.0.0.1:') ? cause.replace(waitsFor, target) : cause;

/** Follows journal and state of the unit until it is active. Throws with the cause at the deadline. */
const followUnit = async (
	action: Action,
	context: StepContext,
): Promise<void> => {
	const {host, tell, step} = context;
	const deadlineAt = context.now() + context.waitLimitMs;
	const target =
		action.joinUrl === undefined
			? `${unitName(action)} to serve`
			: hostAndPort(action.joinUrl);
	const unknown: Cause = {
		text: `waits for ${target}`,
		tryNext: [`The log of ${step.node} may say more.`],
	};
	let fromJournal: Cause | undefined;
	let fromPing: Cause | undefined;
	let final: Cause | undefined;
	let restartsBefore: number | undefined;
	let told = '';
	const give = new AbortController();
	const deadline = setTimeout(() => {
		give.abort();
	}, context.waitLimitMs);
	const signal = AbortSignal.any([context.signal, give.signal]);

	const cause = (): Cause => final ?? fromPing ?? fromJournal ?? unknown;
	const tellNow = () => {
		const {text} = cause();
		if (text !== told) {
			told = text;
			tell.waiting(text, deadlineAt);
		}
	};

	const onState = (state: UnitState) => {
		restartsBefore ??= state.restarts;
		if (
			final !== undefined &&
			state.restarts >= restartsBefore + restartsUntilFinal
		) {
			give.abort();
		}
	};

	const onJournal = (line: string) => {
		tell.log(line);
		const signature = classify(line);
		if (signature) {
			fromJournal = {
				text: throughBalancer(signature, target),
				tryNext: signature.tryNext,
			};
			if (signature.final) {
				final = fromJournal;
			}

			tellNow();
		}
	};

	tellNow();
	const looking =
		action.joinUrl === undefined
			? undefined
			: lookAtServer(action.joinUrl, context, signal, (found) => {
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
					if (line.kind === 'state') {
						onState(line.state);
					} else {
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
		throw new UserError(
			final === undefined
				? `${text} (given up after ${Math.round(context.waitLimitMs / 1000)} s)`
				: text,
			{node: step.node, tryNext},
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
