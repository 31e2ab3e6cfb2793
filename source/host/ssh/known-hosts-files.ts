import {createHash} from 'node:crypto';
import type {Buffer} from 'node:buffer';
import {mkdir, open, readFile} from 'node:fs/promises';
import path from 'node:path';
import {UserError, exitCodes} from '../../errors.js';
import {keyTypeOf, parseKnownHosts, type KnownHost} from './known-hosts.js';

/** Reads known_hosts files in order; those that do not exist count as empty. */
export const readKnownHosts = async (
	files: readonly string[],
): Promise<KnownHost[]> => {
	const entries: KnownHost[] = [];
	for (const file of files) {
		try {
			entries.push(...parseKnownHosts(await readFile(file, 'utf8'), file));
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
				throw error;
			}
		}
	}

	return entries;
};

/** Adds a key at the end of a known_hosts file; makes the file (0600) and its folder (0700) when they are missing. Throws a `UserError` when it can not. */
export const rememberKey = async (
	file: string,
	name: string,
	key: Buffer,
): Promise<void> => {
	try {
		await appendKey(file, name, key);
	} catch (error) {
		throw new UserError(
			`The host key of ${name} can not be written to ${file}: ${(error as Error).message}`,
			{exitCode: exitCodes.unreachable, cause: error},
		);
	}
};

const appendKey = async (
	file: string,
	name: string,
	key: Buffer,
): Promise<void> => {
	await mkdir(path.dirname(file), {recursive: true, mode: 0o700});
	const handle = await open(file, 'a+', 0o600);
	try {
		const text = await handle.readFile('utf8');
		const start = text === '' || text.endsWith('\n') ? '' : '\n';
		await handle.appendFile(
			`${start}${name} ${keyTypeOf(key)} ${key.toString('base64')}\n`,
		);
	} finally {
		await handle.close();
	}
};

/** The fingerprint of a key as ssh-keygen prints it. */
export const fingerprintOf = (key: Buffer): string =>
	`SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
