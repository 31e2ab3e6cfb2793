import type {Buffer} from 'node:buffer';
import {keyTypeOf} from './known-hosts.js';
import {fingerprintOf} from './known-hosts-files.js';

/**
 * A key that OpenSSH would use and the library can not: the signature of a security key carries more than that of others,
 * and the one of a certificate is made in the name of its key.
 */
export type UnusableKey = {
	/** For people: a file, or `agent key me@laptop`. */
	readonly what: string;
	/** Its public half in SSH's own encoding. */
	readonly key: Buffer;
};

const plainKey =
	'let the host accept a plain key, too, and have it in a file or add it to the agent (ssh-add)';

const certificate = /-cert-v\d+@openssh\.com$/;

/** By type, what it is and what to do instead. Source: PROTOCOL.u2f and PROTOCOL.certkeys of OpenSSH. */
const kinds: ReadonlyArray<
	readonly [type: RegExp, is: string, instead: string]
> = [
	[certificate, 'a certificate', 'let the host accept the key itself'],
	[/^sk-/, 'the key of a security key (FIDO)', plainKey],
	[/^/, 'a key of another type', plainKey],
];

const describe = ({what, key}: UnusableKey) => {
	const type = keyTypeOf(key) ?? 'unknown';
	const [pattern, is, instead] = kinds.find(([known]) => known.test(type))!;
	// The fingerprint of a certificate is that of the key in it.
	const shown =
		pattern === certificate ? type : `${type} ${fingerprintOf(key)}`;
	return {name: `${what} (${shown})`, is, instead};
};

/** The key's name with its type, for people. */
export const unusableName = (key: UnusableKey): string => describe(key).name;

/** What it is, as the end of a sentence about it. */
export const unusableIs = (key: UnusableKey): string =>
	`${describe(key).is}, which this program can not use`;

/** What to do instead, as a sentence. */
export const unusableInstead = (key: UnusableKey): string => {
	const {instead} = describe(key);
	return `${instead.charAt(0).toUpperCase()}${instead.slice(1)}.`;
};

/** The key, what it is, and what to do instead, in a sentence. */
export const unusableNote = (key: UnusableKey): string =>
	`${unusableName(key)} is ${unusableIs(key)}: ${describe(key).instead}.`;
