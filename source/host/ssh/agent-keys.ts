import {Buffer} from 'node:buffer';
import type {Duplex} from 'node:stream';
import ssh2, {
	type IdentityCallback,
	type ParsedKey,
	type SignCallback,
	type SigningRequestOptions,
} from 'ssh2';
import {withDeadline} from '../../deadline.js';
import {stripControls} from '../terminal-text.js';
import {parsePublicKey} from './key-files.js';
import type {UnusableKey} from './unusable-keys.js';

/** How long an agent may take to list its keys, in ms. */
const listLimitMs = 10_000;

/** A key that an SSH agent holds. */
export type AgentKey = {
	readonly key: ParsedKey;
	/** What the agent calls it, cleaned: often the file that it came from, or `me@laptop`. */
	readonly comment: string;
};

/** What an agent holds, in its own order. */
export type AgentKeys = {
	readonly keys: readonly AgentKey[];
	readonly unusable: readonly UnusableKey[];
};

/** The question for an agent's keys, the type of its answer, and how long that may be. Source: authfd.h of OpenSSH. */
const requestIdentities = 11;
const identitiesAnswer = 12;
const longestAnswer = 262_144;

/** What an agent is called by, for people. */
export const agentKeyName = (comment: string): string =>
	comment === '' ? 'agent key' : `agent key ${comment}`;

/** Public keys with their comments from an agent's answer. Throws when it is none. */
const readIdentities = (answer: Buffer): AgentKeys => {
	let at = 5;
	const field = (): Buffer => {
		const begin = at + 4;
		at = begin + answer.readUInt32BE(at);
		if (at > answer.length) {
			throw new Error('The answer of the agent ends in the middle.');
		}

		return answer.subarray(begin, at);
	};

	const keys: AgentKey[] = [];
	const unusable: UnusableKey[] = [];
	if (answer[0] !== identitiesAnswer) {
		throw new Error('The agent refuses to tell its keys.');
	}

	for (let left = answer.readUInt32BE(1); left > 0; left -= 1) {
		const encoding = field();
		const comment = stripControls(field().toString());
		const key = parsePublicKey(encoding);
		if (key === undefined) {
			unusable.push({what: agentKeyName(comment), key: encoding});
		} else {
			keys.push({key, comment});
		}
	}

	return {keys, unusable};
};

/** Asks over an open stream to an agent. The library would not tell of keys that it does not know. */
const askForKeys = async (stream: Duplex): Promise<AgentKeys> => {
	const question = Buffer.alloc(5);
	question.writeUInt32BE(1);
	question[4] = requestIdentities;
	stream.write(question);
	let received = Buffer.alloc(0);
	for await (const bytes of stream as AsyncIterable<Buffer>) {
		received = Buffer.concat([received, bytes]);
		const length = received.length < 4 ? 0 : received.readUInt32BE();
		if (length > longestAnswer) {
			break;
		}

		if (length > 0 && received.length >= 4 + length) {
			return readIdentities(received.subarray(4, 4 + length));
		}
	}

	throw new Error('The agent does not answer.');
};

/** The keys of an agent; `undefined` when it does not answer. */
export const listAgentKeys = async (
	agent: ssh2.BaseAgent,
	signal: AbortSignal,
): Promise<AgentKeys | undefined> =>
	new Promise((resolve) => {
		const limit = withDeadline(signal, listLimitMs);
		let stream: Duplex | undefined;
		limit.addEventListener(
			'abort',
			() => {
				stream?.destroy();
				resolve(undefined);
			},
			{once: true},
		);
		agent.getStream!((_error, opened) => {
			stream = opened;
			if (stream === undefined || limit.aborted) {
				stream?.destroy();
				resolve(undefined);
				return;
			}

			stream.on('error', () => undefined);
			void (async () => {
				try {
					resolve(await askForKeys(stream));
				} catch {
					resolve(undefined);
				} finally {
					stream.destroy();
				}
			})();
		});
	});

/** Signs with one key, whoever holds its private half. Rejects when it can not. */
export type Sign = (data: Buffer, hash: string | undefined) => Promise<Buffer>;

/**
 * One key in the form of an agent. The library offers the public half first and asks for a signature only when the
 * host accepts that key, and an agent may take its time for it: a passphrase is asked for then, and never for a key that
 * is not accepted. One key each, because the library tries those of one agent without telling what became of each.
 */
export class OneKeyAgent extends ssh2.BaseAgent<ParsedKey> {
	readonly #key: ParsedKey;
	readonly #sign: Sign;

	constructor(key: ParsedKey, sign: Sign) {
		super();
		this.#key = key;
		this.#sign = sign;
	}

	override getIdentities(callback: IdentityCallback<ParsedKey>): void {
		callback(undefined, [this.#key]);
	}

	override sign(
		_key: ParsedKey,
		data: Buffer,
		options: SigningRequestOptions | SignCallback,
		callback?: SignCallback,
	): void {
		const done = typeof options === 'function' ? options : callback!;
		const hash = typeof options === 'function' ? undefined : options.hash;
		void (async () => {
			let signature: Buffer;
			try {
				signature = await this.#sign(data, hash);
			} catch (error) {
				done(error as Error);
				return;
			}

			done(undefined, signature);
		})();
	}
}

/** Signs with a key that an agent holds. */
export const signByAgent =
	(agent: ssh2.BaseAgent, key: ParsedKey): Sign =>
	async (data, hash) =>
		new Promise((resolve, reject) => {
			agent.sign(
				key,
				data,
				hash === undefined ? {} : {hash: hash as 'sha256' | 'sha512'},
				(error, signature) => {
					if (signature === undefined) {
						reject(error ?? new Error('The agent does not sign.'));
					} else {
						resolve(signature);
					}
				},
			);
		});
