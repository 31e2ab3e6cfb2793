import net from 'node:net';
import type {Duplex} from 'node:stream';
import type {Client} from 'ssh2';
import {dialError, readyTimeoutMs, silentError} from './connect-errors.js';
import type {SshSettings} from './ssh-settings.js';

/** A way to a machine's SSH port. */
export type Dialed = {
	readonly socket: Duplex;
	/** The address at the other end, when it is known. */
	readonly address: string | undefined;
};

/** Opens a TCP connection from here. Throws a `UserError` that says why not. */
export const dialDirectly = async (
	node: string,
	settings: SshSettings,
	signal: AbortSignal,
): Promise<Dialed> =>
	new Promise((resolve, reject) => {
		const socket = net.connect({host: settings.host, port: settings.port});
		const limit = AbortSignal.timeout(readyTimeoutMs);
		const end = (): void => {
			signal.removeEventListener('abort', onAbort);
			limit.removeEventListener('abort', onLimit);
			socket.removeListener('error', onError);
		};

		const fail = (error: Error): void => {
			end();
			socket.on('error', () => undefined);
			socket.destroy();
			reject(error);
		};

		const onAbort = () => {
			fail(signal.reason as Error);
		};

		const onLimit = () => {
			fail(silentError(node, settings.host, settings.port));
		};

		const onError = (error: Error) => {
			fail(dialError(node, settings, error));
		};

		socket.once('error', onError);
		socket.once('connect', () => {
			end();
			socket.setNoDelay(true);
			resolve({socket, address: socket.remoteAddress});
		});
		limit.addEventListener('abort', onLimit);
		signal.addEventListener('abort', onAbort);
		if (signal.aborted) {
			onAbort();
		}
	});

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

/** Opens a TCP connection from a jump host. Throws a `UserError` that says why not. */
export const dialThrough = async (
	node: string,
	settings: SshSettings,
	jumpHost: Client,
	signal: AbortSignal,
): Promise<Dialed> =>
	new Promise((resolve, reject) => {
		const limit = AbortSignal.timeout(readyTimeoutMs);
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
			reject(silentError(node, settings.host, settings.port));
		};

		signal.addEventListener('abort', onAbort);
		limit.addEventListener('abort', onLimit);
		jumpHost.forwardOut(
			'127.0.0.1',
			0,
			settings.host,
			settings.port,
			(error, channel) => {
				end();
				if (error) {
					reject(
						dialError(
							node,
							settings,
							Object.assign(error, {code: forwardCode(error.message)}),
						),
					);
				} else if (signal.aborted || limit.aborted) {
					channel.close();
				} else {
					resolve({
						socket: channel,
						address: net.isIP(settings.host) === 0 ? undefined : settings.host,
					});
				}
			},
		);
	});
