import type {JudgedFinding} from '../checks/finding.js';
import {
	verdictArrives,
	type Cell,
	type Measurements,
	type Verdict,
} from '../facts/measurements.js';
import type {CheckReport} from '../operations/operations.js';
import type {FailedNode} from './session.js';

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
	`${verdictArrives(verdict) || verdict.kind === 'in-use' ? '●' : verdict.kind === 'unknown' ? '▲' : '✖'} ${path.from} → ${path.to}  ${path.addressKind} ${path.address}  ${path.protocol} ${path.port}  ${verdictWords(verdict)}  ${sent} sent, ${answered} answered`;

const latencyLines = ({latencies}: Measurements): string[] =>
	latencies.map(
		({from, to, addressKind, address, medianMs, loss}) =>
			`  ${from} → ${to}  ${addressKind} ${address}  ${medianMs.toFixed(1)} ms${loss > 0 ? `, ${Math.round(loss * 100)} % lost` : ''}`,
	);

/** Findings for people, with what to do about each. */
export const findingLines = (findings: readonly JudgedFinding[]): string[] =>
	findings.flatMap((finding) => [
		`${finding.ignored ? '–' : glyphs[finding.severity]} ${finding.id}  ${finding.message}${finding.ignored ? '  (overridden)' : ''}`,
		...finding.fixes.map((fix) => `    ${fix}`),
	]);

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
		...failed.map(({node, message}) => `✖ ${node}: ${message}`),
		...closed.map((cell) => cellLine(cell)),
		...(report.measurements.latencies.length === 0
			? []
			: ['', 'Latency (median)', ...latencyLines(report.measurements)]),
		'',
		...(report.findings.length === 0
			? ['● Nothing speaks against this cluster.']
			: findingLines(report.findings)),
	];
};
