import {newClusterText, updateClusterText} from '../../cluster/file.js';
import type {Cluster} from '../../cluster/schema.js';
import {describeError} from '../../errors.js';
import type {ClusterFiles} from '../../store/cluster-files.js';
import {makeCell, type Cell} from './observable.js';

/** The cluster that is worked on, and its file, which follows every change. */
export type ClusterDocument = {
	readonly cluster: Cell<Cluster>;
	/** Why the file could not be written; `undefined` when all is saved. */
	readonly problem: Cell<string | undefined>;
	readonly path: string;
	/** Changes the cluster and has it saved. */
	readonly change: (change: (cluster: Cluster) => Cluster) => void;
	/** Ends when all that was changed is in the file, or can not be. */
	readonly settled: () => Promise<void>;
};

/** A new cluster's file is written with its first change. */
export const makeClusterDocument = (
	initial: Cluster,
	files: ClusterFiles,
): ClusterDocument => {
	const cluster = makeCell(initial);
	const problem = makeCell<string | undefined>(undefined);
	let written = initial;
	let writing: Promise<void> | undefined;

	const write = async (): Promise<void> => {
		while (written !== cluster.latest()) {
			const next = cluster.latest();
			try {
				// What is there now is the base: comments that were added by hand meanwhile stay.
				const text = await files.read(next.name);
				await files.write(
					next.name,
					text === undefined
						? newClusterText(next)
						: updateClusterText(text, next),
				);
				problem.set(undefined);
			} catch (error) {
				problem.set(
					`The cluster file ${files.path(next.name)} could not be written: ${describeError(error)}`,
				);
			}

			written = next;
		}

		writing = undefined;
	};

	return {
		cluster,
		problem,
		path: files.path(initial.name),
		change(change) {
			const next = change(cluster.latest());
			if (next !== cluster.latest()) {
				cluster.set(next);
				writing ??= write();
			}
		},
		async settled() {
			await writing;
		},
	};
};

/** The cluster with one of its nodes changed. */
export const withNode = (
	cluster: Cluster,
	name: string,
	change: (node: Cluster['nodes'][number]) => Cluster['nodes'][number],
): Cluster => ({
	...cluster,
	nodes: cluster.nodes.map((node) =>
		node.name === name ? change(node) : node,
	),
});
