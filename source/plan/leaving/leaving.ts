import type {Plan} from '../plan.js';

/** What a cluster or a node leaving it means: the steps, and what must be said before. */
export type LeavingPlan = {
	readonly plan: Plan;
	/** Data that is deleted, a line each. */
	readonly losses: readonly string[];
	/** What stays, what is not done, and what the person has to do: a line each. */
	readonly notes: readonly string[];
	/** Nodes that are not reached: nothing is done there. */
	readonly unreached: readonly string[];
};

/** What is left on a machine that was not reached, for its owner. */
export const leftOn = (node: string): string =>
	`${node} is not reached: nothing is changed there. It keeps K3s, which goes on trying, our files, and /var/lib/k3s-mesh/manifest.json, which lists all of them; uninstall again when it is back, or wipe it.`;
