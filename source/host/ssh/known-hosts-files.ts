import {createHash, randomBytes} from 'node:crypto';
import {Buffer} from 'node:buffer';
import {mkdir, open, readFile} from 'node:fs/promises';
import path from 'node:path';
import {
	hashName,
	keyTypeOf,
	parseKnownHosts,
	type KnownHost,
} from './known-hosts.js';

/** As long as a SHA-1, as ssh-keygen has it. */
const saltBytes = 20;

/**
 * Reads known_hosts files in order. Those that do not exist count as empty; so do those that can not be read, as for ssh,
 * but `onUnreadable` hears why.
 */
export const readKnownHosts = async (
	files: readonly string[],
	onUnreadable: (file: string, why: string) => void,
): Promise<KnownHost[]> => {
	const entries: KnownHost[] = [];
	for (const file of files) {
		try {
			entries.push(...parseKnownHosts(await readFile(file, 'utf8'), file));
		} catch (error) {
			const {code, message} = error as NodeJS.ErrnoException;
			if (code !== 'ENOENT') {
				onUnreadable(file, message);
			}
		}
	}

	return entries;
};

/**
 * Adds a key at the end of a known_hosts file; makes the file (0600) and its folder (0700) when they are missing. Others
 * may add theirs at the same time. Returns whether the file keeps it, as `/dev/null` does not. Throws what the file system
 * says when it can not be written.
 */
export const rememberKey = async (
	file: string,
	name: string,
	key: Buffer,
	{isHashed = false} = {},
): Promise<boolean> => {
	const written = isHashed ? hashName(name, randomBytes(saltBytes)) : name;
	await mkdir(path.dirname(file), {recursive: true, mode: 0o700});
	const handle = await open(file, 'a+', 0o600);
	try {
		const about = await handle.stat();
		const {size} = about;
		const last = Buffer.alloc(1, '\n');
		if (size > 0) {
			await handle.read(last, 0, 1, size - 1);
		}

		// One write at the end of the file is never torn, so whoever else appends loses nothing.
		const line = `${last.toString() === '\n' ? '' : '\n'}${written} ${keyTypeOf(key)} ${key.toString('base64')}\n`;
		await handle.write(line);
		return about.isFile();
	} finally {
		await handle.close();
	}
};

/** The fingerprint of a key as ssh-keygen prints it. */
export const fingerprintOf = (key: Buffer): string =>
	`SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
