import os from 'node:os';
import path from 'node:path';
import type {SshTarget} from '../../cluster/ssh-target.js';
import {askOpenSsh} from './ask-openssh.js';
import {
	authenticationSettings,
	type AuthenticationSettings,
} from './authentication-settings.js';
import {
	configFilesOf,
	readConfigFiles,
	type ConfigFile,
	type ConfigQuery,
	type ConfiguredValues,
} from './config-files.js';
import {requireSafeNames} from './safe-names.js';
import {
	commandTokens,
	expandEnvironment,
	expandHome,
	expandTokens,
	fileTokens,
	type Tokens,
} from './tokens.js';
import {asksForOwn, unusedSettings} from './unused-settings.js';

/** What to do about a host whose key nobody knows. */
export type NewHostPolicy = 'ask' | 'accept' | 'refuse';

/** How to log in to one host, all decided. */
export type SshSettings = {
	/** Name or address to dial. */
	readonly host: string;
	readonly port: number;
	readonly user: string;
	/** The only kind of addresses to dial. */
	readonly family: 4 | 6 | undefined;
	/** How long a machine may take to answer and to let us in, in ms. */
	readonly connectTimeoutMs: number;
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
	/** The methods of logging in, and how often to ask. */
	readonly authentication: AuthenticationSettings;
	/** known_hosts files, in the order in which they are searched. */
	readonly knownHostsFiles: readonly string[];
	/** The known_hosts file that new keys go into. */
	readonly newKeysFile: string | undefined;
	/** Are names hidden where new keys are written? */
	readonly hashNewNames: boolean;
	readonly newHosts: NewHostPolicy;
	/** Hosts to jump through, nearest first, each as one would write it after `ssh`. */
	readonly jump: readonly string[];
	/** A command of the person's shell whose standard input and output are the connection. */
	readonly proxyCommand: string | undefined;
};

export type SettingsSource = {
	/** The person's home folder. */
	readonly home: string;
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** Instead of the files that the SSH configuration names. */
	readonly knownHostsPath?: string | undefined;
	/** Instead of the system's own configuration file. */
	readonly systemConfig?: string | undefined;
};

/** How long a machine may take to answer and to let us in, when the configuration does not say, in ms. */
const defaultConnectTimeoutMs = 15_000;

const systemConfig = '/etc/ssh/ssh_config';

/** The names of OpenSSH, in its order; those of security keys stand for a public key that an agent has. */
const defaultKeys = [
	'id_rsa',
	'id_ecdsa',
	'id_ecdsa_sk',
	'id_ed25519',
	'id_ed25519_sk',
];

/** OpenSSH writes its defaults with the home folder of the user database; ours may be another. */
const moveHome = (file: string, home: string): string => {
	const {homedir} = os.userInfo();
	return file.startsWith(`${homedir}/`)
		? path.join(home, file.slice(homedir.length))
		: expandHome(file, home);
};

const isSet = (value: string | undefined): value is string =>
	value !== undefined && value !== '' && value !== 'none';

/** OpenSSH expands these before it prints them; what the files say is still to be expanded. */
const expandFiles = (
	values: ConfiguredValues,
	tokens: Tokens,
	{home, environment}: SettingsSource,
): ConfiguredValues => {
	const expanded = new Map(values);
	for (const keyword of ['userknownhostsfile', 'identityagent']) {
		const found = values.get(keyword);
		if (found) {
			expanded.set(
				keyword,
				found.map((file) =>
					expandEnvironment(
						expandTokens(expandHome(file, home), tokens),
						environment,
					),
				),
			);
		}
	}

	return expanded;
};

/** The socket of the agent: a path, `none`, or the name of an environment variable (ssh_config(5), IdentityAgent). */
const agentSocket = (
	configured: string | undefined,
	{home, environment}: SettingsSource,
): string | undefined => {
	if (configured === undefined || configured === 'SSH_AUTH_SOCK') {
		return environment.SSH_AUTH_SOCK;
	}

	if (configured === 'none') {
		return undefined;
	}

	const name = /^\$(?<name>\w+)$/.exec(configured)?.groups!.name;
	return name === undefined ? expandHome(configured, home) : environment[name];
};

/** What the person's own file says of a host, as far as it can be read here. */
const ownSettings = async (
	query: ConfigQuery,
	[own]: readonly ConfigFile[],
): Promise<ConfiguredValues> => {
	try {
		return await readConfigFiles(query, [own!], () => undefined);
	} catch {
		// OpenSSH knows more than we read, and has judged the file already.
		return new Map();
	}
};

const newHostPolicies: Readonly<Record<string, NewHostPolicy>> = {
	yes: 'refuse',
	true: 'refuse',
	'accept-new': 'accept',
	// ssh would take changed keys, too; we never do.
	no: 'accept',
	off: 'accept',
	false: 'accept',
};

/**
 * Joins what the target says with what the SSH configuration says of it; the target wins. OpenSSH is asked where it is
 * installed, else the files are read. `onUnused` hears of what the configuration asks for and does not get. Throws a
 * `UserError` about a configuration that can not be used, and for names that could become shell source.
 */
export const resolveSettings = async (
	target: SshTarget,
	source: SettingsSource,
	signal: AbortSignal,
	onUnused: (what: string) => void,
): Promise<SshSettings> => {
	const {home} = source;
	const folder = path.join(home, '.ssh');
	const query = {
		host: target.host,
		user: target.user,
		port: target.port,
		home,
	};
	// Before OpenSSH sees them: a `Match exec` hands them to a shell.
	requireSafeNames(target.host, target.user);
	const asked = await askOpenSsh(query, source.environment, signal);
	const found =
		asked ??
		(await readConfigFiles(
			query,
			configFilesOf(home, source.systemConfig ?? systemConfig),
			(what) => {
				onUnused(
					`Without OpenSSH on this machine, ${what} in the SSH configuration is not followed`,
				);
			},
		));
	const raw = (key: string): string | undefined => found.get(key)?.[0];
	const one = (key: string): string | undefined => {
		const value = raw(key);
		return isSet(value) ? value : undefined;
	};

	const login = {
		home,
		alias: target.host,
		host: one('hostname') ?? target.host,
		port: target.port ?? Number(one('port') ?? 22),
		user: target.user ?? one('user') ?? os.userInfo().username,
		hostKeyAlias: one('hostkeyalias')?.toLowerCase(),
	};
	const tokens = fileTokens(login);
	const values = asked ?? expandFiles(found, tokens, source);
	const own = asksForOwn(values)
		? await ownSettings(query, configFilesOf(home, systemConfig))
		: new Map<string, never>();
	for (const what of unusedSettings(values, own)) {
		onUnused(what);
	}

	const files = (key: string, fallback: readonly string[]): string[] =>
		(values.get(key) ?? fallback)
			.filter((file) => isSet(file))
			.map((file) => moveHome(file, home));
	const userFiles = files('userknownhostsfile', [
		path.join(folder, 'known_hosts'),
		path.join(folder, 'known_hosts2'),
	]);
	const seconds = Number(one('connecttimeout') ?? 0);
	const family = one('addressfamily');
	const named = target.identityFile;
	const proxyCommand =
		target.jump === undefined && one('proxyjump') === undefined
			? one('proxycommand')
			: undefined;
	return {
		host: login.host,
		port: login.port,
		user: login.user,
		family: family === 'inet' ? 4 : family === 'inet6' ? 6 : undefined,
		connectTimeoutMs: seconds > 0 ? seconds * 1000 : defaultConnectTimeoutMs,
		hostKeyAlias: login.hostKeyAlias,
		keyFiles:
			named === undefined
				? (
						values.get('identityfile') ??
						defaultKeys.map((name) => path.join(folder, name))
					)
						.filter((file) => isSet(file))
						.map((file) =>
							expandEnvironment(
								expandTokens(expandHome(file, home), tokens),
								source.environment,
							),
						)
				: [expandHome(named, home)],
		keyFileNamed: named !== undefined,
		identitiesOnly: /^(?:yes|true)$/i.test(one('identitiesonly') ?? ''),
		agent: agentSocket(values.get('identityagent')?.[0], source),
		authentication: authenticationSettings(
			(option) => values.get(option) ?? [],
			files('certificatefile', []),
		),
		knownHostsFiles:
			source.knownHostsPath === undefined
				? [
						...userFiles,
						...files('globalknownhostsfile', [
							'/etc/ssh/ssh_known_hosts',
							'/etc/ssh/ssh_known_hosts2',
						]),
					]
				: [source.knownHostsPath],
		newKeysFile: source.knownHostsPath ?? userFiles[0],
		hashNewNames: /^(?:yes|true)$/i.test(one('hashknownhosts') ?? ''),
		newHosts:
			newHostPolicies[one('stricthostkeychecking')?.toLowerCase() ?? ''] ??
			'ask',
		jump:
			target.jump ??
			one('proxyjump')
				?.split(',')
				.map((hop) => expandTokens(hop.trim(), commandTokens(login))) ??
			[],
		proxyCommand:
			proxyCommand === undefined
				? undefined
				: expandTokens(proxyCommand, commandTokens(login)),
	};
};
