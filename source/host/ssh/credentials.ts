import type {Buffer} from 'node:buffer';
import ssh2, {type AnyAuthMethod, type ParsedKey} from 'ssh2';
import {UserError, exitCodes} from '../../errors.js';
import type {ConnectQuestions} from '../host.js';
import {
	OneKeyAgent,
	agentKeyName,
	listAgentKeys,
	signByAgent,
	type AgentKey,
	type Sign,
} from './agent-keys.js';
import {fileExists} from './file-exists.js';
import type {HostClock} from './host-clock.js';
import {readKeyFile, type KeyRing} from './key-files.js';
import {fingerprintOf} from './known-hosts-files.js';
import type {SshSettings} from './ssh-settings.js';
import {
	unusableInstead,
	unusableIs,
	unusableName,
	unusableNote,
	type UnusableKey,
} from './unusable-keys.js';

/** A key to log in with. */
export type Identity = {
	/** For people, with type and fingerprint: `~/.ssh/id_ed25519 (ssh-ed25519 SHA256:…)`. */
	readonly name: string;
	/** `undefined` when the passphrase that it needs is not given. */
	readonly method: () => Promise<AnyAuthMethod | undefined>;
	/** Why it could not sign although the host knows it; empty when nothing went wrong. */
	readonly trouble: () => string | undefined;
};

/** What there is to log in with. */
export type Credentials = {
	/** In the order in which they are tried. */
	readonly identities: readonly Identity[];
	/** Keys that can not be tried, by their names. */
	readonly untried: readonly string[];
	/** What can not be used, a sentence each. */
	readonly notes: readonly string[];
};

type Ground = {
	readonly node: string;
	readonly settings: SshSettings;
	readonly keyRing: KeyRing;
	readonly questions: ConnectQuestions;
	readonly clock: HostClock;
	readonly signal: AbortSignal;
};

const encodingOf = (key: ParsedKey): string =>
	key.getPublicSSH().toString('base64');

const nameOf = (what: string, key: ParsedKey): string =>
	`${what} (${key.type} ${fingerprintOf(key.getPublicSSH())})`;

const makeIdentity = (
	{settings: {user}, clock}: Ground,
	what: string,
	key: ParsedKey,
	sign: Sign,
): Identity => {
	let trouble: string | undefined;
	const agent = new OneKeyAgent(key, async (data, hash) => {
		try {
			if (key.type === 'ssh-rsa' && (hash === undefined || hash === 'sha1')) {
				throw new Error(
					'the host takes RSA keys only with SHA-1, which is broken',
				);
			}

			return await clock.hold(async () => sign(data, hash));
		} catch (error) {
			trouble = (error as Error).message;
			throw error;
		}
	});
	return {
		name: nameOf(what, key),
		method: async () => ({type: 'agent', username: user, agent}),
		trouble: () => trouble,
	};
};

const signByKey =
	(key: ParsedKey): Sign =>
	async (data, hash) => {
		const signature: Buffer | Error = key.sign(data, hash);
		if (signature instanceof Error) {
			throw signature;
		}

		return signature;
	};

/** A file whose public half is in it or beside it: the passphrase is asked for when the host accepts that key. */
const lockedIdentity = (
	ground: Ground,
	file: string,
	text: string,
	key: ParsedKey,
): Identity =>
	makeIdentity(ground, file, key, async (data, hash) => {
		const {keyRing, questions} = ground;
		const opened = await keyRing.unlock(file, text, questions);
		if (opened === undefined) {
			throw new Error('nobody gave its passphrase');
		}

		if (opened instanceof Error) {
			throw opened;
		}

		if (encodingOf(opened) !== encodingOf(key)) {
			throw new Error(`${file}.pub belongs to another key`);
		}

		return signByKey(opened)(data, hash);
	});

/** A file that says nothing before it is opened. */
const sealedIdentity = (
	ground: Ground,
	file: string,
	text: string,
): Identity => {
	let inner: Identity | undefined;
	let trouble: string | undefined;
	return {
		name: file,
		async method() {
			const {keyRing, questions} = ground;
			const key = await keyRing.unlock(file, text, questions);
			if (key === undefined || key instanceof Error) {
				trouble = key?.message ?? 'nobody gave its passphrase';
				return undefined;
			}

			inner = makeIdentity(ground, file, key, signByKey(key));
			return inner.method();
		},
		trouble: () => trouble ?? inner?.trouble(),
	};
};

const keyFileError = (
	node: string,
	message: string,
	advice: readonly string[],
): UserError =>
	new UserError(message, {
		node,
		exitCode: exitCodes.unreachable,
		tryNext: [
			...advice,
			`Correct identityFile of ${node} in the cluster file, or IdentityFile in your SSH configuration.`,
		],
	});

const noKeyFile = (
	node: string,
	file: string,
	kind: 'absent' | 'unreadable' | 'public',
): UserError =>
	keyFileError(
		node,
		kind === 'absent'
			? `The key file ${file} for ${node} does not exist.`
			: `The key file ${file} for ${node} can not be read as a private key.`,
		[],
	);

const unusableKeyFile = (node: string, key: UnusableKey): UserError =>
	keyFileError(
		node,
		`The key file ${key.what} for ${node} is ${unusableIs(key)}.`,
		[unusableInstead(key)],
	);

/** The library can offer no certificate: it would sign in the certificate's name, which OpenSSH refuses. */
const certificateNotes = async ({
	keyFiles,
	authentication,
}: SshSettings): Promise<string[]> => {
	const files = [
		...authentication.certificateFiles,
		...keyFiles.map((file) => `${file}-cert.pub`),
	];
	const found: string[] = [];
	for (const file of new Set(files)) {
		if (await fileExists(file)) {
			found.push(
				`${file} is a certificate, which this program can not use: let the host accept the key itself.`,
			);
		}
	}

	return found;
};

/**
 * Collects the keys of the agent and of the files, in the order of OpenSSH: those of the agent that a file names, the
 * agent's others, then the files; a file that was asked for by name comes before the agent's others. A host ends the
 * login after a few keys, so the ones that were meant must not come last. Throws when a key that was named can not be
 * used at all. Source: ssh_config(5), IdentitiesOnly, and `pubkey_prepare` of OpenSSH.
 */
export const collectCredentials = async (
	ground: Ground,
): Promise<Credentials> => {
	const {node, settings, signal} = ground;
	const {keyFileNamed, identitiesOnly} = settings;
	const notes = await certificateNotes(settings);
	const socket = settings.agent === '' ? undefined : settings.agent;
	const agent = socket === undefined ? undefined : ssh2.createAgent(socket);
	const listed = agent && (await listAgentKeys(agent, signal));
	signal.throwIfAborted();
	if (agent !== undefined && listed === undefined) {
		notes.push(`The SSH agent at ${socket} does not answer.`);
	}

	const held = new Map<string, AgentKey>(
		(listed?.keys ?? []).map((known) => [encodingOf(known.key), known]),
	);
	const byAgent = ({key, comment}: AgentKey): Identity =>
		makeIdentity(ground, agentKeyName(comment), key, signByAgent(agent!, key));

	const named: Identity[] = [];
	const files: Identity[] = [];
	const unusable: UnusableKey[] = identitiesOnly
		? []
		: [...(listed?.unusable ?? [])];
	for (const file of settings.keyFiles) {
		const found = await readKeyFile(file);
		const key = 'key' in found ? found.key : undefined;
		const inAgent = key && held.get(encodingOf(key));
		if (inAgent !== undefined) {
			held.delete(encodingOf(inAgent.key));
			named.push(byAgent(inAgent));
			continue;
		}

		switch (found.kind) {
			case 'key': {
				files.push(makeIdentity(ground, file, found.key, signByKey(found.key)));
				break;
			}

			case 'encrypted': {
				files.push(
					found.key === undefined
						? sealedIdentity(ground, file, found.text)
						: lockedIdentity(ground, file, found.text, found.key),
				);
				break;
			}

			case 'unusable': {
				const {encoding} = found;
				if (keyFileNamed) {
					throw unusableKeyFile(node, {what: file, key: encoding});
				}

				if (!unusable.some(({key: known}) => known.equals(encoding))) {
					unusable.push({what: file, key: encoding});
				}

				break;
			}

			case 'public':
			case 'absent':
			case 'unreadable': {
				if (keyFileNamed && !(found.kind === 'public' && agent)) {
					throw noKeyFile(node, file, found.kind);
				}
			}
		}
	}

	const others = identitiesOnly
		? []
		: [...held.values()].map((known) => byAgent(known));
	return {
		identities: keyFileNamed
			? [...named, ...files, ...others]
			: [...named, ...others, ...files],
		untried: unusable.map((key) => unusableName(key)),
		notes: [...notes, ...unusable.map((key) => unusableNote(key))],
	};
};
