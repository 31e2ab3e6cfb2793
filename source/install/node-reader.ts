import type {Host} from '../host/host.js';
import {k3sNodes, type NodeObject} from '../host/scripts/k3s-read.js';

/** Reads the node objects on the first server, for all nodes that wait for theirs at once. */
export type NodeReader = {
	/** An answer no older than the pause between two looks. Rejects while the API does not answer. */
	read(): Promise<readonly NodeObject[]>;
};

/** One reader for a run: however many nodes wait, the server is asked once a pause. */
export const makeNodeReader = (options: {
	readonly firstServer: () => Promise<Host>;
	/** How long an answer is good for, in ms. */
	readonly freshMs: number;
	/** Of the whole run. */
	readonly signal: AbortSignal;
}): NodeReader => {
	let asked = Number.NEGATIVE_INFINITY;
	let underWay = false;
	let answer: Promise<readonly NodeObject[]> | undefined;

	const ask = async (): Promise<readonly NodeObject[]> => {
		try {
			const host = await options.firstServer();
			return await host.run(k3sNodes, {}, {signal: options.signal});
		} finally {
			asked = performance.now();
			underWay = false;
		}
	};

	return {
		async read() {
			const fresh = performance.now() - asked < options.freshMs;
			if (answer === undefined || (!underWay && !fresh)) {
				underWay = true;
				answer = ask();
			}

			return answer;
		},
	};
};
