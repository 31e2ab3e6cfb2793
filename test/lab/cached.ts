import {createHash, randomUUID} from 'node:crypto';
import {existsSync} from 'node:fs';
import {
	mkdir,
	readdir,
	readFile,
	rename,
	rm,
	utimes,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {cacheFolder} from './folders.js';
import {isAlive, startTime, type ProcessMark} from './processes.js';
import {waitFor} from './run.js';

/** A short name for content: the same parts give the same name. */
export const contentHash = (
	...parts: ReadonlyArray<string | Uint8Array>
): string => {
	const hash = createHash('sha256');
	for (const part of parts) {
		hash.update(String(part.length)).update(':').update(part);
	}

	return hash.digest('hex').slice(0, 16);
};

const holderOf = async (lock: string): Promise<ProcessMark | undefined> => {
	try {
		return JSON.parse(await readFile(lock, 'utf8')) as ProcessMark;
	} catch {
		return undefined;
	}
};

/** Takes the lock file, waiting for a living holder; the lock of a dead one is taken over. */
const lock = async (file: string, signal?: AbortSignal): Promise<void> => {
	const mark = {pid: process.pid, startTime: startTime(process.pid)};
	await waitFor(
		`another process holds ${file}`,
		async () => {
			try {
				await writeFile(file, JSON.stringify(mark), {flag: 'wx'});
				return true;
			} catch {
				const holder = await holderOf(file);
				if (holder && !isAlive(holder)) {
					await rm(file, {force: true});
				}

				return undefined;
			}
		},
		{timeoutMs: 900_000, everyMs: 200, signal},
	);
};

/**
 * The path of something made once and kept under `name`, which holds the hash of what it is made from. `make` gets a
 * path of its own to fill (not yet there); the finished thing appears under its name at once.
 */
export const cached = async (
	name: string,
	make: (target: string) => Promise<void>,
	signal?: AbortSignal,
): Promise<string> => {
	const target = path.join(cacheFolder, name);
	const touch = async () => {
		const now = new Date();
		await utimes(target, now, now);
		return target;
	};

	if (existsSync(target)) {
		return touch();
	}

	await mkdir(cacheFolder, {recursive: true, mode: 0o700});
	const lockFile = `${target}.lock`;
	await lock(lockFile, signal);
	const draft = `${target}.${randomUUID().slice(0, 8)}.draft`;
	try {
		// Drafts of those who were killed: we hold the lock, so nobody works on them.
		for (const entry of await readdir(cacheFolder)) {
			if (entry.startsWith(`${name}.`) && entry.endsWith('.draft')) {
				await rm(path.join(cacheFolder, entry), {recursive: true, force: true});
			}
		}

		if (!existsSync(target)) {
			await make(draft);
			await rename(draft, target);
		}
	} finally {
		await rm(draft, {recursive: true, force: true});
		await rm(lockFile, {force: true});
	}

	return touch();
};
