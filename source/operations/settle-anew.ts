import type {NodeSpec} from '../cluster/schema.js';
import {describeError} from '../errors.js';
import type {ConnectQuestions, Host} from '../host/host.js';
import {
	firewallSettle,
	type TakenBack,
} from '../host/scripts/firewall-rollback.js';
import {delay} from '../install/wait.js';
import type {World} from './operations.js';

/** One attempt to connect, in ms. */
const attemptMs = 20_000;

/** Between two attempts, in ms. */
const pauseMs = {real: 1000, demo: 250};

/** Who connects anew, and to what. */
export type SettleOptions = {
	readonly node: NodeSpec;
	readonly world: World;
	/** Asks for what a login wants each time anew, such as a code for one time. */
	readonly askSecret: ConnectQuestions['askSecret'];
	readonly signal: AbortSignal;
};

/** How a change ended. */
export type Settled = TakenBack | {readonly outcome: 'kept'};

/** No new connection came about. */
export type Unreached = {
	readonly outcome: 'unreached';
	/** The last failure, in words. */
	readonly why: string;
	/** Did it want an answer that nobody gave? */
	readonly isUnanswered: boolean;
};

/** Whole ms until a time of `performance.now()`, 1 when it is over. */
export const msUntil = (time: number): number =>
	Math.max(Math.round(time - performance.now()), 1);

/** The limit of one attempt, which begins anew when a person is asked in between: they may take longer than a machine. */
const makeLimit = (outer: AbortSignal, limitMs: number) => {
	const own = new AbortController();
	const start = (ms: number): NodeJS.Timeout =>
		setTimeout(() => {
			own.abort(
				new DOMException(`It took longer than ${ms} ms.`, 'TimeoutError'),
			);
		}, ms);
	let timer = start(limitMs);
	return {
		signal: AbortSignal.any([outer, own.signal]),
		restart(ms: number): void {
			clearTimeout(timer);
			timer = start(ms);
		},
		end(): void {
			clearTimeout(timer);
		},
	};
};

/**
 * Connects anew until it succeeds, the time is over, or nobody answers what the login asks, and ends the change over that
 * connection.
 */
export const settleAnew = async (
	{node, world, askSecret, signal}: SettleOptions,
	keep: boolean,
	/** By `performance.now()`. */
	until: number,
): Promise<Settled | Unreached> => {
	for (;;) {
		const attempt = makeLimit(signal, Math.min(attemptMs, msUntil(until)));
		let isUnanswered = false;
		let fresh: Host | undefined;
		try {
			fresh = await world.connect(
				{name: node.name, ssh: node.ssh},
				{
					signal: attempt.signal,
					questions: {
						// Its key is known from the connection that is open: any other is another machine.
						trustHostKey: async () => false,
						async askSecret(question) {
							// What let us in before is remembered, but for what is good for one time only.
							if (question.kind !== 'prompt') {
								return undefined;
							}

							const leftMs = msUntil(until);
							attempt.restart(leftMs);
							const answer = await askSecret({
								...question,
								why: keep
									? `This new login to ${node.name} has to succeed within ${Math.round(leftMs / 1000)} s; else it takes its new firewall rules back.`
									: `This login shows whether ${node.name} has taken its new firewall rules back.`,
							});
							isUnanswered ||= answer === undefined;
							return answer;
						},
					},
				},
			);
			return await fresh.run(firewallSettle, {keep}, {signal: attempt.signal});
		} catch (error) {
			signal.throwIfAborted();
			if (isUnanswered || performance.now() + pauseMs.real >= until) {
				return {outcome: 'unreached', why: describeError(error), isUnanswered};
			}
		} finally {
			attempt.end();
			await fresh?.close();
		}

		await delay(world.demo ? pauseMs.demo : pauseMs.real, signal);
	}
};
