import {describeError} from '../errors.js';
import {ownSignal} from '../own-signal.js';
import type {ChosenRung} from '../facts/rungs.js';
import type {Host} from '../host/host.js';
import {probeAgent} from '../host/scripts/probe-agent.js';
import {
	parseMessages,
	type Arrivals,
	type Command,
	type Counted,
	type Listening,
	type Message,
	type Place,
	type Ready,
	type Report,
	type Try,
} from './messages.js';

/** An agent that runs on a node. */
export type RunningAgent = {
	readonly node: string;
	/** For people: `/usr/bin/python3 (3.11.2)`. */
	readonly interpreter: string;
	/** Why it runs no more; `undefined` while it runs. */
	problem(): string | undefined;
	/**
	 * Binds what is free, and says what is not; also of places that it was asked for before, when it listens there no more
	 * or could not take all that came. Throws when the agent ends first.
	 */
	listen(token: string, places: readonly Place[]): Promise<Listening>;
	/** The tries of others whose packets arrived at its listeners so far. Throws when the agent ends first. */
	arrivals(): Promise<Arrivals['arrivals']>;
	/** What the kernel has counted of packets to ports where nobody listens. Throws when the agent ends first. */
	count(): Promise<Counted['counted']>;
	/** Hands over each report. Resolves when all tries have been reported, or when the agent ended. Never throws. */
	try(tries: readonly Try[], onReport: (report: Report) => void): Promise<void>;
	/** Ends the agent. Safe to call twice. */
	close(): void;
};

/** Twice as long as anything that an agent is asked to try takes: a slow TLS handshake, 8 s, is the longest. */
const defaultPatienceMs = 20_000;

/** Starts the agent of a node and waits until it says that it runs. Throws when it can not be started, or when the signal is raised. */
export const startAgent = async (
	host: Host,
	options: {
		readonly on: ChosenRung;
		readonly limitSeconds: number;
		/** The agent ends when it has not heard of us for this long, in s; we say something three times as often. */
		readonly silenceSeconds: number;
		readonly signal: AbortSignal;
		/** An agent that runs, owes us something and says nothing for this long, in ms, is given up. */
		readonly patienceMs?: number;
	},
): Promise<RunningAgent> => {
	const {
		on,
		limitSeconds,
		silenceSeconds,
		patienceMs = defaultPatienceMs,
	} = options;
	const signal = ownSignal(options.signal);
	const conversation = await host.converse(
		probeAgent,
		{...on, limitSeconds, silenceSeconds},
		{signal},
	);
	const listeners = new Set<(message: Message | undefined) => void>();
	let problem: string | undefined;
	let runs = false;

	const end = (reason: string) => {
		clearInterval(signsOfLife);
		problem ??= reason;
		for (const listener of listeners) {
			listener(undefined);
		}
	};

	const read = async () => {
		try {
			for await (const line of conversation.lines) {
				for (const message of parseMessages(line)) {
					for (const listener of listeners) {
						listener(message);
					}
				}
			}

			end(`the probe on ${host.name} ended by itself`);
		} catch (error) {
			end(describeError(error));
		}
	};

	/** Collects messages until `take` says that it has all, or the agent ended. */
	const collect = async (take: (message: Message) => boolean): Promise<void> =>
		new Promise((resolve) => {
			const impatience = setTimeout(() => {
				if (!runs) {
					// How long a start may take is for the caller to say.
					return;
				}

				end(
					`the probe on ${host.name} said nothing for ${patienceMs / 1000} s`,
				);
				close();
			}, patienceMs).unref();

			const stop = () => {
				clearTimeout(impatience);
				listeners.delete(listener);
				signal.removeEventListener('abort', stop);
				resolve();
			};

			const listener = (message: Message | undefined) => {
				impatience.refresh();
				if (message === undefined || take(message)) {
					stop();
				}
			};

			listeners.add(listener);
			signal.addEventListener('abort', stop);
			if (problem !== undefined || signal.aborted) {
				stop();
			}
		});

	const send = (command: Command) => {
		try {
			conversation.send(JSON.stringify(command));
		} catch (error) {
			end(describeError(error));
		}
	};

	const signsOfLife = setInterval(
		() => {
			send({do: 'stay'});
		},
		(silenceSeconds * 1000) / 3,
	).unref();

	const close = () => {
		clearInterval(signsOfLife);
		conversation.close();
	};

	/** The first message of a kind. */
	const first = async <Kind extends Message>(
		isKind: (message: Message) => message is Kind,
		before: () => void,
	): Promise<Kind> => {
		let found: Kind | undefined;
		const collected = collect((message) => {
			if (isKind(message)) {
				found = message;
			}

			return found !== undefined;
		});
		before();
		await collected;
		if (found === undefined) {
			signal.throwIfAborted();
			throw new Error(problem);
		}

		return found;
	};

	try {
		const ready = await first(
			(message): message is Ready => 'ready' in message,
			() => {
				void read();
			},
		);
		runs = true;
		return {
			node: host.name,
			interpreter: `${ready.interpreter === '' ? on.program : ready.interpreter} (${ready.version})`,
			problem: () => problem,
			listen: async (token, places) =>
				first(
					(message): message is Listening => 'listening' in message,
					() => {
						send({do: 'listen', token, node: host.name, places});
					},
				),
			async arrivals() {
				const message = await first(
					(one): one is Arrivals => 'arrivals' in one,
					() => {
						send({do: 'arrivals'});
					},
				);
				return message.arrivals;
			},
			async count() {
				const message = await first(
					(one): one is Counted => 'counted' in one,
					() => {
						send({do: 'count'});
					},
				);
				return message.counted;
			},
			async try(tries, onReport) {
				const open = new Set(tries.map(({id}) => id));
				if (open.size === 0 || problem !== undefined) {
					return;
				}

				const collected = collect((message) => {
					if ('tried' in message && open.delete(message.tried)) {
						onReport(message);
					}

					return open.size === 0;
				});
				send({do: 'try', tries});
				await collected;
			},
			close,
		};
	} catch (error) {
		close();
		throw error;
	}
};
