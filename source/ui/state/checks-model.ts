import {blockers, type JudgedFinding} from '../../checks/finding.js';
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
import type {
	CheckReport,
	FirewallFix,
	FixOutcome,
	Fleet,
	World,
} from '../../operations/operations.js';
import type {ProbeEvent} from '../../probe/probe.js';
import type {UiOperations} from '../operations.js';
import type {ClusterDocument} from './cluster-document.js';
import type {NodesModel} from './nodes-model.js';
import {eventInterval, makeCell, type Observable} from './observable.js';
import {toFailure, type Work} from './work.js';

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

export type ChecksModel = {
	readonly state: Observable<ChecksState>;
	/** Checks, unless this very cluster is checked already or is being checked. */
	readonly ensure: () => void;
	/** Checks again from the beginning. */
	readonly restart: () => void;
	/** Overrides a check by its id, or takes that back. */
	readonly toggleIgnored: (id: string) => void;
	/** Was what is in the cluster file now checked to the end? */
	readonly report: () => CheckReport | undefined;
	/** Opens the firewall of one host, then measures again what that should have opened. */
	readonly applyFix: (fix: FirewallFix) => void;
	readonly close: () => void;
};

/** The findings of a report with what the person overrides now. */
export const judgedNow = (
	report: CheckReport,
	ignore: readonly string[],
): readonly JudgedFinding[] =>
	report.findings.map((finding) => ({
		...finding,
		ignored: ignore.includes(finding.id),
	}));

/** What still stops an install. */
export const openBlockers = (
	report: CheckReport,
	ignore: readonly string[],
): readonly JudgedFinding[] => blockers(judgedNow(report, ignore));

const idle: ChecksState = {
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
});

/** Overriding a check changes nothing that is measured. */
const measuredPart = (cluster: Cluster): string =>
	JSON.stringify({...cluster, ignore: []});

const withEvent = (state: ChecksState, event: ProbeEvent): ChecksState => {
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

export const makeChecksModel = (options: {
	readonly document: ClusterDocument;
	readonly nodes: NodesModel;
	readonly fleet: Fleet;
	readonly world: World;
	readonly operations: UiOperations;
	readonly signal: AbortSignal;
}): ChecksModel => {
	const {document, nodes, fleet, world, operations} = options;
	const state = makeCell(idle, eventInterval);
	let running: AbortController | undefined;

	const isCurrent = (): boolean => {
		const {cluster, work} = state.latest();
		return (
			cluster !== undefined &&
			(work.phase === 'running' || work.phase === 'done') &&
			measuredPart(cluster) === measuredPart(document.cluster.latest())
		);
	};

	const begin = (cluster: Cluster, startedAt: number) => {
		state.update((known) => ({
			...idle,
			cells: new Map(),
			told: nothingTold(),
			fix: known.fix,
			work: {phase: 'running', startedAt},
			cluster,
		}));
	};

	/** Only these paths anew: all others stay on the screen as they are. */
	const beginAgain = (
		cluster: Cluster,
		startedAt: number,
		earlier: CheckReport,
		only: (path: Path) => boolean,
	) => {
		const cells = earlier.measurements.cells.map(
			(cell) => [pathKey(cell.path), cell] as const,
		);
		state.update((known) => ({
			...known,
			cells: new Map(cells),
			pending: new Set(
				cells.filter(([, {path}]) => only(path)).map(([key]) => key),
			),
			told: {
				...known.told,
				latencies: [...known.told.latencies],
				pathMtus: [...known.told.pathMtus],
				nat: [...known.told.nat],
				portToPort: [...known.told.portToPort],
				outbound: [...known.told.outbound],
			},
			planned: 0,
			work: {phase: 'running', startedAt},
			cluster,
		}));
	};

	const run = async (
		controller: AbortController,
		again?: {
			readonly earlier: CheckReport;
			readonly only: (path: Path) => boolean;
		},
	): Promise<void> => {
		const startedAt = world.now();
		const isMine = () => running === controller;
		const signal = AbortSignal.any([options.signal, controller.signal]);
		const show = () => {
			const cluster = document.cluster.latest();
			if (again === undefined) {
				begin(cluster, startedAt);
			} else {
				beginAgain(cluster, startedAt, again.earlier, again.only);
			}

			return cluster;
		};

		show();
		try {
			// A wizard that goes on from here has only begun to contact its nodes.
			await nodes.settled();
			if (!isMine()) {
				return;
			}

			const cluster = show();
			const report = await operations.checkCluster({
				cluster,
				fleet,
				ignore: [],
				signal,
				onEvent(event) {
					if (isMine()) {
						state.update((known) => withEvent(known, event));
					}
				},
				...(again && {again}),
			});
			if (isMine()) {
				state.update((known) => ({
					...known,
					...measuredState(report),
					work: {
						phase: 'done',
						startedAt,
						endedAt: world.now(),
						result: report,
					},
				}));
			}
		} catch (error) {
			if (isMine()) {
				state.update((known) => ({
					...known,
					pending: new Set(),
					work: {phase: 'failed', failure: toFailure(error)},
				}));
			}
		}
	};

	const start = () => {
		running?.abort();
		running = new AbortController();
		state.update((known) => ({...known, fix: undefined}));
		void run(running);
	};

	const report = (): CheckReport | undefined => {
		const {work} = state.latest();
		return work.phase === 'done' && isCurrent() ? work.result : undefined;
	};

	const fix = async (
		wanted: FirewallFix,
		earlier: CheckReport,
	): Promise<void> => {
		const {node} = wanted;
		const outcome = await operations
			.applyFixes({
				cluster: earlier.cluster,
				fixes: [wanted],
				fleet,
				world,
				signal: options.signal,
				onOutcome: () => undefined,
			})
			.then(
				(outcomes): FixOutcome =>
					outcomes.get(node) ?? {
						kind: 'failed',
						message: `It is not known what became of ${node}.`,
						tryNext: ['r measures again.'],
					},
				(error: unknown): FixOutcome => ({
					kind: 'failed',
					...toFailure(error),
				}),
			);
		state.update((known) => ({...known, fix: {node, outcome}}));
		// What has begun meanwhile looks at everything anyway.
		if (outcome.kind === 'opened' && report() === earlier) {
			const keys = new Set(wanted.paths.map((path) => pathKey(path)));
			running = new AbortController();
			void run(running, {
				earlier,
				only: (path) => keys.has(pathKey(path)),
			});
		}
	};

	return {
		state,
		ensure() {
			if (!isCurrent()) {
				start();
			}
		},
		restart: start,
		toggleIgnored(id) {
			document.change((cluster) => ({
				...cluster,
				ignore: cluster.ignore.includes(id)
					? cluster.ignore.filter((known) => known !== id)
					: [...cluster.ignore, id],
			}));
		},
		report,
		applyFix(wanted) {
			const earlier = report();
			const {fix: known} = state.latest();
			if (
				earlier !== undefined &&
				(known === undefined || known.outcome !== undefined)
			) {
				state.update((before) => ({
					...before,
					fix: {node: wanted.node, outcome: undefined},
				}));
				void fix(wanted, earlier);
			}
		},
		close() {
			const controller = running;
			running = undefined;
			controller?.abort();
		},
	};
};
