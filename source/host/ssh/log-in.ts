import type {Buffer} from 'node:buffer';
import ssh2, {
	type AnyAuthMethod,
	type Client,
	type ServerHostKeyAlgorithm,
} from 'ssh2';
import type {UnknownHostKey} from '../host.js';
import {
	changedKeyError,
	handshakeError,
	loginError,
	readyTimeoutMs,
	revokedKeyError,
} from './connect-errors.js';
import type {Credentials} from './credentials.js';
import type {Dialed} from './dial.js';
import {
	judgeKey,
	keyTypeOf,
	knownHostName,
	orderAlgorithms,
	type KnownHost,
} from './known-hosts.js';
import {fingerprintOf} from './known-hosts-files.js';
import type {SshSettings} from './ssh-settings.js';

/** A login, or a key that somebody has to decide about first. */
export type LoginResult =
	| {readonly kind: 'ready'; readonly client: Client}
	| {
			readonly kind: 'unknown-key';
			readonly key: Buffer;
			readonly question: UnknownHostKey;
	  };

/** Host key algorithms in our own order of preference: all that are not broken. */
const hostKeyAlgorithms: readonly ServerHostKeyAlgorithm[] = [
	'ssh-ed25519',
	'ecdsa-sha2-nistp256',
	'ecdsa-sha2-nistp384',
	'ecdsa-sha2-nistp521',
	'rsa-sha2-512',
	'rsa-sha2-256',
	'ssh-rsa',
];

/** The name under which known_hosts is searched. */
export const lookupName = ({hostKeyAlias, host, port}: SshSettings): string =>
	hostKeyAlias === undefined
		? knownHostName(host, port)
		: hostKeyAlias.toLowerCase();

/**
 * Speaks SSH over an open way and logs in. An unknown key ends the attempt without anything sent, so that a person
 * can take their time to decide. Throws a `UserError`.
 */
export const logIn = async (details: {
	readonly node: string;
	readonly settings: SshSettings;
	readonly dialed: Dialed;
	readonly knownHosts: readonly KnownHost[];
	readonly credentials: Credentials;
	readonly signal: AbortSignal;
}): Promise<LoginResult> => {
	const {node, settings, knownHosts, credentials, signal} = details;
	const {socket} = details.dialed;
	const name = lookupName(settings);
	const client = new ssh2.Client();
	const tried: string[] = [];
	let accepted: readonly string[] = [];
	let next = 0;

	return new Promise((resolve, reject) => {
		let settled = false;
		const settle = (finish: () => void): void => {
			if (settled) {
				return;
			}

			settled = true;
			signal.removeEventListener('abort', onAbort);
			finish();
		};

		const fail = (error: Error): void => {
			settle(() => {
				reject(error);
				client.destroy();
				socket.destroy();
			});
		};

		const onAbort = () => {
			fail(signal.reason as Error);
		};

		const verifyKey = (key: Buffer): boolean => {
			const question: UnknownHostKey = {
				host: settings.host,
				port: settings.port,
				algorithm: keyTypeOf(key) ?? 'unknown',
				fingerprint: fingerprintOf(key),
			};
			const verdict = judgeKey(knownHosts, name, key);
			switch (verdict.kind) {
				case 'known': {
					return true;
				}

				case 'unknown': {
					settle(() => {
						resolve({kind: 'unknown-key', key, question});
						setImmediate(() => {
							client.destroy();
						});
					});
					return false;
				}

				case 'changed': {
					fail(changedKeyError(node, question, verdict.entry, name));
					return false;
				}

				case 'revoked': {
					fail(revokedKeyError(node, question, verdict.entry));
					return false;
				}
			}
		};

		client.on('error', (error: Error & {level?: string}) => {
			if (error.level === 'agent') {
				// An agent that does not answer; the next method comes by itself.
				return;
			}

			fail(
				error.level === 'client-authentication'
					? loginError(node, settings, {
							tried,
							encrypted: credentials.encrypted,
							accepted,
						})
					: handshakeError(node, settings, error),
			);
		});
		client.once('close', () => {
			fail(
				tried.length > 0
					? loginError(node, settings, {
							tried,
							encrypted: credentials.encrypted,
							accepted,
						})
					: handshakeError(node, settings, new Error('it was closed')),
			);
		});
		client.once('ready', () => {
			settle(() => {
				client.removeAllListeners('error');
				client.removeAllListeners('close');
				// Until somebody takes it over; a jump host may stay without.
				client.on('error', () => undefined);
				resolve({kind: 'ready', client});
			});
		});
		signal.addEventListener('abort', onAbort);
		if (signal.aborted) {
			onAbort();
			return;
		}

		client.connect({
			sock: socket,
			username: settings.user,
			readyTimeout: readyTimeoutMs,
			keepaliveInterval: 10_000,
			keepaliveCountMax: 3,
			algorithms: {
				serverHostKey: orderAlgorithms(
					hostKeyAlgorithms,
					knownHosts,
					name,
				) as ServerHostKeyAlgorithm[],
			},
			hostVerifier: verifyKey,
			authHandler(methodsLeft, _partial, callback) {
				accepted = methodsLeft ?? accepted;
				while (credentials.methods[next]?.isSpent?.()) {
					next += 1;
				}

				const method = credentials.methods[next];
				next += 1;
				if (method === undefined) {
					// The library's types leave out how to give up.
					callback(false as unknown as AnyAuthMethod);
					return;
				}

				tried.push(method.name);
				callback(method.method);
			},
		});
	});
};
