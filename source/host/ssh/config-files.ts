import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {open} from 'node:fs/promises';
import {UserError, exitCodes} from '../../errors.js';
import {readConfigLine, type ConfigLine} from './config-lines.js';
import {matchConfig} from './config-match.js';
import {deepestInclude, includedFiles} from './include-paths.js';
import {matchesPatterns} from './patterns.js';
import {expandTokens} from './tokens.js';

/** What the configuration says of a host: keywords in lower case, each with all its values. */
export type ConfiguredValues = ReadonlyMap<string, readonly string[]>;

/** One configuration file, and how it is trusted. */
export type ConfigFile = {
	readonly file: string;
	/** Where the words after `Include` begin when they are relative. */
	readonly folder: string;
	/** Must nobody else be able to write to it? */
	readonly isPrivate: boolean;
};

/** Who asks about which host. */
export type ConfigQuery = {
	/** As it was asked for: an alias, a name or an address. */
	readonly host: string;
	readonly user?: string | undefined;
	readonly port?: number | undefined;
	readonly home: string;
};

/** Keywords of which every line counts. */
const growing = new Set(['identityfile', 'certificatefile']);
/** Keywords that are lists in one line. */
const lists = new Set(['userknownhostsfile', 'globalknownhostsfile']);
/** Keywords whose value is the rest of the line as it is written. */
const raw = new Set(['proxycommand', 'proxyjump', 'knownhostscommand']);

type Reading = {
	readonly query: ConfigQuery;
	readonly values: Map<string, readonly string[]>;
	/** The name that `Host` lines speak of: the one asked for, in the last pass the one that it became. */
	readonly name: string;
	readonly isFinal: boolean;
	readonly onUnsupported: (what: string) => void;
	wantsFinal: boolean;
};

const configError = (
	{file, line}: {readonly file: string; readonly line: number},
	what: string,
): UserError =>
	new UserError(
		`The SSH configuration can not be used: ${file}:${line} ${what}.`,
		{
			exitCode: exitCodes.usage,
			tryNext: ['Correct that line; ssh_config(5) says what may stand there.'],
		},
	);

/** Seconds of a time such as `90`, `1m30s` or `none` (sshd_config(5), TIME FORMATS); `undefined` when it is none. */
const secondsOf = (text: string): string | undefined => {
	if (text === 'none') {
		return text;
	}

	if (!/^(?:\d+[smhdw]?)+$/i.test(text)) {
		return undefined;
	}

	const units: Readonly<Record<string, number>> = {
		s: 1,
		m: 60,
		h: 3600,
		d: 86_400,
		w: 604_800,
	};
	let seconds = 0;
	for (const {groups} of text.matchAll(/(?<count>\d+)(?<unit>[smhdw]?)/gi)) {
		seconds +=
			Number(groups!.count) * (units[groups!.unit!.toLowerCase()] ?? 1);
	}

	return String(seconds);
};

const flag = /^(?:yes|true|no|false)$/i;

/** What these keywords may be set to. */
const choices: Readonly<Record<string, RegExp>> = {
	identitiesonly: flag,
	hashknownhosts: flag,
	addressfamily: /^(?:any|inet|inet6)$/i,
	stricthostkeychecking: /^(?:yes|true|no|false|off|ask|accept-new)$/i,
};

/** What a line sets its keyword to. Throws when it may not be that, also where the line does not count, as ssh does. */
const valueOf = (
	{keyword, rest}: ConfigLine,
	words: readonly string[],
	fail: (what: string) => UserError,
): readonly [string, ...string[]] => {
	if (raw.has(keyword)) {
		return [rest.replace(/^[ \t=]+/, '')];
	}

	const [first, ...others] = words;
	if (first === undefined) {
		throw fail(`gives ${keyword} no value`);
	}

	if (choices[keyword]?.test(first) === false) {
		throw fail(`sets ${keyword} to ${first}`);
	}

	if (
		keyword === 'port' &&
		(!/^\d+$/.test(first) || Number(first) < 1 || Number(first) > 65_535)
	) {
		throw fail(`has the port ${first}`);
	}

	if (keyword === 'connecttimeout') {
		const seconds = secondsOf(first);
		if (seconds === undefined) {
			throw fail(`has the time ${first}`);
		}

		return [seconds];
	}

	return lists.has(keyword) ? [first, ...others] : [first];
};

/** Takes what a line sets; the first value wins, and key files add up. */
const take = (
	{values}: Reading,
	keyword: string,
	value: readonly [string, ...string[]],
): void => {
	if (keyword === 'connecttimeout' && value[0] === 'none') {
		// As good as not there: a later line counts.
		return;
	}

	const known = values.get(keyword);
	if (growing.has(keyword)) {
		if (!known?.includes(value[0])) {
			values.set(keyword, [...(known ?? []), value[0]]);
		}

		return;
	}

	const jump = values.get('proxyjump')?.[0];
	// What of both comes first decides about both; only after `ProxyJump none` a command still counts.
	const isTooLate =
		keyword === 'proxyjump'
			? values.has('proxycommand')
			: keyword === 'proxycommand' && jump !== undefined && jump !== 'none';
	if (known === undefined && !isTooLate) {
		values.set(keyword, value);
	}
};

/** One digit of a mode: reading is 4, writing 2, executing 1. */
const mayWrite = (digit: number): boolean => Math.floor(digit / 2) % 2 === 1;

/** The text of a file, or `undefined` when there is none. Throws when others may write to a file that must be private. */
const readConfigText = async ({
	file,
	isPrivate,
}: ConfigFile): Promise<string | undefined> => {
	try {
		const handle = await open(file);
		try {
			const {uid, mode} = await handle.stat();
			const isForeign = uid !== 0 && uid !== process.getuid?.();
			const isOpen =
				mayWrite(mode % 0o10) || mayWrite(Math.floor(mode / 0o10) % 0o10);
			if (isPrivate && process.getuid !== undefined && (isForeign || isOpen)) {
				throw new UserError(
					`The SSH configuration can not be used: others may write to ${file}.`,
					{
						exitCode: exitCodes.usage,
						tryNext: [`Make it yours alone: chmod 600 ${file}`],
					},
				);
			}

			return await handle.readFile('utf8');
		} finally {
			await handle.close();
		}
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
			return undefined;
		}

		throw error instanceof UserError
			? error
			: new UserError(
					`The SSH configuration can not be used: ${(error as Error).message}`,
					{exitCode: exitCodes.usage, cause: error},
				);
	}
};

/** Reads one file. Where the line that includes it does not count, none of its lines does. */
const readInto = async (
	reading: Reading,
	source: ConfigFile,
	reach: {readonly active: boolean; readonly depth: number},
): Promise<void> => {
	const text = await readConfigText(source);
	const {query} = reading;
	let {active} = reach;
	for (const [index, lineText] of (text ?? '').split('\n').entries()) {
		const line = readConfigLine(lineText);
		if (!line) {
			continue;
		}

		const fail = (what: string) =>
			configError({file: source.file, line: index + 1}, what);
		const {keyword, words} = line;
		if (words === undefined && !raw.has(keyword)) {
			throw fail('does not close a quote');
		}

		switch (keyword) {
			case 'host': {
				active = reach.active && matchesPatterns(words!, reading.name);
				break;
			}

			case 'match': {
				const matched = matchConfig(words!, {
					host: nameNow(reading),
					originalHost: query.host,
					user: reading.values.get('user')?.[0] ?? os.userInfo().username,
					localUser: os.userInfo().username,
					isFinal: reading.isFinal,
				});
				if (matched.kind === 'wrong') {
					throw fail(matched.message);
				}

				reading.wantsFinal ||= matched.asksForFinal;
				if (matched.unsupported !== undefined && reach.active) {
					reading.onUnsupported(matched.unsupported);
				}

				active = reach.active && matched.matches;
				break;
			}

			case 'include': {
				if (reach.depth >= deepestInclude) {
					throw fail('includes too deep');
				}

				for (const word of words!) {
					for (const file of await includedFiles(word, {
						home: query.home,
						folder: source.folder,
					})) {
						await readInto(
							reading,
							{...source, file, isPrivate: true},
							{active, depth: reach.depth + 1},
						);
					}
				}

				break;
			}

			default: {
				const value = valueOf(line, words ?? [], fail);
				if (active) {
					take(reading, keyword, value);
				}
			}
		}
	}
};

/** What the name that was asked for has become so far. */
const nameNow = ({values, isFinal, query}: Reading): string => {
	const configured = values.get('hostname')?.[0];
	return isFinal || configured === undefined
		? (configured ?? query.host)
		: expandTokens(configured, {h: query.host});
};

/**
 * What configuration files say of a host, by the rules of OpenSSH: the first value wins, `Match final` asks for a second
 * pass. Nothing is executed: `Match exec` counts as not matching and is reported. Throws a `UserError` that names file
 * and line.
 */
export const readConfigFiles = async (
	query: ConfigQuery,
	files: readonly ConfigFile[],
	onUnsupported: (what: string) => void,
): Promise<ConfiguredValues> => {
	const values = new Map<string, readonly string[]>();
	if (query.user !== undefined) {
		values.set('user', [query.user]);
	}

	if (query.port !== undefined) {
		values.set('port', [String(query.port)]);
	}

	const pass = async (name: string, isFinal: boolean): Promise<Reading> => {
		const reading: Reading = {
			query,
			values,
			name,
			isFinal,
			onUnsupported,
			wantsFinal: false,
		};
		for (const file of files) {
			await readInto(reading, file, {active: true, depth: 0});
		}

		return reading;
	};

	const first = await pass(query.host, false);
	const name = nameNow(first).toLowerCase();
	values.set('hostname', [name]);
	if (first.wantsFinal) {
		await pass(name, true);
	}

	if (
		/^(?:yes|true|always)$/i.test(values.get('canonicalizehostname')?.[0] ?? '')
	) {
		onUnsupported('CanonicalizeHostname');
	}

	return values;
};

/** The person's own file and that of the system, in the order in which OpenSSH reads them. */
export const configFilesOf = (
	home: string,
	systemConfig: string,
): readonly ConfigFile[] => {
	const folder = path.join(home, '.ssh');
	return [
		{file: path.join(folder, 'config'), folder, isPrivate: true},
		{
			file: systemConfig,
			folder: path.dirname(systemConfig),
			isPrivate: false,
		},
	];
};
