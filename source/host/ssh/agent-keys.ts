import type {Buffer} from 'node:buffer';
import ssh2, {
	type IdentityCallback,
	type ParsedKey,
	type SignCallback,
	type SigningRequestOptions,
} from 'ssh2';

type AgentKey = string | Buffer | ParsedKey;

type AgentEntry = NonNullable<Parameters<IdentityCallback>[1]>[number];

/** A public key in SSH's own encoding; empty for one that is not understood. */
const encodingOf = (entry: AgentEntry): string => {
	const key =
		typeof entry === 'object' && 'pubKey' in entry ? entry.pubKey : entry;
	const parsed = ssh2.utils.parseKey(
		typeof key === 'object' && 'pubKey' in key ? key.pubKey : key,
	);
	return parsed instanceof Error
		? ''
		: parsed.getPublicSSH().toString('base64');
};

/**
 * An SSH agent whose keys come in the order of OpenSSH: first those that a key file names, then the others, or none
 * of them where the configuration says `IdentitiesOnly yes`. A server ends the login after a few keys, so the ones
 * that were meant must not come last. Source: ssh_config(5), IdentitiesOnly, and `pubkey_prepare` of OpenSSH.
 */
export class OrderedAgent extends ssh2.BaseAgent {
	readonly #agent: ssh2.BaseAgent;
	readonly #named: ReadonlySet<string>;
	readonly #namedOnly: boolean;
	readonly #offered = new Set<string>();

	/** `named` are the public keys of the key files. */
	constructor(socket: string, named: readonly Buffer[], namedOnly: boolean) {
		super();
		this.#agent = ssh2.createAgent(socket);
		this.#named = new Set(named.map((key) => key.toString('base64')));
		this.#namedOnly = namedOnly;
	}

	/** Has the agent had its try with this key? */
	hasOffered(publicKey: Buffer): boolean {
		return this.#offered.has(publicKey.toString('base64'));
	}

	override getIdentities(callback: IdentityCallback<AgentKey>): void {
		this.#agent.getIdentities((error, keys) => {
			if (!keys) {
				callback(error);
				return;
			}

			const known = keys.map((key) => ({key, encoding: encodingOf(key)}));
			const named = known.filter(({encoding}) => this.#named.has(encoding));
			const others = known.filter(({encoding}) => !this.#named.has(encoding));
			const chosen = this.#namedOnly ? named : [...named, ...others];
			for (const {encoding} of chosen) {
				this.#offered.add(encoding);
			}

			callback(
				undefined,
				chosen.map(({key}) => key),
			);
		});
	}

	override sign(
		key: AgentKey,
		data: Buffer,
		options: SigningRequestOptions | SignCallback,
		callback?: SignCallback,
	): void {
		if (typeof options === 'function') {
			this.#agent.sign(key, data, options);
		} else {
			this.#agent.sign(key, data, options, callback);
		}
	}
}
