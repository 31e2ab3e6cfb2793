import type {Role} from '../../../source/cluster/schema.js';
import {unitName} from '../../../source/plan/paths.js';
import type {StepId} from '../../../source/plan/plan.js';

/** The run that is struck: one that brings a cluster up, the same on a tailnet, or one that takes all away again. */
export const courses = ['install', 'tailnet', 'leaving'] as const;
export type Course = (typeof courses)[number];

/** A kind of step of a node. */
export type StepKind = {
	readonly course: Course;
	/** What its id ends with. */
	readonly id: string | ((role: Role) => string);
	/** It moves bytes: faults come in the middle of them. */
	readonly movesBytes?: true;
	/** The mesh of a tailnet that has it, where the one with K3s's own integration has not. */
	readonly mesh?: 'tailscale-ip';
};

/**
 * The kinds of steps, in their order: `source/plan/node-steps.ts`, `source/mesh/tailnet-steps.ts`, `source/plan/leaving`.
 * Every file is written by one step with one answer: `configure` and `vpn-auth`, whose file waits for a secret, stand for
 * all of them.
 */
export const steps = {
	firewall: {course: 'install', id: 'prepare/firewall'},
	send: {course: 'install', id: 'download/send-k3s', movesBytes: true},
	download: {course: 'install', id: 'download/k3s', movesBytes: true},
	configure: {course: 'install', id: 'configure/10-k3s-mesh.yaml'},
	install: {course: 'install', id: 'configure/install'},
	start: {course: 'install', id: 'start/k3s'},
	join: {course: 'install', id: 'join/k3s'},
	ready: {course: 'install', id: 'ready/node'},
	verify: {course: 'install', id: 'verify/node'},
	'tailscale-install': {
		course: 'tailnet',
		id: 'prepare/tailscale-install',
		movesBytes: true,
	},
	'tailscale-login': {course: 'tailnet', id: 'prepare/tailscale-login'},
	'vpn-auth': {course: 'tailnet', id: 'prepare/vpn-auth'},
	'close-ports': {
		course: 'tailnet',
		id: 'prepare/close-ports',
		mesh: 'tailscale-ip',
	},
	routes: {course: 'tailnet', id: 'ready/routes'},
	stop: {
		course: 'leaving',
		id: (role: Role) => `uninstall/stop-${unitName(role)}`,
	},
	'rules-back': {course: 'leaving', id: 'uninstall/firewall'},
	uninstall: {
		course: 'leaving',
		id: (role: Role) => `uninstall/${unitName(role)}`,
	},
	forget: {course: 'leaving', id: 'clean/list'},
} as const satisfies Readonly<Record<string, StepKind>>;

export type StepName = keyof typeof steps;

export const stepNames = Object.keys(steps) as StepName[];

/** The steps of a course. */
export const stepsOf = (...wanted: readonly Course[]): readonly StepName[] =>
	stepNames.filter((name) => wanted.includes(steps[name].course));

/** The step's id in the plan of a node. */
export const stepIdOf = (
	{name, role}: {readonly name: string; readonly role: Role},
	step: StepName,
): StepId => {
	const {id}: StepKind = steps[step];
	return `${name}/${typeof id === 'string' ? id : id(role)}`;
};
