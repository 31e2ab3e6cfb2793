import {randomBytes} from 'node:crypto';
import {
	chmod,
	mkdir,
	open,
	readFile,
	readdir,
	rename,
	rm,
} from 'node:fs/promises';
import path from 'node:path';
import {clusterJsonSchemaText, schemaFileName} from '../cluster/json-schema.js';
import {configFolder} from './paths.js';

/** The cluster files that the wizard keeps: one YAML file a cluster, for the owner's eyes only. */
export type ClusterFiles = {
	/** Where the file of a cluster is, or would be. */
	path(name: string): string;
	/** Names of the saved clusters, sorted. */
	list(): Promise<readonly string[]>;
	/** The text of a cluster's file; `undefined` when there is none. */
	read(name: string): Promise<string | undefined>;
	/** Puts the text in place as a whole, or not at all (0600, in a 0700 folder), and the schema that it names beside it. */
	write(name: string, text: string): Promise<void>;
};

const extension = '.yaml';

const isMissing = (error: unknown): boolean =>
	(error as NodeJS.ErrnoException).code === 'ENOENT';

/** Makes a folder, and those above it that are missing, for the owner only. */
export const makePrivateFolder = async (folder: string): Promise<void> => {
	const made = await mkdir(folder, {recursive: true, mode: 0o700});
	if (made === undefined) {
		// It was there before: perhaps made by an older umask.
		await chmod(folder, 0o700);
	}
};

/** Replaces a file by one with this text: a reader sees the old one or the new one, never a part. */
export const writePrivateFile = async (
	file: string,
	text: string,
): Promise<void> => {
	const temporary = `${file}.${randomBytes(6).toString('hex')}.new`;
	try {
		const handle = await open(temporary, 'wx', 0o600);
		try {
			await handle.writeFile(text);
			await handle.sync();
		} finally {
			await handle.close();
		}

		await rename(temporary, file);
	} catch (error) {
		await rm(temporary, {force: true});
		throw error;
	}
};

/** The text of a file; `undefined` when there is none. */
const readIfThere = async (file: string): Promise<string | undefined> => {
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		if (isMissing(error)) {
			return undefined;
		}

		throw error;
	}
};

/** The cluster files below a configuration folder. */
export const makeClusterFiles = (
	folder: string = configFolder,
): ClusterFiles => {
	const clusters = path.join(folder, 'clusters');
	const filePath = (name: string) =>
		path.join(clusters, `${path.basename(name)}${extension}`);
	return {
		path: filePath,
		async list() {
			try {
				const names = await readdir(clusters);
				return names
					.filter((name) => name.endsWith(extension))
					.map((name) => name.slice(0, -extension.length))
					.toSorted();
			} catch (error) {
				if (isMissing(error)) {
					return [];
				}

				throw error;
			}
		},
		async read(name) {
			return readIfThere(filePath(name));
		},
		async write(name, text) {
			await makePrivateFolder(folder);
			await makePrivateFolder(clusters);
			await writePrivateFile(filePath(name), text);
			const schemaPath = path.join(clusters, schemaFileName);
			const schemaText = clusterJsonSchemaText();
			if ((await readIfThere(schemaPath)) !== schemaText) {
				await writePrivateFile(schemaPath, schemaText);
			}
		},
	};
};
