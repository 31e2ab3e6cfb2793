import type {Buffer} from 'node:buffer';
import ssh2, {
	type IdentityCallback,
	type ParsedKey,
	type SignCallback,
	type SigningRequestOptions,
} from 'ssh2';
import {withDeadline} from '../../deadline.js';
import {stripControls} from '../terminal-text.js';

/** How long an agent may take to list its keys, in ms. */
const listLimitMs = 10_000;

/** A key that an SSH agent holds. */
export type AgentKey = {
	readonly key: ParsedKey;
	/** What the agent calls it, cleaned: often the file that it came from, or `me@laptop`. */
	readonly comment: string;
};

/** The keys of an agent, in its own order; `undefined` when it does not answer. Certificates are left out. */
export const listAgentKeys = async (
	agent: ssh2.BaseAgent,
	signal: AbortSignal,
): Promise<readonly AgentKey[] | undefined> =>
	new Promise((resolve) => {
		const limit = withDeadline(signal, listLimitMs);
		limit.addEventListener(
			'abort',
			() => {
				resolve(undefined);
			},
			{once: true},
		);
		agent.getIdentities((_error, keys) => {
			// What comes from an agent's protocol is parsed; the library's types have more forms.
			resolve(
				keys?.flatMap((key) =>
					typeof key === 'object' && 'type' in key
						? [{key, comment: stripControls(key.comment ?? '')}]
						: [],
				),
			);
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
