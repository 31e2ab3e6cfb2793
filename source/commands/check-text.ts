import type {JudgedFinding} from '../checks/finding.js';
import {verdictArrives} from '../facts/measurements.js';
import type {FirewallFix} from '../operations/operations.js';
import {checksGround} from '../ui/state/checks-ground.js';
import {measuredState} from '../ui/state/checks-state.js';
import {checksView, type ChecksView} from '../ui/state/checks-view.js';
import {groupAlike} from '../ui/state/finding-groups.js';
import type {JudgedCell} from '../ui/state/matrix.js';
import {verdictText} from '../ui/state/verdict-text.js';
import type {CheckOutcome} from './check-json.js';
import {matrixTables, stateGlyphs} from './check-tables.js';
import {failedNodeLines} from './session.js';

const glyphs = {error: '✖', warning: '▲', info: '·'} as const;

/** Findings for people, with what to do about each; those that were overridden come first, in one line each. */
export const findingLines = (findings: readonly JudgedFinding[]): string[] => [
	...groupAlike(findings.filter(({ignored}) => ignored)).map(
		({id, message}) => `– ${id}  ${message}  (overridden)`,
	),
	...groupAlike(findings.filter(({ignored}) => !ignored)).flatMap(
		({severity, id, message, fixes}) => [
			`${glyphs[severity]} ${id}  ${message}`,
			...fixes.map((fix) => `    ${fix}`),
		],
	),
];

const cellLine = ({cell, state}: JudgedCell): string => {
	const {from, to, addressKind, address, protocol, port} = cell.path;
	const {verdict, evidence} = verdictText(cell);
	return `${stateGlyphs[state]} ${from} → ${to}  ${addressKind} ${address}  ${protocol} ${port}  ${verdict}  ${evidence}`;
};

/** One line for each path that does not arrive and is needed, the blocked ones first, and one for all that are unknown for the same reason. */
const closedLines = (cells: readonly JudgedCell[]): string[] => {
	const closed = cells.filter(
		({state}) => state === 'bad' || state === 'warning',
	);
	const unknown = new Map<string, number>();
	for (const {cell} of closed) {
		if (cell.verdict.kind === 'unknown') {
			const {reason} = cell.verdict;
			unknown.set(reason, (unknown.get(reason) ?? 0) + 1);
		}
	}

	return [
		...closed
			.filter(({cell}) => cell.verdict.kind !== 'unknown')
			.toSorted(
				(one, other) =>
					Number(other.state === 'bad') - Number(one.state === 'bad'),
			)
			.map((judged) => cellLine(judged)),
		...[...unknown].map(
			([reason, count]) =>
				`▲ ${count} ${count === 1 ? 'path' : 'paths'} not measured: ${reason}`,
		),
	];
};

/** The lines that open hosts, as they are shown before they are run. */
export const fixLines = (fixes: readonly FirewallFix[]): string[] =>
	fixes.flatMap(({node, firewall, lines}) => [
		`${node} (${firewall})`,
		...lines.map((line) => `    ${line}`),
	]);

/** What a report shows, on screens and as text alike. */
const viewOf = ({report, facts}: CheckOutcome): ChecksView =>
	checksView(
		measuredState(report),
		checksGround(report.cluster, facts, report),
	);

/** What `check` prints without `--json`. */
export const checkReportText = (outcome: CheckOutcome): string[] => {
	const {report, failed, fixes} = outcome;
	const {cluster} = report;
	const view = viewOf(outcome);
	const cells = [...view.pairs.values()]
		.flatMap((pairs) => [...pairs.values()])
		.flatMap((pair) => pair.cells);
	const expected = cells.filter(({state}) => state !== 'none');
	const arriving = expected.filter(({cell}) => verdictArrives(cell.verdict));
	return [
		`${cluster.name}: ${cluster.nodes.length - failed.length} of ${cluster.nodes.length} nodes, ${arriving.length} of ${expected.length} paths`,
		...failedNodeLines(failed),
		...closedLines(cells),
		...matrixTables(view),
		'',
		...(report.findings.length === 0
			? ['● Nothing speaks against this cluster.']
			: findingLines(report.findings)),
		...(fixes.length === 0
			? []
			: [
					'',
					'To open on the hosts themselves (check --fix does it):',
					...fixLines(fixes).map((line) => `  ${line}`),
				]),
	];
};
