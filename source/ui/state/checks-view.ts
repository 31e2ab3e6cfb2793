import type {JudgedFinding} from '../../checks/finding.js';
import type {Cluster} from '../../cluster/schema.js';
import type {HostFacts} from '../../facts/host-facts.js';
import {
	noMeasurements,
	type Cell,
	type Latency,
} from '../../facts/measurements.js';
import {meshOf} from '../../mesh/catalogue.js';
import type {AddressKind, Protocol} from '../../mesh/mesh.js';
import type {CheckReport} from '../../operations/operations.js';
import {judgedNow, type ChecksState} from './checks-model.js';
import {pairCells, pairKey, pairLatencies, type PairCell} from './matrix.js';

/** What the Checks screen can show, in the order in which Tab goes through it. */
export type ChecksTab = 'external' | 'internal' | 'latency' | 'findings';

export const tabTitles: Readonly<Record<ChecksTab, string>> = {
	external: 'Ports on external addresses',
	internal: 'Ports on internal addresses',
	latency: 'Latency',
	findings: 'Findings',
};

/** Everything that the screen shows, derived from what was measured and what the person overrides. */
export type ChecksView = {
	readonly names: readonly string[];
	readonly tabs: readonly ChecksTab[];
	readonly pairs: Readonly<
		Record<'external' | 'internal', ReadonlyMap<string, PairCell>>
	>;
	readonly latencies: ReadonlyMap<string, Latency>;
	readonly findings: readonly JudgedFinding[];
	/** Blocked paths of all address kinds. */
	readonly blocked: number;
	readonly measured: number;
	readonly planned: number;
};

const severityOrder = {error: 0, warning: 1, info: 2} as const;

/** Nodes that could not be contacted stand among the findings: nothing can override them. */
export const unreachedId = 'node.unreachable';

const findingsOf = (
	report: CheckReport | undefined,
	ignore: readonly string[],
): readonly JudgedFinding[] =>
	report === undefined
		? []
		: [
				...[...report.failed].map(([node, message]): JudgedFinding => ({
					id: unreachedId,
					severity: 'error',
					message: `${node}: ${message}`,
					nodes: [node],
					fixes: ['Mend it or take the node off the list (Esc to Nodes).'],
					source: 'the connection itself',
					ignored: false,
				})),
				...judgedNow(report, ignore).toSorted(
					(one, other) =>
						Number(one.ignored) - Number(other.ignored) ||
						severityOrder[one.severity] - severityOrder[other.severity],
				),
			];

/** Which paths the cluster can do without: closed, they are a warning. */
const recommendedKeys = (
	cluster: Cluster,
	facts: ReadonlyMap<string, HostFacts>,
): ReadonlySet<string> =>
	new Set(
		meshOf(cluster)
			.requirements({cluster, facts, measurements: noMeasurements})
			.filter(({severity}) => severity === 'recommended')
			.map((path) => requirementKey(path)),
	);

const requirementKey = (path: {
	readonly from: string;
	readonly to: string;
	readonly addressKind: AddressKind;
	readonly protocol: Protocol;
	readonly port: number;
}): string =>
	`${pairKey(path.from, path.to)}|${path.addressKind}|${path.protocol}/${path.port}`;

export const checksView = (
	state: ChecksState,
	cluster: Cluster,
	facts: ReadonlyMap<string, HostFacts>,
): ChecksView => {
	const recommended = recommendedKeys(cluster, facts);
	const isRequired = (cell: Cell) =>
		!recommended.has(requirementKey(cell.path));

	const cells: readonly Cell[] = [...state.cells.values()];
	const external = pairCells(cells, 'external', isRequired);
	const internal = pairCells(cells, 'internal', isRequired);
	const latencies = new Map([
		...pairLatencies(state.latencies, 'internal'),
		...pairLatencies(state.latencies, 'external'),
	]);
	const report = state.work.phase === 'done' ? state.work.result : undefined;
	const blocked = [...external.values(), ...internal.values()].reduce(
		(sum, pair) => sum + pair.blocked,
		0,
	);
	return {
		names: cluster.nodes.map(({name}) => name),
		tabs: [
			'external',
			...(internal.size > 0 ? (['internal'] as const) : []),
			...(latencies.size > 0 ? (['latency'] as const) : []),
			'findings',
		],
		pairs: {external, internal},
		latencies,
		findings: findingsOf(report, cluster.ignore),
		blocked,
		measured: cells.length,
		planned: Math.max(state.planned, cells.length),
	};
};

/** The findings that explain a pair: those that name both nodes, else those about the one that should answer. */
export const findingsOfPair = (
	view: ChecksView,
	tab: Exclude<ChecksTab, 'findings'>,
	from: string,
	to: string,
): readonly JudgedFinding[] => {
	const serious = view.findings.filter(
		({id, severity}) =>
			severity !== 'info' && id.startsWith('latency.') === (tab === 'latency'),
	);
	if (
		tab !== 'latency' &&
		view.pairs[tab].get(pairKey(from, to))?.state === 'good'
	) {
		return [];
	}

	const both = serious.filter(
		({nodes}) => nodes.includes(from) && nodes.includes(to),
	);
	return both.length > 0
		? both
		: serious.filter(({nodes}) => nodes.length === 1 && nodes[0] === to);
};

const worst = {bad: 0, warning: 1} as const;

/** The pairs that need attention, the worst first, as positions in the matrix. */
export const troubledPairs = (
	view: ChecksView,
	kind: 'external' | 'internal',
): ReadonlyArray<{readonly row: number; readonly column: number}> =>
	[...view.pairs[kind].values()]
		.flatMap((pair) =>
			pair.state === 'bad' || pair.state === 'warning'
				? [{pair, rank: worst[pair.state]}]
				: [],
		)
		.toSorted(
			(one, other) =>
				one.rank - other.rank || other.pair.blocked - one.pair.blocked,
		)
		.map(({pair}) => ({
			row: view.names.indexOf(pair.from),
			column: view.names.indexOf(pair.to),
		}));
