import {mkdirSync} from 'node:fs';
import Conf from 'conf';
import {configFolder} from './paths.js';

/** How far a person came with a cluster in the wizard. */
export type ClusterProgress =
	| 'nodes'
	| 'mesh'
	| 'settings'
	| 'checks'
	| 'review'
	/** An install was started and did not end well yet. */
	| 'install'
	/** The last install ended well. */
	| 'done'
	/** It was taken away again, and its file is still there. */
	| 'uninstalled';

/** A cluster that the wizard knows. All else about it is in its file. */
export type KnownCluster = {
	readonly name: string;
	readonly progress: ClusterProgress;
	/** When it was last worked on, in ms since 1970. */
	readonly usedAt: number;
};

/** What is remembered between runs besides the cluster files: which clusters there are, and how the screens are liked. */
export type Preferences = {
	/** Most recently used first. */
	clusters(): readonly KnownCluster[];
	remember(cluster: KnownCluster): void;
	forget(name: string): void;
	/** Is the install watched as a grid of nodes or as a stream of lines? */
	installView(): InstallView;
	setInstallView(view: InstallView): void;
};

export type InstallView = 'grid' | 'stream';

type Kept = {
	clusters: KnownCluster[];
	installView: InstallView;
};

/** The preferences below a configuration folder, in `config.json` (0600). A file that can not be read counts as empty. */
export const makePreferences = (folder: string = configFolder): Preferences => {
	mkdirSync(folder, {recursive: true, mode: 0o700});
	const conf = new Conf<Kept>({
		cwd: folder,
		configFileMode: 0o600,
		clearInvalidConfig: true,
		defaults: {clusters: [], installView: 'grid'},
	});
	const others = (name: string) =>
		conf.get('clusters').filter((cluster) => cluster.name !== name);
	return {
		clusters: () =>
			conf.get('clusters').toSorted((one, other) => other.usedAt - one.usedAt),
		remember(cluster) {
			conf.set('clusters', [...others(cluster.name), cluster]);
		},
		forget(name) {
			conf.set('clusters', others(name));
		},
		installView: () => conf.get('installView'),
		setInstallView(view) {
			conf.set('installView', view);
		},
	};
};
