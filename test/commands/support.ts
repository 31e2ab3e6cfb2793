import {clusterSchema, type Cluster} from '../../source/cluster/schema.js';
import type {CheckOutcome} from '../../source/commands/check-json.js';
import type {MachineSpec} from '../../source/host/simulated/machine.js';
import {checkCluster} from '../../source/operations/check.js';
import {proposeFixes} from '../../source/operations/fix.js';
import {openFleet} from '../../source/operations/fleet.js';
import type {Fleet, World} from '../../source/operations/operations.js';
import {fastWorld, threeMachines} from '../host/simulated-support.js';

/** Three simulated machines, contacted and checked, as `check` does it. */
export type CheckedStage = {
	readonly cluster: Cluster;
	readonly world: World;
	readonly fleet: Fleet;
	readonly outcome: CheckOutcome;
	readonly signal: AbortSignal;
};

/** A machine whose own firewall drops WireGuard packets. */
export const closedMachine: Partial<MachineSpec> = {
	closed: [
		{protocol: 'udp', port: 51_820, how: 'filtered', by: 'host-firewall'},
	],
	facts: {
		firewall: {kind: 'ufw', active: true, defaultDeny: true, summary: ''},
	},
};

/** Checks three machines, changed as a test needs them, and hands them over. */
export const withCheckedStage = async (
	changes: Parameters<typeof threeMachines>[0],
	work: (stage: CheckedStage) => Promise<void>,
): Promise<void> => {
	const {world} = fastWorld(threeMachines(changes));
	const cluster = clusterSchema.parse({
		version: 1,
		name: 'stage',
		nodes: ['one', 'two', 'three'].map((name, index) => ({
			name,
			role: index === 0 ? 'server' : 'agent',
			ssh: name,
			externalIp: `198.51.100.${index + 1}`,
		})),
	});
	const {signal} = new AbortController();
	const fleet = openFleet({
		world,
		questions: {
			trustHostKey: async () => true,
			askSecret: async () => undefined,
		},
		signal,
	});
	try {
		await fleet.addAll(cluster.nodes);
		const report = await checkCluster({
			cluster,
			fleet,
			ignore: [],
			signal,
			onEvent: () => undefined,
		});
		const facts = fleet.facts();
		await work({
			cluster,
			world,
			fleet,
			signal,
			outcome: {
				report,
				failed: [],
				facts,
				fixes: proposeFixes({report, facts}),
				outcomes: new Map(),
				at: world.now(),
			},
		});
	} finally {
		await fleet.close();
	}
};
