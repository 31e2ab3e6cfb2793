import type {StepId} from '../../../source/plan/plan.js';

/** The kinds of steps of a node, in their order: `source/plan/node-steps.ts`. */
export const stepNames = [
	'firewall',
	'send',
	'download',
	'configure',
	'install',
	'start',
	'join',
	'ready',
	'verify',
] as const;

export type StepName = (typeof stepNames)[number];

const idEnds: Readonly<Record<StepName, string>> = {
	firewall: 'prepare/firewall',
	send: 'download/send-k3s',
	download: 'download/k3s',
	configure: 'configure/10-k3s-mesh.yaml',
	install: 'configure/install',
	start: 'start/k3s',
	join: 'join/k3s',
	ready: 'ready/node',
	verify: 'verify/node',
};

/** The step's id in the plan of a node. */
export const stepIdOf = (node: string, step: StepName): StepId =>
	`${node}/${idEnds[step]}`;
