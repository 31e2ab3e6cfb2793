import {blockers, type JudgedFinding} from '../../checks/finding.js';
import type {Cluster} from '../../cluster/schema.js';
import {pathKey, type Path} from '../../facts/measurements.js';
import type {
	CheckReport,
	FirewallFix,
	FixOutcome,
	Fleet,
	World,
} from '../../operations/operations.js';
import type {UiOperations} from '../operations.js';
import {
	begun,
	begunAgain,
	idle,
	measuredState,
	withEvent,
	type ChecksState,
} from './checks-state.js';
import type {ClusterDocument} from './cluster-document.js';
import type {NodesModel} from './nodes-model.js';
import {eventInterval, makeCell, type Observable} from './observable.js';
import {toFailure} from './work.js';

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

/** Overriding a check changes nothing that is measured. */
const measuredPart = (cluster: Cluster): string =>
	JSON.stringify({...cluster, ignore: []});

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
			state.update((known) =>
				again === undefined
					? begun(known, cluster, startedAt)
					: begunAgain(known, startedAt, again.earlier, again.only),
			);
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
