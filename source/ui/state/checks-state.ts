import type {Cluster} from '../../cluster/schema.js';
import {
	noMeasurements,
	pathKey,
	type Cell as PathCell,
	type Latency,
	type Measurements,
	type NatObservation,
	type Outbound,
	type Path,
	type PathMtu,
	type PortToPort,
	type ProbeStation,
} from '../../facts/measurements.js';
import type {NodeNetcheck, TailnetPath} from '../../facts/tailnet-measures.js';
import type {CheckReport, FixOutcome} from '../../operations/operations.js';
import type {ProbeEvent} from '../../probe/probe.js';
import type {Work} from './work.js';

/** The checks as far as they have come. */
export type ChecksState = {
	readonly work: Work<CheckReport>;
	/** How many paths will be measured; 0 until that is known. */
	readonly planned: number;
	/** By `pathKey`. */
	readonly cells: ReadonlyMap<string, PathCell>;
	/** Keys of paths that are being measured again; `cells` still has what they were. */
	readonly pending: ReadonlySet<string>;
	/** All that was told besides the cells. */
	readonly told: Omit<Measurements, 'cells' | 'stations'>;
	/** By node: what it measures with, or why it can not. */
	readonly stations: ReadonlyMap<string, ProbeStation>;
	/** The cluster that is (or was) checked. */
	readonly cluster: Cluster | undefined;
	/** The host whose firewall is being opened, or what became of the last one. */
	readonly fix:
		| {
				readonly node: string;
				readonly outcome: FixOutcome | undefined;
		  }
		| undefined;
};

/** Before anything is measured. */
export const idle: ChecksState = {
	work: {phase: 'idle'},
	planned: 0,
	cells: new Map(),
	pending: new Set(),
	told: noMeasurements,
	stations: new Map(),
	cluster: undefined,
	fix: undefined,
};

/** Nothing yet; its lists are filled as results arrive. */
const nothingTold = (): ChecksState['told'] => ({
	latencies: [],
	pathMtus: [],
	nat: [],
	portToPort: [],
	outbound: [],
	netchecks: [],
	tailnetPaths: [],
});

/** The state after one more event. Lists and maps are shared with the state before: events come by the thousand. */
export const withEvent = (
	state: ChecksState,
	event: ProbeEvent,
): ChecksState => {
	switch (event.type) {
		case 'planned': {
			return {...state, planned: state.planned + event.cells};
		}

		case 'station': {
			const {station} = event;
			return {
				...state,
				stations: new Map(state.stations).set(station.node, station),
			};
		}

		case 'cell': {
			// Thousands arrive in a second: the map is shared, only its holder is new.
			const key = pathKey(event.cell.path);
			(state.cells as Map<string, PathCell>).set(key, event.cell);
			(state.pending as Set<string>).delete(key);
			return {...state};
		}

		case 'latency': {
			(state.told.latencies as Latency[]).push(event.latency);
			return {...state, told: {...state.told}};
		}

		case 'path-mtu': {
			(state.told.pathMtus as PathMtu[]).push(event.pathMtu);
			return {...state, told: {...state.told}};
		}

		case 'nat': {
			(state.told.nat as NatObservation[]).push(event.observation);
			return {...state, told: {...state.told}};
		}

		case 'port-to-port': {
			(state.told.portToPort as PortToPort[]).push(event.portToPort);
			return {...state, told: {...state.told}};
		}

		case 'outbound': {
			(state.told.outbound as Outbound[]).push(event.outbound);
			return {...state, told: {...state.told}};
		}

		case 'netcheck': {
			(state.told.netchecks as NodeNetcheck[]).push(event.netcheck);
			return {...state, told: {...state.told}};
		}

		case 'tailnet-path': {
			(state.told.tailnetPaths as TailnetPath[]).push(event.tailnetPath);
			return {...state, told: {...state.told}};
		}
	}
};

/** What was measured once a report is there. */
export const measuredState = ({
	measurements,
}: CheckReport): Pick<
	ChecksState,
	'planned' | 'cells' | 'pending' | 'told' | 'stations'
> => ({
	planned: measurements.cells.length,
	cells: new Map(measurements.cells.map((cell) => [pathKey(cell.path), cell])),
	pending: new Set(),
	told: measurements,
	stations: new Map(
		measurements.stations.map((station) => [station.node, station]),
	),
});

/** Everything is measured from the beginning; what became of a fix stays in sight. */
export const begun = (
	known: ChecksState,
	cluster: Cluster,
	startedAt: number,
): ChecksState => ({
	...idle,
	cells: new Map(),
	told: nothingTold(),
	fix: known.fix,
	work: {phase: 'running', startedAt},
	cluster,
});

/** Only some paths are measured anew: all others stay on the screen as they are. */
export const begunAgain = (
	known: ChecksState,
	startedAt: number,
	earlier: CheckReport,
	only: (path: Path) => boolean,
): ChecksState => {
	const {measurements} = earlier;
	const {latencies, pathMtus, nat, portToPort, outbound} = measurements;
	const {netchecks, tailnetPaths} = measurements;
	return {
		...known,
		...measuredState(earlier),
		pending: new Set(
			measurements.cells
				.filter(({path}) => only(path))
				.map(({path}) => pathKey(path)),
		),
		// Results are added to these: the report keeps its own.
		told: {
			latencies: [...latencies],
			pathMtus: [...pathMtus],
			nat: [...nat],
			portToPort: [...portToPort],
			outbound: [...outbound],
			netchecks: [...netchecks],
			tailnetPaths: [...tailnetPaths],
		},
		planned: 0,
		work: {phase: 'running', startedAt},
	};
};
