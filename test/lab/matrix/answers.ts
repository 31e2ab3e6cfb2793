import assert from 'node:assert/strict';
import type {TestContext} from 'node:test';
import type {NatKind} from '../../../source/checks/conclusions/conclusions.js';
import type {Verdict} from '../../../source/facts/measurements.js';
import {stageFor} from '../support.js';
import type {Topology} from '../topology.js';
import type {Answer, Question} from './truth.js';

/** What `check --json` said, in the words of a truth. */
export type MatrixAnswer = {
	readonly cells: ReadonlyArray<
		Question & {
			readonly answer: Answer;
			/** Did the far side tell, in an answer with the run's token, whom it saw? */
			readonly tokenSeen: boolean;
		}
	>;
	readonly sites: ReadonlyArray<readonly string[]>;
	/** By node name. */
	readonly nat: ReadonlyMap<string, NatKind | undefined>;
	/** `a > b udp/51820`. */
	readonly oneWay: readonly string[];
	/** `a > b`, where it was answered. */
	readonly portToPort: readonly string[];
};

/** The fields of the answer that a truth is about. */
type CheckJson = {
	readonly cells: ReadonlyArray<
		Omit<Question, 'kind'> & {
			readonly addressKind: Question['kind'];
			readonly verdict: Verdict;
			readonly answered: number;
			readonly observedSource?: string;
		}
	>;
	readonly sites: ReadonlyArray<{readonly nodes: readonly string[]}>;
	readonly nodes: ReadonlyArray<{
		readonly name: string;
		readonly nat?: {readonly kind: NatKind};
	}>;
	readonly oneWay: ReadonlyArray<Omit<Question, 'kind'>>;
	readonly portToPort: ReadonlyArray<{
		readonly from: string;
		readonly to: string;
		readonly answered: boolean;
	}>;
};

/** A verdict in the words of a truth. */
export const answerOf = (verdict: Verdict): Answer => {
	switch (verdict.kind) {
		case 'refused': {
			return `refused: ${verdict.reason}${verdict.by === undefined ? '' : ` by ${verdict.by}`}`;
		}

		case 'wrong-host': {
			return `wrong-host: ${verdict.answeredBy ?? '-'}`;
		}

		default: {
			return verdict.kind;
		}
	}
};

/** Brings the topology up, asks the real program from the client, and takes the lab down with the test. */
export const checkedMatrix = async (
	t: TestContext,
	topology: Topology,
): Promise<MatrixAnswer> => {
	const stage = await stageFor(topology);
	t.after(stage.down);
	const {code, stdout, stderr} = await stage.run(
		['check', stage.clusterPath, '--json'],
		100_000,
	);
	// Closed paths are what some of these networks are for.
	assert.ok(
		code === 0 || code === 1,
		`exit code ${code}\n${stdout}\n${stderr}`,
	);
	const report = JSON.parse(stdout) as CheckJson;
	return {
		cells: report.cells.map(
			({addressKind: kind, verdict, answered, observedSource, ...path}) => ({
				...path,
				kind,
				answer: answerOf(verdict),
				tokenSeen:
					answered > 0 &&
					observedSource !== undefined &&
					verdict.kind !== 'wrong-host',
			}),
		),
		sites: report.sites.map(({nodes}) => nodes),
		nat: new Map(report.nodes.map(({name, nat}) => [name, nat?.kind])),
		oneWay: report.oneWay.map(
			({from, to, protocol, port}) => `${from} > ${to} ${protocol}/${port}`,
		),
		portToPort: report.portToPort
			.filter(({answered}) => answered)
			.map(({from, to}) => `${from} > ${to}`),
	};
};
