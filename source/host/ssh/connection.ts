import type {Client, ClientChannel} from 'ssh2';
import {HostLost} from '../errors.js';
import {makeSlots} from './slots.js';

/** sshd allows ten sessions over one connection; some stay free for whatever else comes. */
const channelLimit = 8;

/**
 * The end of a connection may take this long, in ms. What was cut never acknowledges it, and the kernel would try for a
 * quarter of an hour; the client of ssh2 lets go of no socket that it has ended.
 */
const farewellMs = 2000;

/** One open SSH connection, shared by all calls to a node. */
export type Connection = {
	readonly node: string;
	/**
	 * Opens a channel that runs a command line, once there is a place for it. Throws `HostLost`, or the signal's
	 * reason. The place is free again when the channel closes.
	 *
	 * `attach` gets the channel at once, before any of its events: a command that ends right away has its exit and its
	 * close in the same packet as its start.
	 */
	open(
		command: string,
		signal: AbortSignal,
		attach: (channel: ClientChannel) => void,
		/** Takes one of the places that stay free. */
		isSpare?: boolean,
	): Promise<void>;
	/** Calls back when the connection goes away, at once when it has. Returns how to stop listening. */
	onLost(listener: (error: HostLost) => void): () => void;
	/** Ends the connection; what still runs over it is lost. */
	close(): Promise<void>;
};

/**
 * A host that says nothing is asked for a sign of life, so often in ms, and is lost when it has not given that many and
 * the next one is due: after 24 s. That is before a script that should be quick, with its 30 s, only "did not end".
 */
export const keepalive = {intervalMs: 6000, unanswered: 3};

const describeLoss = (error: Error & {level?: string}): string =>
	error.level === 'client-timeout'
		? `no answer for ${(keepalive.intervalMs * (keepalive.unanswered + 1)) / 1000} s`
		: error.message;

/** Takes over a client that is ready, and whatever it was reached through. */
export const makeConnection = (
	node: string,
	{
		client,
		closeBelow,
		destroy,
	}: {
		readonly client: Client;
		readonly closeBelow: () => void;
		readonly destroy: () => void;
	},
): Connection => {
	const slots = makeSlots(channelLimit);
	const listeners = new Set<(error: HostLost) => void>();
	const closed = new Promise<void>((resolve) => {
		client.once('close', () => {
			resolve();
		});
	});
	let lost: HostLost | undefined;
	const lose = (detail: string): void => {
		lost ??= new HostLost(node, detail);
		for (const listener of listeners) {
			listener(lost);
		}

		listeners.clear();
	};

	client.on('error', (error) => {
		lose(describeLoss(error));
	});
	client.once('close', () => {
		lose('it was closed');
		closeBelow();
		setTimeout(destroy, farewellMs).unref();
	});

	const execute = async (
		command: string,
		signal: AbortSignal,
		attach: (channel: ClientChannel) => void,
	): Promise<void> =>
		new Promise((resolve, reject) => {
			if (lost) {
				reject(lost);
				return;
			}

			const onAbort = () => {
				reject(signal.reason as Error);
			};

			signal.addEventListener('abort', onAbort, {once: true});
			try {
				client.exec(command, (error, opened) => {
					signal.removeEventListener('abort', onAbort);
					if (error) {
						reject(lost ?? new HostLost(node, error.message));
					} else if (signal.aborted) {
						opened.close();
					} else {
						attach(opened);
						resolve();
					}
				});
			} catch (error) {
				signal.removeEventListener('abort', onAbort);
				reject(lost ?? new HostLost(node, (error as Error).message));
			}
		});

	return {
		node,
		async open(command, signal, attach, isSpare = false) {
			const release = isSpare ? () => undefined : await slots.take(signal);
			try {
				await execute(command, signal, (channel) => {
					channel.once('close', release);
					attach(channel);
				});
			} catch (error) {
				release();
				throw error;
			}
		},
		onLost(listener) {
			if (lost) {
				listener(lost);
				return () => undefined;
			}

			listeners.add(listener);
			return () => {
				listeners.delete(listener);
			};
		},
		async close() {
			if (lost) {
				return;
			}

			lose('we closed it');
			client.end();
			const limit = setTimeout(destroy, farewellMs);
			await closed;
			clearTimeout(limit);
		},
	};
};
