import path from 'node:path';
import {makeClusterFiles} from './cluster-files.js';
import {configFolder} from './paths.js';
import {makePreferences, type ClusterProgress} from './preferences.js';

/**
 * Remembers how far a cluster is, for the wizard's first screen, after something was done to it without the wizard. Only
 * of one that the wizard knows by this very file: for others no preferences are made.
 */
export const rememberProgress = (
	cluster: {
		readonly name: string;
		/** Where its file is. */
		readonly path: string;
	},
	progress: ClusterProgress,
	/** ms since 1970. */
	usedAt: number,
	folder: string = configFolder,
): void => {
	const {name} = cluster;
	if (path.resolve(cluster.path) !== makeClusterFiles(folder).path(name)) {
		return;
	}

	const preferences = makePreferences(folder);
	if (preferences.clusters().some((known) => known.name === name)) {
		preferences.remember({name, progress, usedAt});
	}
};
