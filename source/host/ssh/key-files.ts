import {Buffer} from 'node:buffer';
import {readFile} from 'node:fs/promises';
import ssh2, {type ParsedKey} from 'ssh2';
import type {ConnectQuestions} from '../host.js';
import {keyTypeOf} from './known-hosts.js';
import {UnknownKeyType, fromPkcs8, pkcs8Kind} from './pkcs8.js';
import {subjectOf, type SecretMemory} from './secret-memory.js';

/** A key file, as far as it can be read without a passphrase. */
export type KeyFile =
	/** `public`: the file holds the public half only, which says which key of an agent is meant. */
	| {readonly kind: 'key' | 'public'; readonly key: ParsedKey}
	/** Its public half is known when `FILE.pub` beside it, or the file itself, has it in clear. */
	| {
			readonly kind: 'encrypted';
			readonly text: string;
			readonly key: ParsedKey | undefined;
	  }
	/** A key of a type that the library does not know; its public half in SSH's own encoding. */
	| {readonly kind: 'unusable'; readonly encoding: Buffer}
	| {readonly kind: 'absent' | 'unreadable'};

/** Parses a key as the library does; its types leave out that it may return several. */
const parseKey = (
	text: string | Buffer,
	passphrase?: string,
): ParsedKey | Error => {
	const parsed: ParsedKey | Error | ReadonlyArray<ParsedKey | Error> =
		ssh2.utils.parseKey(text, passphrase);
	return Array.isArray(parsed)
		? ((parsed as ReadonlyArray<ParsedKey | Error>)[0] ??
				new Error('no key in it'))
		: parsed;
};

/** Parses a private key in any form that OpenSSH reads. */
const parsePrivateKey = (
	text: string,
	passphrase?: string,
): ParsedKey | Error => {
	if (pkcs8Kind(text) === undefined) {
		return parseKey(text, passphrase);
	}

	const readable = fromPkcs8(text, passphrase);
	return typeof readable === 'string' ? parseKey(readable) : readable;
};

/** A public key from SSH's own encoding; `undefined` for one that is not understood. */
export const parsePublicKey = (encoding: Buffer): ParsedKey | undefined => {
	const parsed = parseKey(encoding);
	return parsed instanceof Error ? undefined : parsed;
};

/** The public key that OpenSSH writes in clear before a private one. Source: PROTOCOL.key of OpenSSH. */
const clearPublicKey = (text: string): Buffer | undefined => {
	const [, body] =
		/-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END/.exec(text) ?? [];
	const bytes = Buffer.from(body ?? '', 'base64');
	const magic = 'openssh-key-v1\0';
	if (bytes.subarray(0, magic.length).toString('latin1') !== magic) {
		return undefined;
	}

	let at = magic.length;
	const field = (): Buffer => {
		const length = bytes.readUInt32BE(at);
		at += 4 + length;
		return bytes.subarray(at - length, at);
	};

	try {
		// Cipher, KDF and its options, then how many keys follow.
		field();
		field();
		field();
		at += 4;
		return field();
	} catch {
		return undefined;
	}
};

const readText = async (
	file: string,
): Promise<
	{readonly text: string} | {readonly kind: 'absent' | 'unreadable'}
> => {
	try {
		return {text: await readFile(file, 'utf8')};
	} catch (error) {
		return {
			kind:
				(error as NodeJS.ErrnoException).code === 'ENOENT'
					? 'absent'
					: 'unreadable',
		};
	}
};

/** A public key as it stands in `FILE.pub`: its type, and its encoding in base64. */
const publicKeyIn = (text: string): Buffer | undefined => {
	const [type, base64 = ''] = text.trim().split(/\s+/);
	const encoding = Buffer.from(base64, 'base64');
	return keyTypeOf(encoding) === type ? encoding : undefined;
};

/** The key in a file or beside it, when it is one that the library does not know. */
const unusableKey = async (
	file: string,
	text: string,
): Promise<Buffer | undefined> => {
	const beside = await readText(`${file}.pub`);
	const encoding =
		clearPublicKey(text) ??
		publicKeyIn(text) ??
		('text' in beside ? publicKeyIn(beside.text) : undefined);
	return encoding === undefined || parsePublicKey(encoding) !== undefined
		? undefined
		: encoding;
};

/** The public key that lies beside a key file, in `FILE.pub`. */
const keyBeside = async (file: string): Promise<ParsedKey | undefined> => {
	const read = await readText(`${file}.pub`);
	const parsed = 'text' in read ? parseKey(read.text) : undefined;
	return parsed === undefined || parsed instanceof Error ? undefined : parsed;
};

/** Reads a key file. Without its private half there may still be `FILE.pub`, which says which key of an agent is meant. */
export const readKeyFile = async (file: string): Promise<KeyFile> => {
	const read = await readText(file);
	if (!('text' in read)) {
		const beside = await keyBeside(file);
		if (beside !== undefined) {
			return {kind: 'public', key: beside};
		}

		const encoding = await unusableKey(file, '');
		return encoding === undefined ? read : {kind: 'unusable', encoding};
	}

	const parsed = parsePrivateKey(read.text);
	if (!(parsed instanceof Error)) {
		return {kind: parsed.isPrivateKey() ? 'key' : 'public', key: parsed};
	}

	const encoding = await unusableKey(file, read.text);
	if (encoding !== undefined) {
		return {kind: 'unusable', encoding};
	}

	if (
		pkcs8Kind(read.text) === 'encrypted' ||
		/encrypted|passphrase/i.test(parsed.message)
	) {
		const clear = clearPublicKey(read.text);
		return {
			kind: 'encrypted',
			text: read.text,
			key: (await keyBeside(file)) ?? (clear && parsePublicKey(clear)),
		};
	}

	const beside = await keyBeside(file);
	return beside === undefined
		? {kind: 'unreadable'}
		: {kind: 'public', key: beside};
};

/** Opens encrypted key files, each once for the whole run: the derivation of its key takes 0.3 s of CPU. */
export type KeyRing = {
	/**
	 * `undefined` when nobody gives the passphrase; an error when the passphrase is right and SSH knows no such keys.
	 * `text` is what is in the file.
	 */
	unlock(
		file: string,
		text: string,
		questions: ConnectQuestions,
	): Promise<ParsedKey | UnknownKeyType | undefined>;
};

/** A key ring that has opened nothing yet. */
export const makeKeyRing = (secrets: SecretMemory): KeyRing => {
	/** By what is in the file: another key may be put into its place. */
	const opened = new Map<string, ParsedKey | UnknownKeyType>();
	return {
		async unlock(file, text, questions) {
			const question = {kind: 'passphrase', file} as const;
			const need = secrets.need(subjectOf(question));
			for (;;) {
				const lease = await need.take(async (attempt) =>
					questions.askSecret({...question, attempt}),
				);
				if (lease === undefined) {
					return undefined;
				}

				const key = opened.get(text) ?? parsePrivateKey(text, lease.secret);
				if (!(key instanceof Error) || key instanceof UnknownKeyType) {
					opened.set(text, key);
					lease.settle('right');
					return key;
				}

				lease.settle('wrong');
			}
		},
	};
};
