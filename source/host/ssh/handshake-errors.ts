import type {UserError} from '../../errors.js';
import {isWeak} from './algorithms.js';
import {unreachable} from './connect-errors.js';
import {secondsOf} from './dial-errors.js';
import type {AlgorithmOffer, FirstWords} from './first-words.js';
import type {SshSettings} from './ssh-settings.js';

/** What the other end has said so far, and a command in between. */
export type Heard = {
	readonly words: FirstWords;
	/** The last words of a ProxyCommand. */
	readonly complaint: string | undefined;
};

const shownAlgorithms = 6;

/** What the host offers of the kind that the library found no match in. */
const offeredFor = (
	message: string,
	offer: AlgorithmOffer,
): readonly [what: string, names: readonly string[]] | undefined => {
	const kind = /no matching (?<kind>.+)$/.exec(message)?.groups!.kind ?? '';
	const direction = kind.startsWith('S->C') ? 1 : 0;
	if (kind.startsWith('key exchange')) {
		return ['the key exchange', offer.kex];
	}

	if (kind.startsWith('host key')) {
		return ['host keys', offer.hostKey];
	}

	if (kind.endsWith('cipher')) {
		return ['encryption', offer.cipher[direction]];
	}

	return kind.endsWith('MAC') ? ['integrity', offer.mac[direction]] : undefined;
};

/** Host and program have no algorithm in common. */
const algorithmError = (
	node: string,
	host: string,
	[what, names]: readonly [string, readonly string[]],
	cause: Error,
): UserError => {
	const list = `${names.slice(0, shownAlgorithms).join(', ')}${names.length > shownAlgorithms ? ', …' : ''}`;
	return names.every((name) => isWeak(name))
		? unreachable(
				node,
				`${host} offers only weak algorithms for ${what} (${list}), which this program does not use.`,
				[
					'Update the SSH server there, or allow current algorithms in its sshd_config (HostKeyAlgorithms, KexAlgorithms, Ciphers, MACs); every OpenSSH since 7.2 has them.',
				],
				cause,
			)
		: unreachable(
				node,
				`${host} offers only algorithms for ${what} that this program does not know (${list}).`,
				[
					'Allow one of these in its sshd_config, too: KexAlgorithms +curve25519-sha256, HostKeyAlgorithms +ssh-ed25519, Ciphers +aes256-gcm@openssh.com.',
				],
				cause,
			);
};

/** Something answered, and it was no SSH login in the end. */
export const handshakeError = (
	node: string,
	settings: SshSettings,
	error: Error & {readonly level?: string; readonly code?: string},
	{words, complaint}: Heard,
): UserError => {
	const {host, port} = settings;
	const isLate = error.level === 'client-timeout';
	if (settings.proxyCommand !== undefined && words.isSilent()) {
		return unreachable(
			node,
			isLate
				? `Nothing came from ${host} through the ProxyCommand within ${secondsOf(settings)}${complaint === undefined ? '' : `: ${complaint}`}.`
				: `The ProxyCommand for ${host} ended without a connection${complaint === undefined ? '' : `: ${complaint}`}.`,
			[
				'Look at ProxyCommand in your SSH configuration, and what it says when you run it by hand.',
			],
			error,
		);
	}

	if (!words.isSilent() && !words.isSsh()) {
		return unreachable(
			node,
			/too long|Max greeting lines/.test(error.message)
				? `${host} does not stop talking on port ${port} and never begins to speak SSH ("${words.firstLine()}").`
				: `What listens on port ${port} of ${host} does not speak SSH: it says "${words.firstLine()}".`,
			[
				'Check the address and the port; another port is written user@host:port.',
			],
			error,
		);
	}

	if (isLate) {
		return unreachable(
			node,
			words.isSilent()
				? `${host} accepted the connection on port ${port} and said nothing within ${secondsOf(settings)}.`
				: `${host} began to speak SSH on port ${port}, but did not finish the login within ${secondsOf(settings)}.`,
			[
				words.isSilent()
					? 'Check that it is SSH that listens there, and whether the machine is overloaded.'
					: 'The machine may be overloaded, or look up names for a long time (UseDNS); ConnectTimeout in your SSH configuration gives it more time.',
			],
			error,
		);
	}

	const offer = words.offer();
	const mismatch = offer && offeredFor(error.message, offer);
	if (mismatch) {
		return algorithmError(node, host, mismatch, error);
	}

	if (
		/lost before handshake|ECONNRESET|EPIPE|was closed/.test(error.message) ||
		error.code === 'ECONNRESET'
	) {
		return unreachable(
			node,
			`${host} closed the connection on port ${port} before the login${complaint === undefined ? '' : ` (ProxyCommand: ${complaint})`}.`,
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
