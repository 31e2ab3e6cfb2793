import {blockers, type JudgedFinding} from '../../checks/finding.js';
import type {Cluster} from '../../cluster/schema.js';
import {
	pathKey,
	type Cell as PathCell,
	type Latency,
} from '../../facts/measurements.js';
import type {CheckReport, Fleet, World} from '../../operations/operations.js';
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
	readonly latencies: readonly Latency[];
	/** Nodes on which the probe could not be started, and why. */
	readonly agentProblems: ReadonlyMap<string, string>;
	/** The cluster that is (or was) checked. */
	readonly cluster: Cluster | undefined;
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
	latencies: [],
	agentProblems: new Map(),
	cluster: undefined,
};

/** Overriding a check changes nothing that is measured. */
const measuredPart = (cluster: Cluster): string =>
	JSON.stringify({...cluster, ignore: []});

const withEvent = (state: ChecksState, event: ProbeEvent): ChecksState => {
	switch (event.type) {
		case 'planned': {
			return {...state, planned: state.planned + event.cells};
		}

		case 'station': {
			const {node, problem} = event.station;
			return problem === undefined
				? state
				: {
						...state,
						agentProblems: new Map(state.agentProblems).set(node, problem),
					};
		}

		case 'cell': {
			// Thousands arrive in a second: the map is shared, only its holder is new.
			(state.cells as Map<string, PathCell>).set(
				pathKey(event.cell.path),
				event.cell,
			);
			return {...state};
		}

		case 'latency': {
			(state.latencies as Latency[]).push(event.latency);
			return {...state};
		}

		case 'path-mtu': {
			return state;
		}
	}
};

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

	const run = async (controller: AbortController): Promise<void> => {
		const startedAt = world.now();
		const begin = (cluster: Cluster) => {
			state.set({
				...idle,
				cells: new Map(),
				latencies: [],
				work: {phase: 'running', startedAt},
				cluster,
			});
		};

		begin(document.cluster.latest());
		const isMine = () => running === controller;
		const signal = AbortSignal.any([options.signal, controller.signal]);
		try {
			// A wizard that goes on from here has only begun to contact its nodes.
			await nodes.settled();
			if (!isMine()) {
				return;
			}

			const cluster = document.cluster.latest();
			begin(cluster);
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
			});
			if (isMine()) {
				state.update((known) => ({
					...known,
					cells: new Map(
						report.measurements.cells.map((cell) => [pathKey(cell.path), cell]),
					),
					latencies: report.measurements.latencies,
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
					work: {phase: 'failed', failure: toFailure(error)},
				}));
			}
		}
	};

	const start = () => {
		running?.abort();
		running = new AbortController();
		void run(running);
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
		report() {
			const {work} = state.latest();
			return work.phase === 'done' && isCurrent() ? work.result : undefined;
		},
		close() {
			const controller = running;
			running = undefined;
			controller?.abort();
		},
	};
};
