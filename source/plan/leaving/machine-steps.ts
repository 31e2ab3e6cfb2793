import {cidrContains, isCidr} from '../../cluster/addresses.js';
import {
	chosenTailnet,
	type Cluster,
	type NodeSpec,
	type Role,
} from '../../cluster/schema.js';
import type {HostFacts} from '../../facts/host-facts.js';
import {closeRulesPath, k3sFolder, unitName} from '../paths.js';
import type {Stage, Step, StepAction, StepId} from '../plan.js';
import type {Remains} from './remains.js';

/** A machine that is to be given back. */
export type LeavingMachine = {
	readonly node: NodeSpec;
	readonly remains: Remains;
	readonly facts: HostFacts;
};

/** Is anything of ours, or of a K3s that we installed, on the machine? */
export const hasRemains = ({remains}: LeavingMachine): boolean =>
	remains.hasFolder || remains.hasSetAside;

/** Is the K3s on the machine ours to take away? One that only was downloaded is, where no other is there. */
export const takesK3sAway = ({remains}: LeavingMachine): boolean => {
	const {listed} = remains;
	return (
		remains.hasSetAside ||
		listed?.installed === true ||
		(listed?.k3s !== undefined && remains.units.length === 0)
	);
};

const isInK3sFolder = (path: string): boolean =>
	path.startsWith(`${k3sFolder}/`);

/** Files in K3s's folder that are the owner's: they stay. K3s writes k3s.yaml itself. */
export const ownersFiles = ({remains}: LeavingMachine): readonly string[] => {
	const ours = new Set(remains.listed?.files);
	return remains.configFiles.filter(
		(path) =>
			!ours.has(path) &&
			path !== `${k3sFolder}/k3s.yaml` &&
			!path.includes('.k3s-mesh.'),
	);
};

/** Routes of pods that a machine offers to its tailnet, or may route there: those go, all others are its owner's. */
export const podRoutesOf = (
	{facts}: LeavingMachine,
	{network}: Cluster,
): readonly string[] => [
	...new Set(
		[
			...(facts.tailscale?.advertisedRoutes ?? []),
			...(facts.tailscale?.approvedRoutes ?? []),
		].filter(
			(route) =>
				isCidr(route) &&
				network.podCidr.some((cidr) =>
					cidrContains(cidr, route.split('/')[0]!),
				),
		),
	),
];

/** Does our own connection to the machine go through its tailnet? */
export const isReachedByTailnet = ({node, facts}: LeavingMachine): boolean => {
	const own = facts.tailscale?.addresses ?? [];
	return [node.ssh.host, facts.sshConnection?.serverAddress].some(
		(address) => address !== undefined && own.includes(address),
	);
};

/** The roles in which K3s is there; one whose unit is gone already is told by its script. */
const rolesOf = ({node, remains}: LeavingMachine): readonly Role[] => {
	const found = [...new Set([...remains.units, ...remains.uninstallers])];
	return found.length > 0 ? found : [remains.listed?.role ?? node.role];
};

/** How a machine is given back. */
export type GivingBack = {
	readonly cluster: Cluster;
	/** Take it off the tailnet, too, where we put it there. */
	readonly logOut: boolean;
	/** Steps of other nodes that must have ended well before. */
	readonly after: readonly StepId[];
};

/**
 * All that gives one machine back, one step after the other; none when nothing is left there. K3s is stopped first, so
 * that nothing that it serves stands open when ports are opened again; our units go before K3s's script runs, which takes
 * each `k3s*.service` for another K3s and leaves everything then; our list goes last, so that a cut loses nothing.
 */
export const machineSteps = (
	machine: LeavingMachine,
	{cluster, logOut, after}: GivingBack,
): readonly Step[] => {
	if (!hasRemains(machine)) {
		return [];
	}

	const {node, remains, facts} = machine;
	const {listed} = remains;
	const steps: Step[] = [];
	const add = (
		stage: Stage,
		what: string,
		title: string,
		action: StepAction,
	): void => {
		const last = steps.at(-1);
		steps.push({
			id: `${node.name}/${stage}/${what}`,
			node: node.name,
			stage,
			title,
			action,
			needs: last === undefined ? after : [last.id],
			expectation: 'change',
		});
	};

	const takesK3s = takesK3sAway(machine);
	const roles = rolesOf(machine);
	if (takesK3s) {
		for (const role of roles) {
			add('uninstall', `stop-${unitName(role)}`, `stop ${unitName(role)}`, {
				kind: 'stop-k3s',
				role,
				how: 'stop',
			});
		}
	}

	if (listed?.firewall !== undefined) {
		const {kind, rules} = listed.firewall;
		add('uninstall', 'firewall', `take ${rules.length} rules of ${kind} back`, {
			kind: 'take-back-firewall',
			firewall: kind,
			rules,
			staying: [],
		});
	}

	if (listed?.files.includes(closeRulesPath) === true) {
		add('uninstall', 'ports', 'open the ports again that were closed', {
			kind: 'open-ports',
		});
	}

	const files = listed?.files ?? [];
	const kept = listed?.kept ?? [];
	const podRoutes = podRoutesOf(machine, cluster);
	if (takesK3s) {
		const owners = ownersFiles(machine);
		for (const role of roles) {
			add(
				'uninstall',
				unitName(role),
				`run K3s's own ${unitName(role)}-uninstall.sh${owners.length === 0 ? '' : `; yours stays: ${owners.join(', ')}`}`,
				{
					kind: 'uninstall-k3s',
					role,
					ours: files.filter((path) => isInK3sFolder(path)),
					kept: kept.filter((path) => isInK3sFolder(path)),
					podRoutes,
				},
			);
		}
	}

	const tailnet = chosenTailnet(cluster);
	const addresses = facts.tailscale?.addresses ?? [];
	if (
		tailnet?.apiKeyFrom !== undefined &&
		podRoutes.length > 0 &&
		addresses.length > 0
	) {
		add(
			'leave',
			'routes',
			`take back in the tailnet that it routes ${podRoutes.join(', ')}`,
			{kind: 'withdraw-routes', addresses, routes: podRoutes},
		);
	}

	if (logOut && listed?.tailnetLogin === true) {
		add(
			'leave',
			'tailnet',
			`log out of the tailnet${tailnet?.apiKeyFrom === undefined ? '' : ', and go from its list'}`,
			{kind: 'tailscale-logout', addresses},
		);
		if (listed.tailscale === 'archive') {
			add('clean', 'tailscale', 'remove Tailscale', {
				kind: 'tailscale-uninstall',
			});
		}
	}

	const further = (paths: readonly string[]) =>
		paths.filter((path) => !takesK3s || !isInK3sFolder(path));
	const shown = [...further(files), ...further(kept)];
	if (shown.length > 0) {
		add('clean', 'files', `remove ${shown.join(', ')}`, {
			kind: 'take-back-files',
			ours: further(files),
			kept: further(kept),
		});
	}

	add('clean', 'list', 'remove /var/lib/k3s-mesh', {kind: 'forget'});
	return steps;
};
