import type {Cluster} from '../../cluster/schema.js';
import {UserError} from '../../errors.js';
import {
	isReachedByTailnet,
	takesK3sAway,
	type LeavingMachine,
} from './machine-steps.js';

/** What speaks against touching a machine, and what the person can do. */
type Obstacle = {readonly message: string; readonly tryNext: readonly string[]};

const hasK3s = ({remains}: LeavingMachine): boolean =>
	remains.units.length > 0 || remains.uninstallers.length > 0;

const byHand = (name: string): readonly string[] => [
	`If its data may go: run K3s's own uninstall script on ${name} (/usr/local/bin/k3s-uninstall.sh, or k3s-agent-uninstall.sh on an agent). It removes /etc/rancher/k3s and /var/lib/rancher/k3s whole.`,
	'Then run the same command again: it takes away what else is of this program.',
];

/** K3s that we did not bring, and its data, is never taken away; nor is what belongs to another cluster. */
const obstacleOf = (
	machine: LeavingMachine,
	cluster: Cluster,
): Obstacle | undefined => {
	const {node, remains} = machine;
	const {listed} = remains;
	if (listed === undefined) {
		return hasK3s(machine)
			? {
					message: `The K3s on ${node.name} was not installed by this program: there is no list of ours. It is not touched.`,
					tryNext: byHand(node.name),
				}
			: undefined;
	}

	if (listed.cluster !== cluster.name) {
		return {
			message: `${node.name} belongs to another cluster, "${listed.cluster}": so says the list that we keep there. It is not touched.`,
			tryNext: [
				`Uninstall it with the file of "${listed.cluster}", or take ${node.name} out of this one.`,
			],
		};
	}

	return listed.installed && remains.wasThereBefore && hasK3s(machine)
		? {
				message: `There was a K3s on ${node.name} before it came into this cluster (its unit is kept beside the new one): K3s's uninstall script would delete its data, too. It is not touched.`,
				tryNext: byHand(node.name),
			}
		: undefined;
};

/** Throws a `UserError` that names every machine that must not be touched, and why; nothing has been changed then. */
export const requireOurs = (
	machines: readonly LeavingMachine[],
	cluster: Cluster,
): void => {
	const obstacles = machines.flatMap((machine) => {
		const obstacle = obstacleOf(machine, cluster);
		return obstacle === undefined ? [] : [obstacle];
	});
	if (obstacles.length > 0) {
		throw new UserError(
			[...obstacles.map(({message}) => message), 'Nothing was changed.'].join(
				'\n',
			),
			{tryNext: [...new Set(obstacles.flatMap(({tryNext}) => tryNext))]},
		);
	}
};

/** Throws a `UserError` when logging a machine out would cut off the way on which we are there. */
export const requireOtherWay = (machines: readonly LeavingMachine[]): void => {
	const over = machines
		.filter(
			(machine) =>
				machine.remains.listed?.tailnetLogin === true &&
				isReachedByTailnet(machine),
		)
		.map(({node}) => node.name);
	if (over.length > 0) {
		throw new UserError(
			`SSH to ${over.join(', ')} goes through the tailnet: logging out there would cut it off in the middle. Nothing was changed.`,
			{
				tryNext: [
					'Give it an ssh address outside of the tailnet in the cluster file, or leave --log-out out.',
				],
			},
		);
	}
};

/** What is lost with a machine, for people; empty when K3s is not taken away there, or has nothing. */
export const lossesOf = (
	machine: LeavingMachine,
	/** Have other servers the same datastore, and stay? */
	datastoreStays: boolean,
): readonly string[] => {
	const {node, remains} = machine;
	if (!takesK3sAway(machine)) {
		return [];
	}

	const {volumes, datastore} = remains;
	return [
		...(datastore === undefined || datastoreStays
			? []
			: [
					`${node.name}: the cluster's datastore (${datastore}), with all that was ever created in it`,
				]),
		...(volumes === 0
			? []
			: [
					`${node.name}: ${volumes} local-path volume${volumes === 1 ? '' : 's'}, with the data of the pods that used ${volumes === 1 ? 'it' : 'them'}`,
				]),
	];
};
