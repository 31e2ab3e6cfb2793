import {Buffer} from 'node:buffer';
import {createHmac} from 'node:crypto';

/** One line of a known_hosts file that names a key (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
export type KnownHost = {
	readonly file: string;
	/** Counted from 1. */
	readonly line: number;
	readonly revoked: boolean;
	/** The first field as written: patterns, or one hashed name. */
	readonly names: string;
	/** Such as `ssh-ed25519`. */
	readonly keyType: string;
	/** The key in SSH's own encoding. */
	readonly key: Buffer;
};

/** Reads a known_hosts file. Lines that it does not understand, and certificate authorities, are left out. */
export const parseKnownHosts = (text: string, file: string): KnownHost[] => {
	const entries: KnownHost[] = [];
	for (const [index, line] of text.split('\n').entries()) {
		const words = line.trim().split(/[\t ]+/);
		if (words[0] === '' || words[0]!.startsWith('#')) {
			continue;
		}

		const marker = words[0]!.startsWith('@') ? words.shift() : undefined;
		const [names, keyType, base64] = words;
		if (
			names === undefined ||
			keyType === undefined ||
			base64 === undefined ||
			(marker !== undefined && marker !== '@revoked')
		) {
			continue;
		}

		const key = Buffer.from(base64, 'base64');
		if (keyTypeOf(key) === keyType) {
			entries.push({
				file,
				line: index + 1,
				revoked: marker === '@revoked',
				names,
				keyType,
				key,
			});
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

/** The name under which a host stands in known_hosts. */
export const knownHostName = (host: string, port: number): string =>
	port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;

const matchesHashed = (hashed: string, name: string): boolean => {
	const [, version, salt, hash] = hashed.split('|');
	return (
		version === '1' &&
		salt !== undefined &&
		hash !== undefined &&
		createHmac('sha1', Buffer.from(salt, 'base64'))
			.update(name)
			.digest('base64') === hash
	);
};

/** `*` is any text and `?` any character; everything else is itself. */
const matchesPattern = (pattern: string, name: string): boolean => {
	const expression = pattern
		.toLowerCase()
		.replaceAll(/[$()+.[\\\]^{|}]/g, String.raw`\$&`)
		.replaceAll('*', '.*')
		.replaceAll('?', '.');
	return new RegExp(`^${expression}$`, 's').test(name);
};

/** Does the line speak of the host? A pattern after `!` that matches says no, whatever else matches. */
export const namesMatch = (names: string, name: string): boolean => {
	if (names.startsWith('|')) {
		return matchesHashed(names, name);
	}

	let matched = false;
	for (const pattern of names.split(',')) {
		if (pattern.startsWith('!')) {
			if (matchesPattern(pattern.slice(1), name)) {
				return false;
			}
		} else if (pattern !== '' && matchesPattern(pattern, name)) {
			matched = true;
		}
	}

	return matched;
};

export type KeyVerdict =
	| {readonly kind: 'known'}
	| {readonly kind: 'unknown'}
	/** Another key is known for the host. */
	| {readonly kind: 'changed'; readonly entry: KnownHost}
	| {readonly kind: 'revoked'; readonly entry: KnownHost};

/**
 * What known_hosts says of a host's key. A host that is known by a key of another type only counts as changed: we
 * ask for the known types first, so a good host would have shown one of them.
 */
export const judgeKey = (
	entries: readonly KnownHost[],
	name: string,
	key: Buffer,
): KeyVerdict => {
	const mine = entries.filter(({names}) => namesMatch(names, name));
	const same = mine.filter((entry) => entry.key.equals(key));
	const revoked = same.find((entry) => entry.revoked);
	if (revoked) {
		return {kind: 'revoked', entry: revoked};
	}

	if (same.length > 0) {
		return {kind: 'known'};
	}

	const others = mine.filter((entry) => !entry.revoked);
	const type = keyTypeOf(key);
	const entry = others.find(({keyType}) => keyType === type) ?? others[0];
	return entry ? {kind: 'changed', entry} : {kind: 'unknown'};
};

/** Signature algorithms that a key of a type can be shown with, best first. */
const signatureAlgorithms: Readonly<Record<string, readonly string[]>> = {
	'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
};

/** Host key algorithms to offer: those of the keys that are known for the host before all others. */
export const orderAlgorithms = (
	supported: readonly string[],
	entries: readonly KnownHost[],
	name: string,
): string[] => {
	const known = new Set(
		entries
			.filter((entry) => !entry.revoked && namesMatch(entry.names, name))
			.flatMap(({keyType}) => signatureAlgorithms[keyType] ?? [keyType]),
	);
	return [
		...supported.filter((algorithm) => known.has(algorithm)),
		...supported.filter((algorithm) => !known.has(algorithm)),
	];
};
