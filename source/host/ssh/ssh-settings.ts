import {execFile, type ExecFileOptions} from 'node:child_process';
import {access} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type {SshTarget} from '../../cluster/ssh-target.js';
import {UserError, exitCodes} from '../../errors.js';

/** How to log in to one host, all decided. */
export type SshSettings = {
	/** Name or address to dial. */
	readonly host: string;
	readonly port: number;
	readonly user: string;
	/** The name under which known_hosts has it, when the configuration gives one. */
	readonly hostKeyAlias: string | undefined;
	/** Key files to try, in order. */
	readonly keyFiles: readonly string[];
	/** Was a key file asked for by name? Then it must be there, and comes before the agent. */
	readonly keyFileNamed: boolean;
	/** May the agent only use keys that a key file names? */
	readonly identitiesOnly: boolean;
	/** Socket of the agent. */
	readonly agent: string | undefined;
	/** known_hosts files; new keys go into the first. */
	readonly knownHostsFiles: readonly string[];
	/** Hosts to jump through, nearest first, each as one would write it after `ssh`. */
	readonly jump: readonly string[];
};

export type SettingsSource = {
	/** The person's home folder. */
	readonly home: string;
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** Instead of the files that the SSH configuration names. */
	readonly knownHostsPath?: string | undefined;
};

const defaultKeys = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

const exists = async (file: string): Promise<boolean> => {
	try {
		await access(file);
		return true;
	} catch {
		return false;
	}
};

const expandHome = (file: string, home: string): string =>
	file === '~' || file.startsWith('~/') ? path.join(home, file.slice(1)) : file;

/** Runs OpenSSH and returns what it writes. Rejects with `code` and `stderr` on the error. */
const runSsh = async (
	words: readonly string[],
	options: ExecFileOptions,
): Promise<string> =>
	new Promise((resolve, reject) => {
		execFile('ssh', words, options, (error, stdout, stderr) => {
			if (error) {
				const failure: Error = Object.assign(error, {stderr: String(stderr)});
				reject(failure);
			} else {
				resolve(String(stdout));
			}
		});
	});

/**
 * What the person's SSH configuration says of a host, by asking OpenSSH itself. `undefined` when OpenSSH is not
 * installed. Keys are in lower case, each with all its values.
 */
const askOpenSsh = async (
	target: SshTarget,
	{home, environment}: SettingsSource,
	signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]> | undefined> => {
	const words = ['-G'];
	// OpenSSH takes the home folder from the user database, whatever HOME says.
	if (home !== os.userInfo().homedir) {
		const file = path.join(home, '.ssh', 'config');
		words.push('-F', (await exists(file)) ? file : 'none');
	}

	if (target.user !== undefined) {
		words.push('-l', target.user);
	}

	if (target.port !== undefined) {
		words.push('-p', String(target.port));
	}

	try {
		const stdout = await runSsh([...words, '--', target.host], {
			signal,
			timeout: 10_000,
			env: {...environment},
		});
		const values = new Map<string, string[]>();
		for (const line of stdout.split('\n')) {
			const [key = '', ...rest] = line.split(' ');
			values.set(key, [...(values.get(key) ?? []), rest.join(' ')]);
		}

		return values;
	} catch (error) {
		signal.throwIfAborted();
		const {code, stderr} = error as {
			readonly code?: string | number;
			readonly stderr?: string;
		};
		if (code === 'ENOENT') {
			return undefined;
		}

		throw new UserError(
			`The SSH configuration can not be used for ${target.host}: ${(stderr ?? String(error)).trim().split('\n').at(-1)}`,
			{
				exitCode: exitCodes.usage,
				cause: error,
				tryNext: [`Look at what this says: ssh -G ${target.host}`],
			},
		);
	}
};

/** OpenSSH writes its defaults with the home folder of the user database; ours may be another. */
const moveHome = (file: string, home: string): string => {
	const {homedir} = os.userInfo();
	return file.startsWith(`${homedir}/`)
		? path.join(home, file.slice(homedir.length))
		: expandHome(file, home);
};

const isSet = (value: string | undefined): value is string =>
	value !== undefined && value !== '' && value !== 'none';

/** Joins what the target says with what the SSH configuration says of it; the target wins. */
export const resolveSettings = async (
	target: SshTarget,
	source: SettingsSource,
	signal: AbortSignal,
): Promise<SshSettings> => {
	const {home, environment} = source;
	const folder = path.join(home, '.ssh');
	const configured = await askOpenSsh(target, source, signal);
	const one = (key: string): string | undefined => {
		const value = configured?.get(key)?.[0];
		return isSet(value) ? value : undefined;
	};

	const proxyCommand = one('proxycommand');
	if (proxyCommand !== undefined && (target.jump ?? []).length === 0) {
		throw new UserError(
			`The SSH configuration reaches ${target.host} by a ProxyCommand, which this program does not use.`,
			{
				exitCode: exitCodes.usage,
				tryNext: [
					'Write a ProxyJump into the SSH configuration, or `jump` into the cluster file.',
				],
			},
		);
	}

	const keyFiles = (
		configured?.get('identityfile') ??
		defaultKeys.map((name) => path.join(folder, name))
	).map((file) => expandHome(file, home));
	const agent = one('identityagent');
	const knownHostsFiles = [
		...(configured?.get('userknownhostsfile')?.[0]?.split(' ') ?? []),
		...(configured?.get('globalknownhostsfile')?.[0]?.split(' ') ?? []),
	]
		.filter((file) => isSet(file))
		.map((file) => moveHome(file, home));
	const defaultKnownHosts =
		knownHostsFiles.length === 0
			? [path.join(folder, 'known_hosts')]
			: knownHostsFiles;
	return {
		host: one('hostname') ?? target.host,
		port: target.port ?? Number(one('port') ?? 22),
		user: target.user ?? one('user') ?? os.userInfo().username,
		hostKeyAlias: one('hostkeyalias'),
		keyFiles:
			target.identityFile === undefined
				? keyFiles
				: [expandHome(target.identityFile, home)],
		keyFileNamed: target.identityFile !== undefined,
		identitiesOnly: one('identitiesonly') === 'yes',
		agent:
			agent === undefined || agent === 'SSH_AUTH_SOCK'
				? environment.SSH_AUTH_SOCK
				: expandHome(agent, home),
		knownHostsFiles:
			source.knownHostsPath === undefined
				? defaultKnownHosts
				: [source.knownHostsPath],
		jump: target.jump ?? one('proxyjump')?.split(',') ?? [],
	};
};
