import path from 'node:path';
import envPaths from 'env-paths';

const folders = envPaths('k3s-mesh-tui', {suffix: ''});

/** Where cluster files and preferences live. */
export const configFolder = folders.config;

/** Where the wizard keeps a cluster's file. */
export const clusterFilePath = (name: string): string =>
	path.join(folders.config, 'clusters', `${name}.yaml`);

/** The log of one run: a file of its own, so that runs never mix. `at` in ms since 1970. */
export const runLogPath = (cluster: string, at: number): string =>
	path.join(
		folders.log,
		`${cluster}-${new Date(at).toISOString().replaceAll(/[:.]/g, '-')}.jsonl`,
	);
