import assert from 'node:assert/strict';
import type {
	Latency,
	PathMtu,
	ProbeRung,
	Verdict,
} from '../../../source/facts/measurements.js';
import type {Stage} from '../support.js';
import {answerOf} from './answers.js';
import type {Question} from './truth.js';

/** What `check --json` prints, as far as tests read it. */
export type CheckJson = {
	readonly nodes: ReadonlyArray<{
		readonly name: string;
		readonly reached: boolean;
		readonly problem?: string;
		/** What the node measured with. */
		readonly probe?: {readonly rung?: ProbeRung};
	}>;
	readonly cells: ReadonlyArray<{
		readonly from: string;
		readonly to: string;
		readonly addressKind: Question['kind'];
		readonly protocol: Question['protocol'];
		readonly port: number;
		readonly verdict: Verdict;
		readonly sent: number;
		readonly answered: number;
		readonly observedSource?: string;
	}>;
	readonly latencies: readonly Latency[];
	readonly pathMtus: readonly PathMtu[];
	readonly findings: ReadonlyArray<{
		readonly id: string;
		readonly severity: string;
		readonly nodes: readonly string[];
		readonly message: string;
	}>;
};

/** Reads the output of `check --json`. Closed paths are what some hosts are for, so that a failed check is fine. */
export const parseCheck = (outcome: {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
}): CheckJson => {
	assert.ok(
		outcome.code === 0 || outcome.code === 1,
		`exit code ${outcome.code}\n${outcome.stdout}\n${outcome.stderr}`,
	);
	return JSON.parse(outcome.stdout) as CheckJson;
};

/** Asks the real program from the client. */
export const checkJson = async (stage: Stage): Promise<CheckJson> =>
	parseCheck(await stage.run(['check', stage.clusterPath, '--json'], 120_000));

/** The whole matrix, one line a cell: `a > b external udp/51820 open`. */
export const cellLines = ({cells}: CheckJson): readonly string[] =>
	cells
		.map(
			({from, to, addressKind, protocol, port, verdict}) =>
				`${from} > ${to} ${addressKind} ${protocol}/${port} ${answerOf(verdict)}`,
		)
		.toSorted();

/** Every cell is as it must be, and `open` is what an answer with the token showed. */
export const assertCells = (
	report: CheckJson,
	questions: readonly Question[],
	truth: (question: Question) => string,
): void => {
	assert.deepEqual(
		cellLines(report),
		questions
			.map(
				(question) =>
					`${question.from} > ${question.to} ${question.kind} ${question.protocol}/${question.port} ${truth(question)}`,
			)
			.toSorted(),
	);
	for (const {verdict, answered, observedSource} of report.cells) {
		assert.ok(
			verdict.kind !== 'open' || (answered > 0 && observedSource !== undefined),
			'open without an answer that carried the token',
		);
	}
};
