import {readFile} from 'node:fs/promises';
import ssh2, {type AnyAuthMethod, type ParsedKey} from 'ssh2';
import {UserError, exitCodes} from '../../errors.js';
import type {SshSettings} from './ssh-settings.js';

/** What there is to log in with. */
export type Credentials = {
	readonly methods: ReadonlyArray<{
		/** For people: `the SSH agent`, `~/.ssh/id_ed25519`. */
		readonly name: string;
		readonly method: AnyAuthMethod;
	}>;
	/** Key files that are encrypted: only an agent can use them. */
	readonly encrypted: readonly string[];
};

type KeyFile =
	| {readonly kind: 'key'; readonly key: ParsedKey}
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

	return key.isPrivateKey() ? {kind: 'key', key} : {kind: 'unreadable'};
};

/** Collects the agent and the key files, in the order in which they are tried. Throws when a key that was named can not be used at all. */
export const collectCredentials = async (
	node: string,
	settings: SshSettings,
): Promise<Credentials> => {
	const {user, agent, keyFileNamed} = settings;
	const keys: Array<Credentials['methods'][number]> = [];
	const encrypted: string[] = [];
	for (const file of settings.keyFiles) {
		const found = await readKey(file);
		if (found.kind === 'key') {
			keys.push({
				name: file,
				method: {type: 'publickey', username: user, key: found.key},
			});
		} else if (found.kind === 'encrypted') {
			encrypted.push(file);
		} else if (keyFileNamed) {
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

	const fromAgent: Credentials['methods'] =
		agent === undefined || agent === ''
			? []
			: [
					{
						name: 'the SSH agent',
						method: {type: 'agent', username: user, agent},
					},
				];
	return {
		methods: keyFileNamed ? [...keys, ...fromAgent] : [...fromAgent, ...keys],
		encrypted,
	};
};
