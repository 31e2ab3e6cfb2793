import type {Path} from '../../source/facts/measurements.js';

/** When each part of a check was done, in ms since nothing was open yet. */
export type Timeline = {
	/** Nodes that were reached. */
	readonly reached: number;
	/** All nodes are logged in to. */
	readonly loggedInMs: number;
	/** The facts of all nodes are here, too. */
	readonly contactedMs: number;
	/** All agents run and listen. */
	readonly agentsMs: number;
	/** Every cell of the matrix has its verdict. */
	readonly cellsMs: number;
	/** Latency, loss, path MTU and whatever else are there, too. */
	readonly allMs: number;
	/** What was asked, one path a cell. */
	readonly paths: readonly Path[];
	/** How many cells have each verdict. */
	readonly verdicts: Readonly<Record<string, number>>;
	/** Packets and connections of cells and of latency samples. */
	readonly exchanges: number;
	readonly latencies: number;
	readonly pathMtus: number;
};
