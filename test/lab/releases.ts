import {createHash} from 'node:crypto';
import {
	copyFile,
	mkdir,
	readdir,
	readFile,
	stat,
	symlink,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {cached, contentHash} from './cached.js';
import {beside} from './launch.js';
import {runOrFail} from './run.js';

/** Releases that the mirror has, newest first. */
export const releases = ['v1.36.3+k3s1', 'v1.35.6+k3s1'] as const;

/** Channels of the mirror and what they stand at. */
export const channels: Readonly<Record<string, string>> = {
	stable: releases[0],
	latest: releases[0],
	'v1.36': releases[0],
	'v1.35': releases[1],
};

/** A download that takes long enough to be seen: a fifth of the real one's size. */
const binarySize = 12 * 1024 * 1024;

const double = beside('k3s-double');

/** All that the double is made of, as one name. */
const doubleHash = async (): Promise<string> => {
	const entries = await readdir(double, {recursive: true});
	const files = entries.filter((file) => /\.(?:py|sh)$/.test(file)).toSorted();
	return contentHash(
		String(binarySize),
		...(await Promise.all(
			files.map(
				async (file) =>
					`${file}\n${await readFile(path.join(double, file), 'utf8')}`,
			),
		)),
	);
};

const realHash = async (file: string): Promise<string> => {
	const {size, mtimeMs} = await stat(file);
	return `${file} ${size} ${mtimeMs}`;
};

/**
 * A folder with `install.sh` and `VERSION/{k3s,k3s-arm64,sha256sum-ARCH.txt}`. They are the double's, or what
 * K3S_BINARY and K3S_INSTALL_SCRIPT name.
 */
export const releaseFolder = async (signal?: AbortSignal): Promise<string> => {
	const {K3S_BINARY: binary, K3S_INSTALL_SCRIPT: installScript} = process.env;
	const hash = contentHash(
		await doubleHash(),
		binary ? await realHash(binary) : '',
		installScript ? await realHash(installScript) : '',
	);
	return cached(
		`releases-${hash}`,
		async (target) => {
			await mkdir(target);
			await copyFile(
				installScript ?? path.join(double, 'install.sh'),
				path.join(target, 'install.sh'),
			);
			for (const version of releases) {
				const folder = path.join(target, version);
				const file = path.join(folder, 'k3s');
				await mkdir(folder);
				await (binary
					? copyFile(binary, file)
					: runOrFail(
							[
								'python3',
								path.join(double, 'build.py'),
								'--version',
								version,
								'--output',
								file,
								'--size',
								String(binarySize),
							],
							{signal},
						));
				await symlink('k3s', path.join(folder, 'k3s-arm64'));
				const sum = createHash('sha256')
					.update(await readFile(file))
					.digest('hex');
				for (const [architecture, name] of [
					['amd64', 'k3s'],
					['arm64', 'k3s-arm64'],
				] as const) {
					await writeFile(
						path.join(folder, `sha256sum-${architecture}.txt`),
						`${sum}  ${name}\n`,
					);
				}
			}
		},
		signal,
	);
};
