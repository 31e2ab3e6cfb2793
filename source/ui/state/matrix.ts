import {
	verdictArrives,
	type Cell,
	type Latency,
} from '../../facts/measurements.js';
import type {AddressKind} from '../../mesh/mesh.js';

/** How a cell of the matrix looks: the worst of what was measured from one node to another. */
export type CellState =
	/** All that was measured arrives. */
	| 'good'
	/** Something could not be tried, or only a recommended path is closed. */
	| 'warning'
	| 'bad'
	/** Still being measured. */
	| 'waiting'
	/** Nothing is expected on this pair. */
	| 'none';

export type PairCell = {
	readonly from: string;
	readonly to: string;
	readonly state: CellState;
	/** Required paths of this pair that do not arrive. */
	readonly blocked: number;
	readonly cells: ReadonlyArray<{
		readonly cell: Cell;
		readonly state: CellState;
	}>;
};

/** Does an answer on this path count as it is? A program that holds the port may well be the K3s that runs there. */
const cellState = (cell: Cell, isRequired: boolean): CellState => {
	if (verdictArrives(cell.verdict)) {
		return 'good';
	}

	return !isRequired ||
		cell.verdict.kind === 'unknown' ||
		cell.verdict.kind === 'in-use'
		? 'warning'
		: 'bad';
};

/** How urgent a state is: the most urgent one speaks for a pair. */
export const urgency: Readonly<Record<CellState, number>> = {
	none: 0,
	good: 1,
	waiting: 2,
	warning: 3,
	bad: 4,
};

/** The key of a pair. */
export const pairKey = (from: string, to: string): string => `${from}>${to}`;

/** The pairs of one address kind. Pairs without any path are absent. */
export const pairCells = (
	cells: Iterable<Cell>,
	addressKind: AddressKind,
	/** Does the cluster not work without this path? */
	isRequired: (cell: Cell) => boolean,
): ReadonlyMap<string, PairCell> => {
	const pairs = new Map<string, PairCell>();
	for (const cell of cells) {
		const {from, to} = cell.path;
		if (cell.path.addressKind !== addressKind) {
			continue;
		}

		const key = pairKey(from, to);
		const known = pairs.get(key);
		const state = cellState(cell, isRequired(cell));
		pairs.set(key, {
			from,
			to,
			state:
				known !== undefined && urgency[known.state] > urgency[state]
					? known.state
					: state,
			blocked: (known?.blocked ?? 0) + (state === 'bad' ? 1 : 0),
			cells: [...(known?.cells ?? []), {cell, state}],
		});
	}

	return pairs;
};

/** The round-trip times of one address kind, by pair. */
export const pairLatencies = (
	latencies: readonly Latency[],
	addressKind: AddressKind,
): ReadonlyMap<string, Latency> =>
	new Map(
		latencies
			.filter((latency) => latency.addressKind === addressKind)
			.map((latency) => [pairKey(latency.from, latency.to), latency]),
	);

/** What a verdict means, in a few words, and what shows it. */
export const verdictText = (
	cell: Cell,
): {verdict: string; evidence: string} => {
	const {verdict, sent, answered} = cell;
	const exchange = `${sent} sent, ${answered} answered`;
	switch (verdict.kind) {
		case 'open': {
			return {
				verdict: 'open',
				evidence: `${verdict.rttMs.toFixed(verdict.rttMs < 10 ? 1 : 0)} ms`,
			};
		}

		case 'reached': {
			return {verdict: 'reached', evidence: 'arrival seen on the far side'};
		}

		case 'refused': {
			return {
				verdict: 'refused',
				evidence:
					verdict.by === undefined
						? verdict.reason
						: `by ${verdict.by} (${verdict.reason})`,
			};
		}

		case 'filtered': {
			return {verdict: 'filtered', evidence: `${exchange}, no ICMP`};
		}

		case 'wrong-host': {
			return {
				verdict: 'wrong host',
				evidence:
					verdict.answeredBy === undefined
						? 'another machine answered'
						: `${verdict.answeredBy} answered`,
			};
		}

		case 'in-use': {
			return {
				verdict: 'in use',
				evidence:
					verdict.process === undefined
						? 'another program holds the port'
						: `${verdict.process} holds the port`,
			};
		}

		case 'unknown': {
			return {verdict: 'unknown', evidence: verdict.reason};
		}
	}
};
