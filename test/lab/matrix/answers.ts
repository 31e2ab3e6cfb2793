import assert from 'node:assert/strict';
import type {TestContext} from 'node:test';
import {checkSchema} from '../../../source/commands/json/check-schema.js';
import type {NatKind} from '../../../source/checks/conclusions/conclusions.js';
import type {Verdict} from '../../../source/facts/measurements.js';
import {stageFor} from '../support.js';
import type {Topology} from '../topology.js';
import type {Answer, Question} from './truth.js';

/** A kind of NAT with what led to it. */
export type NatFound = {
	readonly kind: NatKind;
	readonly evidence: readonly string[];
};

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
	readonly nat: ReadonlyMap<string, NatFound>;
	/** `a > b external udp/51820`. */
	readonly oneWay: readonly string[];
	/** `a > b`, where it was answered. */
	readonly portToPort: readonly string[];
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
	const report = checkSchema.parse(JSON.parse(stdout));
	return {
		cells: report.cells.map(
			({addressKind: kind, verdict, answered, observedSource, ...path}) => ({
				...path,
				kind,
				answer: answerOf(verdict as Verdict),
				tokenSeen:
					answered > 0 &&
					observedSource !== undefined &&
					verdict.kind !== 'wrong-host',
			}),
		),
		sites: report.sites.map(({nodes}) => nodes),
		nat: new Map(
			report.nodes.flatMap(({name, nat}) =>
				nat === undefined ? [] : [[name, nat] as const],
			),
		),
		oneWay: report.oneWay.map(
			({from, to, addressKind, protocol, port}) =>
				`${from} > ${to} ${addressKind} ${protocol}/${port}`,
		),
		portToPort: report.portToPort
			.filter(({answered}) => answered)
			.map(({from, to}) => `${from} > ${to}`),
	};
};
