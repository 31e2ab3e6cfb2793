import type {Buffer} from 'node:buffer';
import ssh2, {type AnyAuthMethod, type Client} from 'ssh2';
import type {UnknownHostKey} from '../host.js';
import {stripControls} from '../terminal-text.js';
import {offeredAlgorithms} from './algorithms.js';
import {onAuthFailure} from './auth-failures.js';
import type {Authentication, LoginReport} from './authentication.js';
import {
	changedKeyError,
	expiredPasswordError,
	loginError,
	revokedKeyError,
	whereOf,
} from './connect-errors.js';
import {keepalive} from './connection.js';
import type {Dialed} from './dial.js';
import {listenToFirstWords} from './first-words.js';
import {handshakeError} from './handshake-errors.js';
import type {HostClock} from './host-clock.js';
import {
	judgeKey,
	keyTypeOf,
	knownHostName,
	type KnownHost,
	type LookupNames,
} from './known-hosts.js';
import {fingerprintOf} from './known-hosts-files.js';
import type {SshSettings} from './ssh-settings.js';

/** A login, a key that somebody has to decide about first, or a host that did not wait for a person's answer. */
export type LoginResult =
	| {readonly kind: 'ready'; readonly client: Client}
	| {readonly kind: 'closed-while-asking'; readonly report: () => LoginReport}
	| {
			readonly kind: 'unknown-key';
			readonly key: Buffer;
			readonly question: UnknownHostKey;
	  };

/** The names under which known_hosts is searched: a key that is known without the port is good, too, as for ssh. */
export const lookupNames = ({
	hostKeyAlias,
	host,
	port,
}: SshSettings): LookupNames =>
	hostKeyAlias === undefined
		? {
				name: knownHostName(host, port),
				...(port === 22 ? {} : {without: knownHostName(host, 22)}),
			}
		: {name: hostKeyAlias};

/**
 * Speaks SSH over an open way and logs in. An unknown key ends the attempt without anything sent, so that a person
 * can take their time to decide. Throws a `UserError`.
 */
export const logIn = async (details: {
	readonly node: string;
	readonly settings: SshSettings;
	readonly dialed: Dialed;
	readonly knownHosts: readonly KnownHost[];
	/** Makes the way through the methods, which may end the login. */
	readonly authenticate: (
		onEnd: (error: Error | undefined) => void,
	) => Authentication;
	readonly clock: HostClock;
	readonly signal: AbortSignal;
}): Promise<LoginResult> => {
	const {node, settings, knownHosts, clock, signal} = details;
	const {socket} = details.dialed;
	const names = lookupNames(settings);
	const client = new ssh2.Client();
	/** What the host said to the last method. */
	let refusal: Parameters<Authentication['next']> = [undefined, false];
	const words = listenToFirstWords(socket);

	return new Promise((resolve, reject) => {
		let settled = false;
		const misunderstood = (error: Error & {level?: string}): Error =>
			handshakeError(node, settings, error, {
				words,
				complaint: details.dialed.complaint?.(),
			});
		const settle = (finish: () => void): void => {
			if (settled) {
				return;
			}

			settled = true;
			words.end();
			clock.stop();
			signal.removeEventListener('abort', onAbort);
			finish();
		};

		const fail = (error: Error, how: 'refused' | 'lost' = 'lost'): void => {
			settle(() => {
				authentication.end(how);
				reject(error);
				client.destroy();
				socket.destroy();
			});
		};

		const onAbort = () => {
			fail(signal.reason as Error);
		};

		const failLogin = (isTooMany = false): void => {
			fail(
				loginError(node, settings, {...authentication.report(), isTooMany}),
				isTooMany ? 'refused' : 'lost',
			);
		};

		const authentication = details.authenticate((error) => {
			if (error === undefined) {
				failLogin();
			} else {
				fail(error);
			}
		});

		const verifyKey = (key: Buffer): boolean => {
			const question: UnknownHostKey = {
				host: settings.host,
				port: settings.port,
				algorithm: keyTypeOf(key) ?? 'unknown',
				fingerprint: fingerprintOf(key),
			};
			const verdict = judgeKey(knownHosts, names, key);
			switch (verdict.kind) {
				case 'known': {
					return true;
				}

				case 'unknown': {
					settle(() => {
						resolve({
							kind: 'unknown-key',
							key,
							question: {
								...question,
								...(verdict.authority && {
									authority: whereOf(verdict.authority),
								}),
							},
						});
						setImmediate(() => {
							client.destroy();
						});
					});
					return false;
				}

				case 'changed': {
					fail(changedKeyError(node, question, verdict.entry, names.name));
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
				// A key that could not sign; the next method comes by itself.
				return;
			}

			if (error.level === 'client-authentication') {
				failLogin();
			} else if (/too many authentication failures/i.test(error.message)) {
				failLogin(true);
			} else {
				error.message = stripControls(error.message);
				fail(misunderstood(error));
			}
		});
		client.on('change password', () => {
			fail(expiredPasswordError(node, settings));
		});
		client.once('close', () => {
			if (clock.isHeld()) {
				settle(() => {
					authentication.end('lost');
					resolve({kind: 'closed-while-asking', report: authentication.report});
				});
			} else if (authentication.report().tried.length > 0) {
				failLogin();
			} else {
				fail(misunderstood(new Error('it was closed')));
			}
		});
		client.once('ready', () => {
			settle(() => {
				authentication.end('in');
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
			// The clock is ours: a person who is asked for a password may take longer.
			readyTimeout: 0,
			keepaliveInterval: keepalive.intervalMs,
			keepaliveCountMax: keepalive.unanswered,
			algorithms: offeredAlgorithms(knownHosts, names),
			hostVerifier: verifyKey,
			authHandler(_methodsLeft, _isPartial, callback) {
				void (async () => {
					let method: AnyAuthMethod | undefined;
					try {
						method = await clock.hold(async () =>
							authentication.next(...refusal),
						);
					} catch (error) {
						fail(error as Error);
						return;
					}

					if (!settled) {
						// The library's types leave out how to give up.
						callback(method ?? (false as unknown as AnyAuthMethod));
					}
				})();
			},
		});
		onAuthFailure(client, (allowed, isPartial) => {
			refusal = [allowed, isPartial];
		});
		clock.start(settings.connectTimeoutMs, () => {
			fail(
				misunderstood(
					Object.assign(new Error('it was too slow'), {
						level: 'client-timeout',
					}),
				),
			);
		});
	});
};
