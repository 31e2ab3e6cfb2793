import type {Buffer} from 'node:buffer';
import {readFile} from 'node:fs/promises';
import ssh2, {type AnyAuthMethod, type ParsedKey} from 'ssh2';
import {UserError, exitCodes} from '../../errors.js';
import {OrderedAgent} from './agent-keys.js';
import type {SshSettings} from './ssh-settings.js';

/** What there is to log in with. */
export type Credentials = {
	readonly methods: ReadonlyArray<{
		/** For people: `the SSH agent`, `~/.ssh/id_ed25519`. */
		readonly name: string;
		readonly method: AnyAuthMethod;
		/** Was the same tried already, by another method? */
		readonly isSpent?: () => boolean;
	}>;
	/** Key files that are encrypted: only an agent can use them. */
	readonly encrypted: readonly string[];
};

type KeyFile =
	| {readonly kind: 'key' | 'public'; readonly key: ParsedKey}
	| {readonly kind: 'encrypted' | 'absent' | 'unreadable'};

const readKey = async (file: string): Promise<KeyFile> => {
	let text: string;
	try {
		text = await readFile(file, 'utf8');
	} catch (error) {
		return {
			kind:
				(error as NodeJS.ErrnoException).code === 'ENOENT'
					? 'absent'
					: 'unreadable',
		};
	}

	const parsed: ParsedKey | Error | ReadonlyArray<ParsedKey | Error> =
		ssh2.utils.parseKey(text);
	const [key] = Array.isArray(parsed)
		? (parsed as ReadonlyArray<ParsedKey | Error>)
		: [parsed];
	if (key === undefined || key instanceof Error) {
		return {
			kind: /encrypted|passphrase/i.test(key?.message ?? '')
				? 'encrypted'
				: 'unreadable',
		};
	}

	return {kind: key.isPrivateKey() ? 'key' : 'public', key};
};

/** The public key that a key file stands for, as OpenSSH finds it: in the file itself, or beside it in `FILE.pub`. */
const publicKeyOf = async (
	file: string,
	found: KeyFile,
): Promise<Buffer | undefined> => {
	const key = 'key' in found ? found : await readKey(`${file}.pub`);
	return 'key' in key ? key.key.getPublicSSH() : undefined;
};

/** Collects the agent and the key files, in the order in which they are tried. Throws when a key that was named can not be used at all. */
export const collectCredentials = async (
	node: string,
	settings: SshSettings,
): Promise<Credentials> => {
	const {user, keyFileNamed, identitiesOnly} = settings;
	const agentSocket = settings.agent === '' ? undefined : settings.agent;
	const files: Array<{readonly file: string; readonly key: ParsedKey}> = [];
	const publicKeys: Buffer[] = [];
	const encrypted: string[] = [];
	for (const file of settings.keyFiles) {
		const found = await readKey(file);
		const publicKey = await publicKeyOf(file, found);
		if (publicKey) {
			publicKeys.push(publicKey);
		}

		if (found.kind === 'key') {
			files.push({file, key: found.key});
		} else if (found.kind === 'encrypted') {
			encrypted.push(file);
		} else if (
			keyFileNamed &&
			(publicKey === undefined || agentSocket === undefined)
		) {
			throw new UserError(
				found.kind === 'absent'
					? `The key file ${file} for ${node} does not exist.`
					: `The key file ${file} for ${node} can not be read as a private key.`,
				{
					node,
					exitCode: exitCodes.unreachable,
					tryNext: [
						`Correct identityFile of ${node} in the cluster file, or IdentityFile in your SSH configuration.`,
					],
				},
			);
		}
	}

	const agent =
		agentSocket === undefined
			? undefined
			: new OrderedAgent(agentSocket, publicKeys, identitiesOnly);
	const keys: Credentials['methods'] = files.map(({file, key}) => ({
		name: file,
		method: {type: 'publickey', username: user, key},
		isSpent: () => agent?.hasOffered(key.getPublicSSH()) ?? false,
	}));
	const fromAgent: Credentials['methods'] = agent
		? [
				{
					name: 'the SSH agent',
					method: {type: 'agent', username: user, agent},
				},
			]
		: [];
	return {
		methods: keyFileNamed ? [...keys, ...fromAgent] : [...fromAgent, ...keys],
		encrypted,
	};
};
