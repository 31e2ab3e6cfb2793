import type {
	AlgorithmList,
	Algorithms,
	CipherAlgorithm,
	KexAlgorithm,
	MacAlgorithm,
	ServerHostKeyAlgorithm,
} from 'ssh2';
import {
	orderAlgorithms,
	type KnownHost,
	type LookupNames,
} from './known-hosts.js';

/** Host key algorithms in our own order of preference: all that are not broken. */
const hostKeyAlgorithms: readonly ServerHostKeyAlgorithm[] = [
	'ssh-ed25519',
	'ecdsa-sha2-nistp256',
	'ecdsa-sha2-nistp384',
	'ecdsa-sha2-nistp521',
	'rsa-sha2-512',
	'rsa-sha2-256',
];

/** SHA-1, CBC and what is older: never used, whatever the library's defaults are. */
const weakExchanges: readonly KexAlgorithm[] = [
	'diffie-hellman-group-exchange-sha1',
	'diffie-hellman-group14-sha1',
	'diffie-hellman-group1-sha1',
];
const weakCiphers: readonly CipherAlgorithm[] = [
	'3des-cbc',
	'aes128-cbc',
	'aes192-cbc',
	'aes256-cbc',
	'arcfour',
	'arcfour128',
	'arcfour256',
	'blowfish-cbc',
	'cast128-cbc',
];
const weakMacs: readonly MacAlgorithm[] = [
	'hmac-sha1',
	'hmac-sha1-etm@openssh.com',
	'hmac-sha1-96',
	'hmac-md5',
	'hmac-md5-96',
	'hmac-ripemd160',
];

const without = <Algorithm>(
	weak: readonly Algorithm[],
): AlgorithmList<Algorithm> => ({
	append: [],
	prepend: [],
	remove: [...weak],
});

/** What we offer a host: nothing weak, and the keys by which it is known before all others. */
export const offeredAlgorithms = (
	knownHosts: readonly KnownHost[],
	names: LookupNames,
): Algorithms => ({
	serverHostKey: orderAlgorithms(hostKeyAlgorithms, knownHosts, names),
	kex: without(weakExchanges),
	cipher: without(weakCiphers),
	hmac: without(weakMacs),
});

/** Is the algorithm one that nobody should use any more? */
export const isWeak = (algorithm: string): boolean =>
	/sha1\b|md5|cbc|arcfour|ripemd|^ssh-rsa(?:-cert|$)|^ssh-dss/.test(algorithm);
