import {stationOf, type Run} from './run.js';

/** The sources under which tries arrived, by the number of the try. */
export type Arrived = ReadonlyMap<number, string>;

/** Asks the agents of these nodes which tries have arrived at them. One that does not tell is left out. */
export const arrivedAt = async (
	run: Pick<Run, 'starts'>,
	nodes: readonly string[],
): Promise<ReadonlyMap<string, Arrived>> => {
	const arrived = new Map<string, Arrived>();
	await Promise.allSettled(
		[...new Set(nodes)].map(async (node) => {
			const station = stationOf(run, node);
			if (station?.can.arrivals) {
				const told = await station.agent.arrivals();
				arrived.set(node, new Map(told.map(({id, source}) => [id, source])));
			}
		}),
	);
	return arrived;
};
