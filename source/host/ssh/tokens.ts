import {createHash} from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import {UserError, exitCodes} from '../../errors.js';

/** What `%` and a letter stand for in the values of an SSH configuration. */
export type Tokens = Readonly<Record<string, string>>;

const unusable = (value: string, why: string): UserError =>
	new UserError(`The SSH configuration can not be used: "${value}" ${why}.`, {
		exitCode: exitCodes.usage,
	});

/** Puts in what the tokens stand for. Throws a `UserError` for a token that is not one of them, as ssh does. */
export const expandTokens = (value: string, tokens: Tokens): string =>
	value.replaceAll(/%(?<letter>.?)/gs, (_, letter: string) => {
		const text = letter === '%' ? '%' : tokens[letter];
		if (letter === '' || text === undefined) {
			throw unusable(value, `has the unknown token %${letter}`);
		}

		return text;
	});

/** Puts in the values of `${NAME}`. Throws a `UserError` for a name that is not set, as ssh does. */
export const expandEnvironment = (
	value: string,
	environment: Readonly<Record<string, string | undefined>>,
): string =>
	value.replaceAll(/\$\{(?<name>[^}]*)\}/g, (_, name: string) => {
		const text = environment[name];
		if (text === undefined) {
			throw unusable(
				value,
				`names the environment variable ${name}, which is not set`,
			);
		}

		return text;
	});

/** A path that may begin with `~`. */
export const expandHome = (file: string, home: string): string =>
	file === '~' || file.startsWith('~/') ? path.join(home, file.slice(1)) : file;

/** The tokens that file names may have (ssh_config(5), TOKENS). */
export const fileTokens = (login: {
	readonly home: string;
	/** As it was asked for. */
	readonly alias: string;
	readonly host: string;
	readonly port: number;
	readonly user: string;
	readonly hostKeyAlias: string | undefined;
}): Tokens => {
	const {home, alias, host, port, user, hostKeyAlias} = login;
	const {username, uid} = os.userInfo();
	const localHost = os.hostname();
	return {
		...commandTokens(login),
		d: home,
		i: String(uid),
		k: hostKeyAlias ?? alias,
		L: localHost.split('.')[0]!,
		l: localHost,
		u: username,
		C: createHash('sha1')
			.update(`${localHost}${host}${port}${user}`)
			.digest('hex'),
	};
};

/** The tokens that commands and jump hosts may have. */
export const commandTokens = (login: {
	readonly alias: string;
	readonly host: string;
	readonly port: number;
	readonly user: string;
}): Tokens => ({
	h: login.host,
	n: login.alias,
	p: String(login.port),
	r: login.user,
});
