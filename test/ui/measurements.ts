import {
	noMeasurements,
	type Cell,
	type Measurements,
	type Verdict,
} from '../../source/facts/measurements.js';

const open: Verdict = {kind: 'open', rttMs: 12};

/** WireGuard and kubelet between all pairs on external addresses; `closed` names nodes that no WireGuard packet reaches or leaves. */
export const allPairs = (
	names: readonly string[],
	options: {
		readonly closed?: readonly string[];
		readonly addressOf: (name: string) => string;
	},
): Measurements => {
	const pairs = names.flatMap((from) =>
		names.filter((name) => name !== from).map((to) => ({from, to})),
	);
	const {closed = [], addressOf} = options;
	return {
		...noMeasurements,
		cells: pairs.flatMap(({from, to}): Cell[] => {
			const path = {
				from,
				to,
				addressKind: 'external',
				address: addressOf(to),
			} as const;
			const isClosed = closed.includes(to) || closed.includes(from);
			return [
				{
					path: {...path, protocol: 'udp', port: 51_820},
					verdict: isClosed ? {kind: 'filtered'} : open,
					sent: 5,
					answered: isClosed ? 0 : 5,
					observedSource: undefined,
				},
				{
					path: {...path, protocol: 'tcp', port: 10_250},
					verdict: open,
					sent: 1,
					answered: 1,
					observedSource: undefined,
				},
			];
		}),
		latencies: pairs.map(({from, to}) => ({
			from,
			to,
			addressKind: 'external',
			address: addressOf(to),
			minMs: 10,
			medianMs: from === 'nyc1' ? 84 : 14,
			p95Ms: 20,
			jitterMs: 1,
			loss: 0,
			samples: 20,
		})),
	};
};
