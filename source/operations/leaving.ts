import type {Cluster, NodeSpec} from '../cluster/schema.js';
import {serversOf} from '../cluster/sites.js';
import {UserError, exitCodes} from '../errors.js';
import type {Host} from '../host/host.js';
import {k3sNodes, type NodeObject} from '../host/scripts/k3s-read.js';
import {leavingLook} from '../host/scripts/leaving-look.js';
import {manifestRead} from '../host/scripts/manifest.js';
import {parseManifest} from '../install/manifest.js';
import {firstServerOf} from '../mesh/first-server.js';
import type {LeavingPlan} from '../plan/leaving/leaving.js';
import type {LeavingMachine} from '../plan/leaving/machine-steps.js';
import type {ListedChanges} from '../plan/leaving/remains.js';
import {buildRemoval, requireRemovable} from '../plan/leaving/removal.js';
import {buildUninstall} from '../plan/leaving/uninstall.js';
import {startApply} from './apply.js';
import type {ApplyRun, Fleet, StartApply} from './operations.js';

/** How long one server may take to list the nodes, in ms: one whose datastore has no majority never does. */
const listLimitMs = 45_000;

const listedIn = (text: string | undefined): ListedChanges | undefined => {
	const manifest = text === undefined ? undefined : parseManifest(text);
	return (
		manifest && {
			cluster: manifest.cluster,
			role: manifest.role,
			files: Object.keys(manifest.files).filter(
				(path) => !(path in manifest.kept),
			),
			kept: Object.keys(manifest.kept),
			firewall: manifest.firewall,
			installed: manifest.installed,
			k3s: manifest.k3s,
			tailscale: manifest.tailscale,
			tailnetLogin: manifest.tailnetLogin === true,
		}
	);
};

/** Looks at what of ours, and of K3s, is on the machines that are reached. */
const lookAt = async (
	nodes: readonly NodeSpec[],
	fleet: Fleet,
	signal: AbortSignal,
): Promise<readonly LeavingMachine[]> => {
	const hosts = fleet.hosts();
	const facts = fleet.facts();
	return Promise.all(
		nodes
			.filter(({name}) => hosts.has(name))
			.map(async (node): Promise<LeavingMachine> => {
				const host = hosts.get(node.name)!;
				const [look, text] = await Promise.all([
					host.run(leavingLook, {}, {signal}),
					host.run(manifestRead, {}, {signal}),
				]);
				return {
					node,
					remains: {...look, listed: listedIn(text)},
					facts: facts.get(node.name)!,
				};
			}),
	);
};

const unreachedOf = (
	nodes: readonly NodeSpec[],
	fleet: Fleet,
): readonly string[] =>
	nodes.map(({name}) => name).filter((name) => !fleet.hosts().has(name));

/** Refuses to go on without machines, unless that is meant. */
const requireReached = (
	unreached: readonly string[],
	force: boolean,
	fleet: Fleet,
	meant: string,
): void => {
	if (unreached.length === 0 || force) {
		return;
	}

	const failed = unreached.flatMap((name) => {
		const contact = fleet.contact(name);
		return contact?.state === 'failed' ? [{name, ...contact}] : [];
	});
	throw new UserError(
		[
			...failed.map(({name, message}) => `${name}: ${message}`),
			'Nothing was changed on any node.',
		].join('\n'),
		{
			exitCode: failed.some(({unreachable}) => unreachable)
				? exitCodes.unreachable
				: exitCodes.failed,
			tryNext: [
				...failed.flatMap(({tryNext}) => tryNext),
				`Run the same command again when ${unreached.length === 1 ? 'it answers' : 'they answer'}; --force ${meant}.`,
			],
		},
	);
};

/** What both ways to leave are asked with. */
export type LeavingOptions = {
	readonly cluster: Cluster;
	/** Every node was contacted. */
	readonly fleet: Fleet;
	/** Go on without machines that are not reached, and where else a yes is needed beforehand. */
	readonly force: boolean;
	/** Take machines off the tailnet that we put there. */
	readonly logOut: boolean;
	readonly signal: AbortSignal;
};

/** Looks at all machines, and lays out how the cluster is taken away. Changes nothing. Throws a `UserError`. */
export const makeUninstallPlan = async ({
	cluster,
	fleet,
	force,
	logOut,
	signal,
}: LeavingOptions): Promise<LeavingPlan> => {
	const unreached = unreachedOf(cluster.nodes, fleet);
	requireReached(
		unreached,
		force,
		fleet,
		'uninstalls the others and leaves what is there as it is',
	);
	const first = firstServerOf(cluster, fleet.facts());
	const name = first?.name ?? cluster.nodes[0]!.name;
	return buildUninstall({
		cluster,
		firstServer: name,
		machines: await lookAt(cluster.nodes, fleet, signal),
		unreached,
		logOut,
		version: fleet.facts().get(name)?.k3s?.version ?? '',
	});
};

/** The first server that answers for the cluster, and the nodes that it lists. */
const answeringServer = async (
	servers: readonly NodeSpec[],
	hosts: ReadonlyMap<string, Host>,
	signal: AbortSignal,
): Promise<
	| {readonly server: NodeSpec; readonly objects: readonly NodeObject[]}
	| undefined
> => {
	for (const server of servers) {
		try {
			const objects = await hosts
				.get(server.name)!
				.run(k3sNodes, {}, {signal, timeoutMs: listLimitMs});
			return {server, objects};
		} catch {
			// The next one may.
			signal.throwIfAborted();
		}
	}

	return undefined;
};

/** Looks at all machines, and lays out how one node is taken out. Changes nothing. Throws a `UserError`. */
export const makeRemovalPlan = async ({
	cluster,
	fleet,
	force,
	logOut,
	signal,
	nodeName,
}: LeavingOptions & {readonly nodeName: string}): Promise<LeavingPlan> => {
	const node = cluster.nodes.find(({name}) => name === nodeName);
	if (node === undefined) {
		throw new UserError(
			`The cluster ${cluster.name} has no node "${nodeName}".`,
			{
				exitCode: exitCodes.usage,
				tryNext: [
					`Its nodes: ${cluster.nodes.map(({name}) => name).join(', ')}`,
				],
			},
		);
	}

	const first = firstServerOf(cluster, fleet.facts());
	requireRemovable(cluster, node, first?.name, force);
	requireReached(
		unreachedOf([node], fleet),
		force,
		fleet,
		`takes ${nodeName} out of the cluster and its file, and leaves what is on it`,
	);
	const servers = serversOf(cluster.nodes).filter(
		({name}) => name !== nodeName && fleet.hosts().has(name),
	);
	const answered = await answeringServer(servers, fleet.hosts(), signal);
	if (answered === undefined) {
		throw new UserError(
			`No other server of ${cluster.name} answers for it, so that nobody can take ${nodeName} out. Nothing was changed.`,
			{
				exitCode: exitCodes.unreachable,
				tryNext: [
					'Look whether K3s runs on the servers and their API answers: with embedded etcd more than half of them must.',
				],
			},
		);
	}

	const {server, objects} = answered;
	const machines = await lookAt(cluster.nodes, fleet, signal);
	return buildRemoval({
		cluster,
		node,
		firstServer: first?.name ?? server.name,
		server,
		machine: machines.find((machine) => machine.node.name === nodeName),
		others: machines.filter((machine) => machine.node.name !== nodeName),
		object: objects.find(({name}) => name === nodeName),
		logOut,
		force,
		version: fleet.facts().get(server.name)?.k3s?.version ?? '',
	});
};

/** Does what was laid out, while holding the lock of the servers that are reached. */
export const startLeaving = (
	options: Omit<Parameters<StartApply>[0], 'plan' | 'lockOn'> & {
		readonly leaving: LeavingPlan;
	},
): ApplyRun => {
	const {leaving, ...rest} = options;
	return startApply({
		...rest,
		plan: leaving.plan,
		lockOn: serversOf(options.cluster.nodes)
			.map(({name}) => name)
			.filter((name) => options.fleet.hosts().has(name)),
	});
};
