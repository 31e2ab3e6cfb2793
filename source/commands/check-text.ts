import type {JudgedFinding} from '../checks/finding.js';
import {
	verdictArrives,
	type Cell,
	type Measurements,
	type Verdict,
} from '../facts/measurements.js';
import type {CheckReport} from '../operations/operations.js';
import {failedNodeLines, type FailedNode} from './session.js';

const glyphs = {error: '✖', warning: '▲', info: '·'} as const;

/** The verdict in words, with who said no. */
export const verdictWords = (verdict: Verdict): string => {
	switch (verdict.kind) {
		case 'open': {
			return `open ${verdict.rttMs.toFixed(1)} ms`;
		}

		case 'refused': {
			return `refused${verdict.by === undefined ? '' : ` by ${verdict.by}`} (${verdict.reason})`;
		}

		case 'wrong-host': {
			return `another machine answered${verdict.answeredBy === undefined ? '' : ` (${verdict.answeredBy})`}`;
		}

		case 'in-use': {
			return `in use${verdict.process === undefined ? '' : ` by ${verdict.process}`}`;
		}

		case 'unknown': {
			return `unknown: ${verdict.reason}`;
		}

		default: {
			return verdict.kind;
		}
	}
};

const cellLine = ({path, verdict, sent, answered}: Cell): string =>
	`✖ ${path.from} → ${path.to}  ${path.addressKind} ${path.address}  ${path.protocol} ${path.port}  ${verdictWords(verdict)}  ${sent} sent, ${answered} answered`;

const latencyLines = ({latencies}: Measurements): string[] =>
	latencies.map(
		({from, to, addressKind, address, medianMs, loss}) =>
			`  ${from} → ${to}  ${addressKind} ${address}  ${medianMs.toFixed(1)} ms${loss > 0 ? `, ${Math.round(loss * 100)} % lost` : ''}`,
	);

/** Findings for people, with what to do about each; those that were overridden come first, in one line each. */
export const findingLines = (findings: readonly JudgedFinding[]): string[] => [
	...findings
		.filter(({ignored}) => ignored)
		.map(({id, message}) => `– ${id}  ${message}  (overridden)`),
	...findings
		.filter(({ignored}) => !ignored)
		.flatMap(({severity, id, message, fixes}) => [
			`${glyphs[severity]} ${id}  ${message}`,
			...fixes.map((fix) => `    ${fix}`),
		]),
];

/** One line for each cell that is closed, and one for all that are unknown for the same reason. */
const closedLines = (closed: readonly Cell[]): string[] => {
	const unknown = new Map<string, number>();
	for (const {verdict} of closed) {
		if (verdict.kind === 'unknown') {
			unknown.set(verdict.reason, (unknown.get(verdict.reason) ?? 0) + 1);
		}
	}

	return [
		...closed
			.filter(({verdict}) => verdict.kind !== 'unknown')
			.map((cell) => cellLine(cell)),
		...[...unknown].map(
			([reason, count]) =>
				`▲ ${count} ${count === 1 ? 'path' : 'paths'} not measured: ${reason}`,
		),
	];
};

/** What `check` prints without `--json`. */
export const checkReportText = (
	report: CheckReport,
	failed: readonly FailedNode[],
): string[] => {
	const {cells} = report.measurements;
	const closed = cells.filter(
		({verdict}) => !verdictArrives(verdict) && verdict.kind !== 'in-use',
	);
	return [
		`${report.cluster.name}: ${report.cluster.nodes.length - failed.length} of ${report.cluster.nodes.length} nodes, ${cells.length - closed.length} of ${cells.length} paths`,
		...failedNodeLines(failed),
		...closedLines(closed),
		...(report.measurements.latencies.length === 0
			? []
			: ['', 'Latency (median)', ...latencyLines(report.measurements)]),
		'',
		...(report.findings.length === 0
			? ['● Nothing speaks against this cluster.']
			: findingLines(report.findings)),
	];
};
