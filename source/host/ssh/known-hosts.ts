import {Buffer} from 'node:buffer';
import {createHmac} from 'node:crypto';
import {matchesPatterns} from './patterns.js';

/** One line of a known_hosts file that names a key (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
export type KnownHost = {
	readonly file: string;
	/** Counted from 1. */
	readonly line: number;
	/** Is the key marked as stolen, or as one that signs certificates of hosts? */
	readonly marker: 'revoked' | 'authority' | undefined;
	/** The first field as written: patterns, or one hashed name. */
	readonly names: string;
	/** Such as `ssh-ed25519`. */
	readonly keyType: string;
	/** The key in SSH's own encoding. */
	readonly key: Buffer;
};

const markers: Readonly<Record<string, KnownHost['marker']>> = {
	'@revoked': 'revoked',
	'@cert-authority': 'authority',
};

/** Types of keys that a host may have; a line with any other says nothing about it, as for ssh. */
const keyTypes = new Set([
	'ssh-ed25519',
	'ecdsa-sha2-nistp256',
	'ecdsa-sha2-nistp384',
	'ecdsa-sha2-nistp521',
	'ssh-rsa',
	'ssh-dss',
	'sk-ssh-ed25519@openssh.com',
	'sk-ecdsa-sha2-nistp256@openssh.com',
]);

/** Reads a known_hosts file. Lines that it does not understand are left out, as ssh does. */
export const parseKnownHosts = (text: string, file: string): KnownHost[] => {
	const entries: KnownHost[] = [];
	for (const [index, line] of text.split('\n').entries()) {
		const words = line.trim().split(/[\t ]+/);
		if (words[0] === '' || words[0]!.startsWith('#')) {
			continue;
		}

		const mark = words[0]!.startsWith('@') ? words.shift()! : undefined;
		const marker = mark === undefined ? undefined : markers[mark];
		const [names, keyType, base64] = words;
		if (
			names === undefined ||
			keyType === undefined ||
			base64 === undefined ||
			(mark !== undefined && marker === undefined)
		) {
			continue;
		}

		const key = Buffer.from(base64, 'base64');
		if (keyTypes.has(keyType) && keyTypeOf(key) === keyType) {
			entries.push({file, line: index + 1, marker, names, keyType, key});
		}
	}

	return entries;
};

/** The type that an encoded key names, or `undefined` when it is no key. */
export const keyTypeOf = (key: Buffer): string | undefined => {
	if (key.length < 4) {
		return undefined;
	}

	const length = key.readUInt32BE(0);
	return length > 0 && length < 64 && key.length >= 4 + length
		? key.subarray(4, 4 + length).toString('latin1')
		: undefined;
};

/** A name as `HashKnownHosts` writes it; nobody can read it back. */
export const hashName = (name: string, salt: Buffer): string =>
	`|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;

/** The name under which a host stands in known_hosts. */
export const knownHostName = (host: string, port: number): string =>
	port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;

const matchesHashed = (hashed: string, name: string): boolean => {
	const [, version, salt] = hashed.split('|');
	return (
		version === '1' &&
		salt !== undefined &&
		hashName(name, Buffer.from(salt, 'base64')) === hashed
	);
};

/** Does the line speak of the host? A pattern after `!` that matches says no, whatever else matches. */
export const namesMatch = (names: string, name: string): boolean =>
	names.startsWith('|')
		? matchesHashed(names, name)
		: matchesPatterns(names.toLowerCase().split(','), name);

export type KeyVerdict =
	| {readonly kind: 'known'}
	/** `authority` is a line that trusts the host by a certificate, which we can not check. */
	| {readonly kind: 'unknown'; readonly authority?: KnownHost | undefined}
	/** Another key is known for the host. */
	| {readonly kind: 'changed'; readonly entry: KnownHost}
	| {readonly kind: 'revoked'; readonly entry: KnownHost};

/** The names under which known_hosts is searched for a host. */
export type LookupNames = {
	/** The one that counts, and that new keys are written under. */
	readonly name: string;
	/** A key that is known under this one is good, too; another key there says nothing. */
	readonly without?: string | undefined;
};

/**
 * What known_hosts says of a host's key. A host that is known by a key of another type only counts as changed, as for
 * ssh, even if that is one that nobody uses any more: the known types are asked for first, so a good host would have shown
 * one of them. Source: `check_hostkeys_by_key_or_type` in hostfile.c of OpenSSH.
 */
export const judgeKey = (
	entries: readonly KnownHost[],
	{name, without}: LookupNames,
	key: Buffer,
): KeyVerdict => {
	const mine = entries.filter(({names}) => namesMatch(names, name));
	const nearby =
		without === undefined
			? []
			: entries.filter(({names}) => namesMatch(names, without));
	const same = [...mine, ...nearby].filter(
		(entry) => entry.marker !== 'authority' && entry.key.equals(key),
	);
	const revoked = same.find(({marker}) => marker === 'revoked');
	if (revoked) {
		return {kind: 'revoked', entry: revoked};
	}

	if (same.some((entry) => mine.includes(entry))) {
		return {kind: 'known'};
	}

	const others = mine.filter(({marker}) => marker === undefined);
	const type = keyTypeOf(key);
	const entry = others.find(({keyType}) => keyType === type) ?? others[0];
	if (entry) {
		return {kind: 'changed', entry};
	}

	return same.length > 0
		? {kind: 'known'}
		: {
				kind: 'unknown',
				authority: mine.find(({marker}) => marker === 'authority'),
			};
};

/** Signature algorithms that a key of a type can be shown with, best first. */
const signatureAlgorithms: Readonly<Record<string, readonly string[]>> = {
	'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** Host key algorithms to offer: those of the keys that are known for the host before all others. */
export const orderAlgorithms = <Algorithm extends string>(
	supported: readonly Algorithm[],
	entries: readonly KnownHost[],
	{name, without = name}: LookupNames,
): Algorithm[] => {
	const known = new Set<string>(
		entries
			.filter(
				({marker, names}) =>
					marker === undefined &&
					(namesMatch(names, name) || namesMatch(names, without)),
			)
			.flatMap(({keyType}) => signatureAlgorithms[keyType] ?? [keyType]),
	);
	return [
		...supported.filter((algorithm) => known.has(algorithm)),
		...supported.filter((algorithm) => !known.has(algorithm)),
	];
};
