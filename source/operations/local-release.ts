import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {readFile, stat} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type {Cluster} from '../cluster/schema.js';
import {UserError, exitCodes} from '../errors.js';
import type {Architecture, HostFacts} from '../facts/host-facts.js';
import {
	releaseFileNames,
	type LocalFile,
	type LocalRelease,
} from '../plan/releases.js';

const sha256Of = async (file: string, signal: AbortSignal): Promise<string> => {
	const hash = createHash('sha256');
	for await (const bytes of createReadStream(file, {signal})) {
		hash.update(bytes as Uint8Array);
	}

	return hash.digest('hex');
};

/** The file of a folder, or `undefined` when there is none. Throws when it can not be read. */
const findFile = async (
	folder: string,
	fileName: string,
	signal: AbortSignal,
): Promise<LocalFile | undefined> => {
	const file = path.join(folder, fileName);
	try {
		const {size} = await stat(file);
		return {
			path: file,
			fileName,
			bytes: size,
			sha256: await sha256Of(file, signal),
		};
	} catch (error) {
		signal.throwIfAborted();
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
			return undefined;
		}

		throw new UserError(
			`${file} can not be read: ${(error as Error).message}`,
			{exitCode: exitCodes.usage, cause: error},
		);
	}
};

/** The sha256 that a checksum file names for a file. */
const listedSum = (sums: string, fileName: string): string | undefined =>
	sums
		.split('\n')
		.map((line) => line.trim().split(/\s+\*?/))
		.find(([, name]) => name === fileName)?.[0];

/**
 * Reads the folder that the cluster file names under `airgap`, and compares each file with the checksums beside it.
 * `undefined` when the cluster names none. Throws a `UserError` that names the file that is missing or differs.
 */
export const readLocalRelease = async (
	{airgap, k3s}: Cluster,
	facts: ReadonlyMap<string, HostFacts>,
	signal: AbortSignal,
): Promise<LocalRelease | undefined> => {
	if (airgap === undefined) {
		return undefined;
	}

	const folder = airgap.folder.replace(/^~(?=\/)/, os.homedir());
	const release = `https://github.com/k3s-io/k3s/releases/tag/${k3s.version}`;
	const need = async (fileName: string, from: string): Promise<LocalFile> => {
		const found = await findFile(folder, fileName, signal);
		if (found === undefined) {
			throw new UserError(`${folder} has no ${fileName}.`, {
				exitCode: exitCodes.usage,
				tryNext: [`Get it from ${from}`],
			});
		}

		return found;
	};

	const installScript = await need('install.sh', 'https://get.k3s.io');
	const architectures = new Set(
		[...facts.values()].flatMap(({architecture}): readonly Architecture[] =>
			architecture === undefined ? [] : [architecture],
		),
	);
	const files = new Map<
		Architecture,
		{binary: LocalFile; checksums: LocalFile; images: LocalFile | undefined}
	>();
	for (const architecture of architectures) {
		const names = releaseFileNames(architecture);
		const checksums = await need(names.checksums, release);
		const sums = await readFile(checksums.path, 'utf8');
		const check = (file: LocalFile): LocalFile => {
			const listed = listedSum(sums, file.fileName);
			if (listed !== file.sha256) {
				throw new UserError(
					listed === undefined
						? `${checksums.path} has no checksum of ${file.fileName}.`
						: `${file.path} has another sha256 (${file.sha256}) than ${names.checksums} says (${listed}).`,
					{
						exitCode: exitCodes.usage,
						tryNext: [`Get both files again, of one release: ${release}`],
					},
				);
			}

			return file;
		};

		const binary = check(await need(names.binary, release));
		let images: LocalFile | undefined;
		for (const name of names.images) {
			images ??= await findFile(folder, name, signal);
		}

		files.set(architecture, {
			binary,
			checksums,
			images: images && check(images),
		});
	}

	return {installScript, files};
};
