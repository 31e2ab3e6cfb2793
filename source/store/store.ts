import {rmSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {makeClusterFiles, type ClusterFiles} from './cluster-files.js';
import {configFolder, runLogPath} from './paths.js';
import {makePreferences, type Preferences} from './preferences.js';

/** All that this program keeps on this machine. Never a secret. */
export type Store = {
	readonly files: ClusterFiles;
	readonly preferences: Preferences;
	/** Where a kubeconfig goes instead of the user's own; `undefined` means the user's own. */
	readonly kubeconfigPath: string | undefined;
	/** The file for the log of a run that starts at a time (ms since 1970). */
	readonly runLogPath: (cluster: string, at: number) => string;
};

/** The user's store. */
export const openStore = (folder: string = configFolder): Store => ({
	files: makeClusterFiles(folder),
	preferences: makePreferences(folder),
	kubeconfigPath: undefined,
	runLogPath,
});

/** A store in a folder of its own that is removed afterwards: what the demo writes never meets the user's files. */
export const openTemporaryStore = async (): Promise<{
	readonly store: Store;
	readonly remove: () => Promise<void>;
}> => {
	const folder = await mkdtemp(path.join(os.tmpdir(), 'k3s-mesh-demo-'));
	// A terminal that is closed can end the program before anything else gets its turn.
	const removeAtExit = () => {
		rmSync(folder, {recursive: true, force: true});
	};

	process.once('exit', removeAtExit);
	return {
		store: {
			...openStore(folder),
			kubeconfigPath: path.join(folder, 'kubeconfig'),
			runLogPath: (cluster, at) =>
				path.join(folder, path.basename(runLogPath(cluster, at))),
		},
		async remove() {
			process.off('exit', removeAtExit);
			await rm(folder, {recursive: true, force: true});
		},
	};
};
