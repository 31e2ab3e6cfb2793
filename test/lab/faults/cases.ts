/** The cells of the matrix. */
import type {Role} from '../../../source/cluster/schema.js';
import {faultNames, faults, type Fault, type FaultName} from './faults.js';
import {courses, stepsOf, type StepName} from './steps.js';

/** One cell of the matrix: a fault that happens to a machine while it is in the middle of a step. */
export type Case = {
	readonly fault: FaultName;
	readonly step: StepName;
	/** Of the machine. */
	readonly role: Role;
};

export const roles: readonly Role[] = ['agent', 'server'];

/**
 * The first server is struck in those steps only in which it is not as an agent is; the others are the same code with
 * the same answer, and each case takes half a minute.
 */
export const stepsOfServer: Readonly<Partial<Record<StepName, string>>> = {
	download: 'the run holds its lock there, and agents download meanwhile',
	configure: "the cluster's secrets are made and written",
	start: 'the datastore and the certificates are made, and agents wait',
	ready: 'the API that all nodes are judged by runs there',
};

/** Why a fault cannot touch a step, or is not played there; `undefined` when it is. */
export const spared = ({fault, step, role}: Case): string | undefined =>
	(faults[fault] as Fault).spares[step] ??
	(role === 'server' && stepsOfServer[step] === undefined
		? 'nothing in it is different on a server'
		: undefined);

/** Every fault in every step that it can touch. */
export const allCases: readonly Case[] = courses.flatMap((course) =>
	roles.flatMap((role) =>
		faultNames.flatMap((fault) =>
			stepsOf(course)
				.map((step): Case => ({fault, step, role}))
				.filter((one) => spared(one) === undefined),
		),
	),
);

/** The name of a cell, by which one can be chosen. */
export const caseName = ({fault, step, role}: Case): string =>
	`${fault}@${role}/${step}`;
