import net from 'node:net';
import type {Duplex} from 'node:stream';
import type {Client} from 'ssh2';
import {addressesOf} from './addresses-of.js';
import {
	dialError,
	dialErrors,
	jumpLostError,
	silentError,
	type DialFailure,
	type Dialing,
} from './dial-errors.js';
import type {SshSettings} from './ssh-settings.js';
import {unlessAborted} from './unless-aborted.js';

/** A way to a machine's SSH port. */
export type Dialed = {
	readonly socket: Duplex;
	/** The address at the other end, when it is known. */
	readonly address: string | undefined;
	/** What a command that carries the connection said last, for people. */
	readonly complaint?: (() => string | undefined) | undefined;
};

/** How long an address may keep the next one waiting, in ms (RFC 8305, 5). */
const headStartMs = 250;

/**
 * Connects to the first address that answers. Each gets a head start over the next, and none is given up before the
 * limit: on a slow line the first may still be the first. Resolves with the failures when all have failed; rejects
 * with the signal's reason.
 */
const connectFirst = async (
	addresses: readonly string[],
	port: number,
	{signal, limit}: {readonly signal: AbortSignal; readonly limit: AbortSignal},
): Promise<net.Socket | readonly DialFailure[]> =>
	new Promise((resolve, reject) => {
		const open = new Map<string, net.Socket>();
		const failures = new Map<string, DialFailure>();
		const waiting = [...addresses];
		let headStart: NodeJS.Timeout | undefined;

		const finish = (winner?: net.Socket): void => {
			clearTimeout(headStart);
			signal.removeEventListener('abort', onAbort);
			limit.removeEventListener('abort', onLimit);
			for (const socket of open.values()) {
				if (socket !== winner) {
					socket.on('error', () => undefined);
					socket.destroy();
				}
			}
		};

		const onAbort = (): void => {
			finish();
			reject(signal.reason as Error);
		};

		const giveUp = (): void => {
			finish();
			resolve(
				addresses.map(
					(address) => failures.get(address) ?? {address, error: undefined},
				),
			);
		};

		const onLimit = giveUp;

		const next = (): void => {
			clearTimeout(headStart);
			const address = waiting.shift();
			if (address === undefined) {
				if (open.size === 0) {
					giveUp();
				}

				return;
			}

			const socket = net.connect({host: address, port});
			open.set(address, socket);
			socket.once('error', (error) => {
				open.delete(address);
				failures.set(address, {address, error});
				next();
			});
			socket.once('connect', () => {
				finish(socket);
				socket.removeAllListeners('error');
				resolve(socket);
			});
			headStart = setTimeout(next, headStartMs);
		};

		signal.addEventListener('abort', onAbort);
		limit.addEventListener('abort', onLimit);
		if (signal.aborted) {
			onAbort();
		} else {
			next();
		}
	});

/** Opens a TCP connection from here, to whichever address of the host answers first. Throws a `UserError` that says why not. */
export const dialDirectly = async (
	node: string,
	settings: SshSettings,
	signal: AbortSignal,
): Promise<Dialed> => {
	const limit = AbortSignal.timeout(settings.connectTimeoutMs);
	let addresses: readonly string[];
	try {
		addresses = await unlessAborted(
			addressesOf(settings.host, settings.family),
			AbortSignal.any([signal, limit]),
		);
	} catch (error) {
		signal.throwIfAborted();
		throw dialError(node, settings, error as Error);
	}

	const result = await connectFirst(addresses, settings.port, {signal, limit});
	if (!(result instanceof net.Socket)) {
		throw dialErrors(node, settings, result);
	}

	result.setNoDelay(true);
	return {socket: result, address: result.remoteAddress};
};

/** Codes of a jump host's refusal (RFC 4254, 5.1) in the words of a local one. */
const forwardCode = (message: string): string => {
	if (/refused/i.test(message)) {
		return 'ECONNREFUSED';
	}

	if (/resol|name or service/i.test(message)) {
		return 'ENOTFOUND';
	}

	if (/no route|unreachable/i.test(message)) {
		return 'EHOSTUNREACH';
	}

	return /timed out/i.test(message) ? 'ETIMEDOUT' : 'unknown';
};

/** What the library says when the connection to the jump host has gone, before or after it was asked. */
const isGone = (error: Error): boolean =>
	/^(?:not connected|no response from server)$/i.test(error.message);

/** Opens a TCP connection from a jump host. Throws a `UserError` that says why not. */
export const dialThrough = async (
	node: string,
	settings: Dialing,
	jumpHost: {
		readonly client: Client;
		/** For people: `root@198.51.100.1:22`. */
		readonly address: string;
	},
	signal: AbortSignal,
): Promise<Dialed> =>
	new Promise((resolve, reject) => {
		const limit = AbortSignal.timeout(settings.connectTimeoutMs);
		const end = (): void => {
			signal.removeEventListener('abort', onAbort);
			limit.removeEventListener('abort', onLimit);
		};

		const onAbort = () => {
			end();
			reject(signal.reason as Error);
		};

		const onLimit = () => {
			end();
			reject(silentError(node, settings));
		};

		const fail = (error: Error) => {
			end();
			reject(
				isGone(error)
					? jumpLostError(node, settings, jumpHost.address, error)
					: dialError(
							node,
							settings,
							Object.assign(error, {code: forwardCode(error.message)}),
						),
			);
		};

		signal.addEventListener('abort', onAbort);
		limit.addEventListener('abort', onLimit);
		try {
			jumpHost.client.forwardOut(
				'127.0.0.1',
				0,
				settings.host,
				settings.port,
				(error, channel) => {
					if (error) {
						fail(error);
						return;
					}

					end();
					if (signal.aborted || limit.aborted) {
						channel.close();
					} else {
						resolve({
							socket: channel,
							address:
								net.isIP(settings.host) === 0 ? undefined : settings.host,
						});
					}
				},
			);
		} catch (error) {
			fail(error as Error);
		}
	});
