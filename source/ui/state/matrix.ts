import {
	pathKey,
	verdictArrives,
	type Cell,
	type Latency,
	type PathMtu,
} from '../../facts/measurements.js';
import type {AddressKind} from '../../mesh/mesh.js';

/** How a cell of the matrix looks: the worst of what was measured from one node to another. */
export type CellState =
	/** All that was measured arrives. */
	| 'good'
	/** Something could not be tried, or only a path is closed that nothing depends on. */
	| 'warning'
	| 'bad'
	/** Still being measured. */
	| 'waiting'
	/** Nothing is expected on this pair. */
	| 'none';

/** How much the cluster depends on a path: not at all when no requirement names it. */
export type Need = 'required' | 'recommended' | 'none';

/** A cell with what it means for the cluster. */
export type JudgedCell = {
	readonly cell: Cell;
	readonly state: CellState;
	readonly need: Need;
};

export type PairCell = {
	readonly from: string;
	readonly to: string;
	readonly state: CellState;
	/** Required paths of this pair that do not arrive. */
	readonly blocked: number;
	readonly cells: readonly JudgedCell[];
};

const closedState = ({path, verdict}: Cell, need: Need): CellState => {
	// Internal addresses of another site are not expected to answer.
	if (need === 'none' && path.addressKind === 'internal') {
		return 'none';
	}

	// Tailscale is there already: which way it takes is measured for itself.
	if (
		verdict.kind === 'in-use' &&
		verdict.process === 'tailscaled' &&
		need !== 'required'
	) {
		return 'none';
	}

	if (need !== 'required' || verdict.kind === 'unknown') {
		return 'warning';
	}

	// A program that holds the port may well be the K3s that runs there; what it was asked and did not answer counts.
	return verdict.kind === 'in-use' && verdict.live === undefined
		? 'warning'
		: 'bad';
};

/** What a measured path means for the cluster. */
export const cellState = (cell: Cell, need: Need): CellState =>
	verdictArrives(cell.verdict) ? 'good' : closedState(cell, need);

/** How urgent a state is: the most urgent one speaks for a pair. */
export const urgency: Readonly<Record<CellState, number>> = {
	none: 0,
	good: 1,
	waiting: 2,
	warning: 3,
	bad: 4,
};

/** The most urgent of several states. */
export const worstState = (states: readonly CellState[]): CellState => {
	let worst: CellState = 'none';
	for (const state of states) {
		worst = urgency[state] > urgency[worst] ? state : worst;
	}

	return worst;
};

/** The key of a pair. */
export const pairKey = (from: string, to: string): string => `${from}>${to}`;

/** By pair, see `pairKey`. Pairs of which nothing is known are absent. */
export type ByPair<Value> = ReadonlyMap<string, Value>;

/** The order in which address kinds are offered. */
export const addressKinds: readonly AddressKind[] = [
	'external',
	'internal',
	'external-ipv6',
	'tailscale',
];

/** The pairs of each address kind that has any. */
export const pairCells = (
	cells: Iterable<Cell>,
	needOf: (cell: Cell) => Need,
	/** Keys of paths that are being measured again. */
	pending: ReadonlySet<string>,
): ReadonlyMap<AddressKind, ByPair<PairCell>> => {
	const kinds = new Map<
		AddressKind,
		Map<string, PairCell & {cells: JudgedCell[]}>
	>();
	for (const cell of cells) {
		const {from, to, addressKind} = cell.path;
		const pairs =
			kinds.get(addressKind) ??
			new Map<string, PairCell & {cells: JudgedCell[]}>();
		kinds.set(addressKind, pairs);
		const need = needOf(cell);
		const state =
			pending.size > 0 && pending.has(pathKey(cell.path))
				? 'waiting'
				: cellState(cell, need);
		const key = pairKey(from, to);
		const known = pairs.get(key);
		const judged = known?.cells ?? [];
		judged.push({cell, state, need});
		pairs.set(key, {
			from,
			to,
			state:
				known !== undefined && urgency[known.state] > urgency[state]
					? known.state
					: state,
			blocked: (known?.blocked ?? 0) + (state === 'bad' ? 1 : 0),
			cells: judged,
		});
	}

	return kinds;
};

/** The newest round-trip times of each address kind, by pair. */
export const pairLatencies = (
	latencies: readonly Latency[],
): ReadonlyMap<AddressKind, ByPair<Latency>> => {
	const kinds = new Map<AddressKind, Map<string, Latency>>();
	for (const latency of latencies) {
		const pairs = kinds.get(latency.addressKind) ?? new Map<string, Latency>();
		kinds.set(latency.addressKind, pairs);
		pairs.set(pairKey(latency.from, latency.to), latency);
	}

	return kinds;
};

/** The newest path MTUs of each address kind, by pair. */
export const pairMtus = (
	pathMtus: readonly PathMtu[],
	kindOf: (node: string, address: string) => AddressKind,
): ReadonlyMap<AddressKind, ByPair<PathMtu>> => {
	const kinds = new Map<AddressKind, Map<string, PathMtu>>();
	for (const pathMtu of pathMtus) {
		const kind = kindOf(pathMtu.to, pathMtu.address);
		const pairs = kinds.get(kind) ?? new Map<string, PathMtu>();
		kinds.set(kind, pairs);
		pairs.set(pairKey(pathMtu.from, pathMtu.to), pathMtu);
	}

	return kinds;
};
