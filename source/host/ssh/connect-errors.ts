import {UserError, exitCodes} from '../../errors.js';
import type {UnknownHostKey} from '../host.js';
import type {KnownHost} from './known-hosts.js';
import type {SshSettings} from './ssh-settings.js';

/** How long a machine may take to answer and to let us in, in ms. */
export const readyTimeoutMs = 15_000;

const unreachable = (
	node: string,
	message: string,
	tryNext: readonly string[],
	cause?: unknown,
): UserError =>
	new UserError(message, {
		node,
		exitCode: exitCodes.unreachable,
		tryNext,
		cause,
	});

/** The machine did not let a TCP connection through, or none of its addresses did. */
export const dialError = (
	node: string,
	{host, port}: SshSettings,
	error: Error & {readonly code?: string},
): UserError => {
	switch (error.code) {
		case 'ENOTFOUND':
		case 'EAI_AGAIN':
		case 'EAI_NODATA': {
			return unreachable(
				node,
				`No address is known for the name ${host}.`,
				['Check the spelling, or give the address itself.'],
				error,
			);
		}

		case 'ECONNREFUSED': {
			return unreachable(
				node,
				`${host} refuses connections on port ${port}.`,
				[
					`Check that SSH listens on port ${port} there; another port is written user@host:port.`,
				],
				error,
			);
		}

		case 'EHOSTUNREACH':
		case 'ENETUNREACH':
		case 'EADDRNOTAVAIL': {
			return unreachable(
				node,
				`There is no way from here to ${host} (port ${port}).`,
				['Check the address, and the network of this machine.'],
				error,
			);
		}

		case 'ETIMEDOUT': {
			return silentError(node, host, port);
		}

		default: {
			return unreachable(
				node,
				`${host} can not be reached on port ${port}: ${error.message}.`,
				[],
				error,
			);
		}
	}
};

/** Nothing came back within the limit. */
export const silentError = (
	node: string,
	host: string,
	port: number,
): UserError =>
	unreachable(
		node,
		`${host} does not answer on port ${port} within ${readyTimeoutMs / 1000} s.`,
		[
			'Check the address and that the machine runs, and whether a firewall drops connections to that port.',
		],
	);

/** Something answered, and it was no SSH login in the end. */
export const handshakeError = (
	node: string,
	{host, port}: SshSettings,
	error: Error & {readonly level?: string; readonly code?: string},
): UserError => {
	if (error.level === 'client-timeout') {
		return unreachable(
			node,
			`${host} accepted the connection on port ${port}, but did not finish the login within ${readyTimeoutMs / 1000} s.`,
			[
				'Check that it is SSH that listens there, and whether the machine is overloaded.',
			],
			error,
		);
	}

	if (
		/lost before handshake|ECONNRESET|EPIPE|was closed/.test(error.message) ||
		error.code === 'ECONNRESET'
	) {
		return unreachable(
			node,
			`${host} closed the connection on port ${port} before the login.`,
			[
				'Check that it is SSH that listens there, and that it does not block this address (fail2ban, MaxStartups).',
			],
			error,
		);
	}

	return unreachable(
		node,
		`${host} and this program do not understand each other on port ${port}: ${error.message}.`,
		['Check that it is SSH that listens there, and that it is not very old.'],
		error,
	);
};

/** No key was accepted. */
export const loginError = (
	node: string,
	{user, host}: SshSettings,
	details: {
		/** Names of what was tried. */
		readonly tried: readonly string[];
		readonly encrypted: readonly string[];
		/** Methods that the server still accepts. */
		readonly accepted: readonly string[];
	},
): UserError => {
	const {tried, encrypted, accepted} = details;
	const what =
		tried.length === 0
			? 'there was no key to try'
			: `tried ${tried.join(', ')}`;
	const advice = encrypted.map(
		(file) =>
			`${file} is encrypted: unlock it for this session with ssh-add ${file}`,
	);
	if (!accepted.includes('publickey') && accepted.length > 0) {
		advice.push(
			`${host} accepts no keys, only ${accepted.join(', ')}: allow PubkeyAuthentication there.`,
		);
	} else {
		advice.push(
			`Allow a key of yours there, for example with ssh-copy-id ${user}@${host}`,
		);
	}

	return unreachable(
		node,
		`${host} did not accept the login of ${user} (${what}).`,
		advice,
	);
};

/** The machine shows another key than the one that is known for it. */
export const changedKeyError = (
	node: string,
	key: UnknownHostKey,
	entry: KnownHost,
	name: string,
): UserError =>
	unreachable(
		node,
		`The host key of ${key.host} is not the one that is known: it shows ${key.algorithm} ${key.fingerprint}, and ${entry.file}:${entry.line} has another ${entry.keyType} key. Somebody may be in between, so nothing was sent.`,
		[
			`If the machine was installed anew, forget its old key and try again: ssh-keygen -R '${name}' -f ${entry.file}`,
		],
	);

/** The machine shows a key that is marked as stolen. */
export const revokedKeyError = (
	node: string,
	key: UnknownHostKey,
	entry: KnownHost,
): UserError =>
	unreachable(
		node,
		`The host key of ${key.host} (${key.algorithm} ${key.fingerprint}) is marked as revoked in ${entry.file}:${entry.line}. Nothing was sent.`,
		['Give the machine a new host key before you log in to it.'],
	);

/** The person did not trust the key. */
export const untrustedKeyError = (
	node: string,
	key: UnknownHostKey,
): UserError =>
	unreachable(
		node,
		`The host key of ${key.host} (${key.algorithm} ${key.fingerprint}) was not accepted.`,
		[
			`Compare it with what the machine itself says: ssh-keygen -lf /etc/ssh/ssh_host_${key.algorithm.replace(/^ssh-/, '').replace(/^ecdsa-.*/, 'ecdsa')}_key.pub`,
		],
	);
