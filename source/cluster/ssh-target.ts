import {bracketed} from './addresses.js';

/** Where to log in. What is absent is decided by the SSH configuration, and then by ssh's own defaults. */
export type SshTarget = {
	/** Name, address or alias. */
	readonly host: string;
	readonly user?: string | undefined;
	readonly port?: number | undefined;
	/** Hosts to jump through, nearest first. */
	readonly jump?: readonly string[] | undefined;
	/** A private key file to use instead of the agent and the default keys. */
	readonly identityFile?: string | undefined;
};

export type SshTargetResult =
	| {readonly ok: true; readonly target: SshTarget}
	| {readonly ok: false; readonly message: string};

/** The host begins behind the last `@`, as for ssh: a login of a domain may have one, too. */
const pattern =
	/^(?:ssh:\/\/)?(?:(?<user>\S+)@)?(?:\[(?<bracketed>[^@\]\s]+)\]|(?<host>[^:@\s[\]]+)|(?<ipv6>[\da-fA-F:.]*:[\da-fA-F:.]*:[\da-fA-F:.]*(?:%[\w.-]+)?))(?::(?<port>\d+))?\/?$/;

/** Reads `[user@]host[:port]`, an alias, `ssh://…`, or a whole `ssh user@host -p port` command line. */
export const parseSshTarget = (text: string): SshTargetResult => {
	let rest = text.trim();
	let portOption: string | undefined;
	if (/^ssh\s/.test(rest)) {
		rest = rest.slice(3).trim();
		const option = /(?:^|\s)-p\s*(?<port>\d+)(?=\s|$)/.exec(rest);
		if (option) {
			portOption = option.groups!.port;
			rest = rest.replace(option[0], ' ').trim();
		}
	}

	const match = pattern.exec(rest);
	const host =
		match?.groups!.bracketed ?? match?.groups!.host ?? match?.groups!.ipv6;
	if (!match || host === undefined || host.startsWith('-')) {
		return {
			ok: false,
			message: `"${text}" is not an SSH address: write [user@]host[:port], such as root@198.51.100.11 or me@nuc.lan:2222`,
		};
	}

	const {user} = match.groups!;
	const portText = match.groups!.port ?? portOption;
	const port = portText === undefined ? undefined : Number(portText);
	if (port !== undefined && (port < 1 || port > 65_535)) {
		return {
			ok: false,
			message: `"${text}": port ${portText} is out of range, it must be between 1 and 65535`,
		};
	}

	return {
		ok: true,
		target: {
			host,
			...(user === undefined ? {} : {user}),
			...(port === undefined ? {} : {port}),
		},
	};
};

/** The target as people write it: `user@host:port`, with only what is set. */
export const formatSshTarget = (target: SshTarget): string =>
	(target.user === undefined ? '' : `${target.user}@`) +
	(target.port === undefined
		? target.host
		: `${bracketed(target.host)}:${target.port}`);
