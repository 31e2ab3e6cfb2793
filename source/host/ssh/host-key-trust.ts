import type {Buffer} from 'node:buffer';
import type {ConnectQuestions, UnknownHostKey} from '../host.js';
import {newKeyError, untrustedKeyError} from './connect-errors.js';
import {
	judgeKey,
	keyTypeOf,
	type KnownHost,
	type LookupNames,
} from './known-hosts.js';
import {readKnownHosts, rememberKey} from './known-hosts-files.js';
import type {SshSettings} from './ssh-settings.js';

/** A key that nobody has decided about yet. */
export type NewKey = {
	readonly key: Buffer;
	readonly question: UnknownHostKey;
};

/** What is known of hosts, and who decides about those that are new. */
export type HostKeyTrust = {
	/** All that is known now: the files, and what no file keeps. */
	known(settings: SshSettings): Promise<readonly KnownHost[]>;
	/**
	 * Decides about a new key by the configuration or the person, and remembers it. Asks once, however many nodes are
	 * behind one key at the same time. Throws a `UserError` when it is not trusted.
	 */
	decide(
		settings: SshSettings,
		names: LookupNames,
		found: NewKey,
		asker: {
			readonly node: string;
			readonly questions: ConnectQuestions;
		},
	): Promise<void>;
};

/**
 * `note` hears of keys that are accepted without a question, and of files that can not be read or written: as for ssh,
 * neither ends a login.
 */
export const makeHostKeyTrust = (
	note: (text: string) => void,
): HostKeyTrust => {
	const pending = new Map<string, Promise<boolean>>();
	/** Keys that were trusted and that no file keeps. */
	const unwritten: KnownHost[] = [];

	const known: HostKeyTrust['known'] = async ({knownHostsFiles}) => [
		...(await readKnownHosts(knownHostsFiles, (file, why) => {
			note(
				`${file} can not be read, so hosts that it knows count as new: ${why}`,
			);
		})),
		...unwritten,
	];

	const remember = async (
		{newKeysFile, hashNewNames}: SshSettings,
		{name}: LookupNames,
		key: Buffer,
	): Promise<void> => {
		let isKept = false;
		try {
			isKept =
				newKeysFile !== undefined &&
				(await rememberKey(newKeysFile, name, key, {isHashed: hashNewNames}));
		} catch (error) {
			note(
				`The host key of ${name} can not be written to ${newKeysFile}, so it is trusted for this run only: ${(error as Error).message}`,
			);
		}

		if (!isKept) {
			unwritten.push({
				file: '',
				line: 0,
				marker: undefined,
				names: name,
				keyType: keyTypeOf(key)!,
				key,
			});
		}
	};

	return {
		known,
		async decide(settings, names, {key, question}, asker) {
			const {node, questions} = asker;
			if (settings.newHosts === 'refuse') {
				throw newKeyError(node, question, names.name);
			}

			const decideOnce = async (): Promise<boolean> => {
				// Another connection may just have learned it.
				const verdict = judgeKey(await known(settings), names, key);
				if (verdict.kind !== 'unknown') {
					return true;
				}

				// Who trusts a host by certificate only has not meant that any key will do.
				const isAccepted =
					settings.newHosts === 'accept' && question.authority === undefined;
				if (isAccepted) {
					note(
						`New host key of ${question.host} port ${question.port}: ${question.algorithm} ${question.fingerprint}, accepted and remembered as StrictHostKeyChecking of your SSH configuration says.`,
					);
				}

				const isTrusted =
					isAccepted || (await questions.trustHostKey(question));
				if (isTrusted) {
					await remember(settings, names, key);
				}

				return isTrusted;
			};

			const id = `${names.name} ${question.fingerprint}`;
			const answer = pending.get(id) ?? decideOnce();
			pending.set(id, answer);
			try {
				if (!(await answer)) {
					throw untrustedKeyError(node, question, names.name);
				}
			} finally {
				pending.delete(id);
			}
		},
	};
};
