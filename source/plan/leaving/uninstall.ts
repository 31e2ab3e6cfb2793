import type {Cluster} from '../../cluster/schema.js';
import type {StepId} from '../plan.js';
import {leftOn, type LeavingPlan} from './leaving.js';
import {
	hasRemains,
	machineSteps,
	podRoutesOf,
	takesK3sAway,
	type LeavingMachine,
} from './machine-steps.js';
import {lossesOf, requireOtherWay, requireOurs} from './obstacles.js';

/** What is said of machines on which something stays. */
export const stayingNotes = (
	machines: readonly LeavingMachine[],
	cluster: Cluster,
	logOut: boolean,
): readonly string[] =>
	machines
		.filter((machine) => hasRemains(machine))
		.flatMap((machine) => {
			const {node, remains, facts} = machine;
			const {listed} = remains;
			const tailnet =
				cluster.mesh.kind === 'wireguard-native' ? undefined : cluster.mesh;
			const routes = podRoutesOf(machine, cluster);
			return [
				...(remains.units.length > 0 && !takesK3sAway(machine)
					? [
							`${node.name}: its K3s was not installed by this program and stays; only what we added goes.`,
						]
					: []),
				...(remains.otherServices.length > 0
					? [
							`${node.name}: ${remains.otherServices.join(', ')} is another service of K3s, for which K3s's script leaves its programs and /var/lib/rancher/k3s.`,
						]
					: []),
				...(tailnet !== undefined &&
				tailnet.apiKeyFrom === undefined &&
				routes.some((route) => facts.tailscale?.approvedRoutes.includes(route))
					? [
							`${node.name}: ${routes.join(', ')} stays approved in the tailnet; take that back at its control server, or name credentials under mesh.apiKeyFrom.`,
						]
					: []),
				...(logOut &&
				facts.tailscale?.state === 'Running' &&
				listed?.tailnetLogin !== true
					? [
							`${node.name} stays in its tailnet: it was logged in before it came into this cluster.`,
						]
					: []),
				...(logOut &&
				listed?.tailnetLogin === true &&
				tailnet?.controlServer !== undefined &&
				tailnet.apiKeyFrom === undefined
					? [
							`${node.name} stays in the list of ${tailnet.controlServer}, where it is to be deleted: a headscale does not let a machine with tags that is logged out come back before.`,
						]
					: []),
				...(!logOut && listed?.tailnetLogin === true
					? [`${node.name} stays in its tailnet; --log-out takes it off.`]
					: []),
				...(listed?.tailscale !== undefined &&
				!(logOut && listed.tailscale === 'archive')
					? [
							listed.tailscale === 'archive'
								? `${node.name} keeps Tailscale, which this program installed; --log-out removes it.`
								: `${node.name} keeps Tailscale, which its own script installed by the package manager: remove it there with that.`,
						]
					: []),
			];
		});

/**
 * Lays out how a whole cluster is taken away: agents first, then further servers, the first server last, each machine
 * given back as it was. Throws a `UserError` when a machine holds a K3s that is not ours. Pure.
 */
export const buildUninstall = ({
	cluster,
	firstServer,
	machines,
	unreached,
	logOut,
	version,
}: {
	readonly cluster: Cluster;
	/** Name of the server that goes last. */
	readonly firstServer: string;
	/** The machines that are reached. */
	readonly machines: readonly LeavingMachine[];
	readonly unreached: readonly string[];
	readonly logOut: boolean;
	/** The K3s release that is there; empty when none says. */
	readonly version: string;
}): LeavingPlan => {
	requireOurs(machines, cluster);
	if (logOut) {
		requireOtherWay(machines);
	}

	const groups = [
		machines.filter(({node}) => node.role === 'agent'),
		machines.filter(
			({node}) => node.role === 'server' && node.name !== firstServer,
		),
		machines.filter(({node}) => node.name === firstServer),
	];
	let before: readonly StepId[] = [];
	const nodes = groups.flatMap((group) => {
		const planned = group.map((machine) => ({
			node: machine.node.name,
			role: machine.node.role,
			steps: machineSteps(machine, {cluster, logOut, after: before}),
		}));
		before = [
			...before,
			...planned.flatMap(({steps}) => {
				const last = steps.at(-1);
				return last === undefined ? [] : [last.id];
			}),
		];
		return planned;
	});
	return {
		plan: {
			purpose: 'uninstall',
			cluster: cluster.name,
			version,
			firstServer,
			nodes,
			estimateSeconds: 0,
		},
		losses: machines.flatMap((machine) => lossesOf(machine, false)),
		notes: [
			...(cluster.datastore === 'embedded'
				? []
				: [
						'The external datastore is left as it is, with all that the cluster kept in it.',
					]),
			...stayingNotes(machines, cluster, logOut),
			...unreached.map((name) => leftOn(name)),
		],
		unreached,
	};
};
