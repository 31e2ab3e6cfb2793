import {
	pathKey,
	verdictArrives,
	type Latency,
	type Measurements,
	type PathMtu,
} from '../facts/measurements.js';

/** The earlier items in their order, those that were measured again in place of them, and after them what is new. */
const merge = <One>(
	earlier: readonly One[],
	later: readonly One[],
	keyOf: (one: One) => string,
): readonly One[] => [
	...new Map([...earlier, ...later].map((one) => [keyOf(one), one])).values(),
];

const pairKey = ({
	from,
	to,
	address,
}: Pick<Latency | PathMtu, 'from' | 'to' | 'address'>): string =>
	`${from}>${to}|${address}`;

/**
 * Puts what was measured again in place of what an earlier measurement found, and keeps the rest. An address that does
 * not answer any more loses its round trips and its packet size; many samples are not given up for a few.
 */
export const mergeMeasurements = (
	earlier: Measurements,
	later: Measurements,
): Measurements => {
	const cells = merge(earlier.cells, later.cells, ({path}) => pathKey(path));
	const arriving = new Set(
		cells
			.filter(({verdict}) => verdictArrives(verdict))
			.map(({path}) => pairKey(path)),
	);
	const samples = new Map(
		earlier.latencies.map((one) => [pairKey(one), one.samples]),
	);
	const tailnet = later.tailnet ?? earlier.tailnet;
	return {
		cells,
		latencies: merge(
			earlier.latencies.filter((one) => arriving.has(pairKey(one))),
			later.latencies.filter(
				(one) => one.samples >= (samples.get(pairKey(one)) ?? 0),
			),
			pairKey,
		),
		pathMtus: merge(
			earlier.pathMtus.filter((one) => arriving.has(pairKey(one))),
			later.pathMtus,
			pairKey,
		),
		nat: later.nat.length > 0 ? later.nat : earlier.nat,
		portToPort:
			later.portToPort.length > 0 ? later.portToPort : earlier.portToPort,
		outbound: merge(
			earlier.outbound,
			later.outbound,
			({from, need, target}) => `${from} ${need} ${target}`,
		),
		netchecks: merge(earlier.netchecks, later.netchecks, ({node}) => node),
		tailnetPaths: merge(earlier.tailnetPaths, later.tailnetPaths, pairKey),
		stations: merge(earlier.stations, later.stations, ({node}) => node),
		...(tailnet !== undefined && {tailnet}),
	};
};
