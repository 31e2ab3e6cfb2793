import type {Cluster, NodeSpec} from '../../cluster/schema.js';
import {serversOf} from '../../cluster/sites.js';
import {UserError, exitCodes} from '../../errors.js';
import type {NodePlan, Step, StepId} from '../plan.js';
import {leftOn, type LeavingPlan} from './leaving.js';
import {machineSteps, type LeavingMachine} from './machine-steps.js';
import {ownAddresses, ruleStep} from './others.js';
import {lossesOf, requireOtherWay, requireOurs} from './obstacles.js';
import {stayingNotes} from './uninstall.js';

/** A node object, as far as leaving is about it. */
export type NodeInCluster = {
	readonly ready: boolean;
	readonly internalIps: readonly string[];
	readonly externalIps: readonly string[];
	readonly podCidrs: readonly string[];
};

/** What the removal of a node is decided on. */
export type RemovalGround = {
	readonly cluster: Cluster;
	/** The node that leaves. */
	readonly node: NodeSpec;
	/** The server that the others join. */
	readonly firstServer: string;
	/** The server through which the cluster is spoken to. */
	readonly server: NodeSpec;
	/** Its machine; `undefined` when it is not reached. */
	readonly machine: LeavingMachine | undefined;
	/** The other machines that are reached. */
	readonly others: readonly LeavingMachine[];
	/** `undefined` when the cluster does not know it (any more). */
	readonly object: NodeInCluster | undefined;
	readonly logOut: boolean;
	/** Go on although the others join it, and do not wait for its pods. */
	readonly force: boolean;
	readonly version: string;
};

/** Throws a `UserError` when the cluster would not be one without the node. */
export const requireRemovable = (
	cluster: Cluster,
	node: NodeSpec,
	firstServer: string | undefined,
	force: boolean,
): void => {
	const servers = serversOf(cluster.nodes);
	if (node.role === 'server' && servers.length === 1) {
		throw new UserError(
			`${node.name} is the only server of ${cluster.name}: without it there is no cluster.`,
			{
				node: node.name,
				exitCode: exitCodes.usage,
				tryNext: ['To take the whole cluster away: k3s-mesh-tui uninstall.'],
			},
		);
	}

	if (node.name === firstServer && !force) {
		throw new UserError(
			`${node.name} is the server that the other nodes join, by its address.`,
			{
				node: node.name,
				exitCode: exitCodes.usage,
				tryNext: [
					'With --force it is taken out all the same; run apply right afterwards, which has the others join another server. Until then none of them may restart.',
				],
			},
		);
	}
};

/** What the number of servers that stay means for embedded etcd. */
const memberNotes = ({node, cluster}: RemovalGround): readonly string[] => {
	const left = serversOf(cluster.nodes).length - 1;
	return node.role === 'server' &&
		cluster.datastore === 'embedded' &&
		left % 2 === 0
		? [
				`${left} servers stay, an even number: embedded etcd then stands no more failures than with ${left - 1}.`,
			]
		: [];
};

/**
 * Lays out how one node is taken out of a cluster that goes on: its pods are sent away, the cluster forgets it, its
 * machine is given back, and the other machines take back the rules that name its addresses.
 *
 * A member of embedded etcd leaves while its K3s still runs, so that two members agree on it; K3s is kept from starting
 * again first, since a member that was taken out joins again when it starts. All others leave after their K3s has
 * stopped, since an agent that restarts in between would come back. Pure.
 */
export const buildRemoval = (ground: RemovalGround): LeavingPlan => {
	const {cluster, node, server, machine, others, object, logOut} = ground;
	requireRemovable(cluster, node, ground.firstServer, ground.force);
	const reached = machine === undefined ? [] : [machine];
	requireOurs(reached, cluster);
	if (logOut) {
		requireOtherWay(reached);
	}

	const isMember = node.role === 'server' && cluster.datastore === 'embedded';
	const chain: Step[] = [];
	const last = (): readonly StepId[] => chain.slice(-1).map(({id}) => id);
	const add = (
		step: Pick<Step, 'node' | 'stage' | 'title' | 'action'>,
		what: string,
	): void => {
		chain.push({
			...step,
			id: `${step.node}/${step.stage}/${what}`,
			needs: last(),
			expectation: 'change',
		});
	};

	const addDeletion = () => {
		add(
			{
				node: server.name,
				stage: 'leave',
				title: `take ${node.name} out of the cluster, with its password${isMember ? ' and its member of etcd' : ''}`,
				action: {kind: 'delete-node', nodeName: node.name},
			},
			node.name,
		);
	};

	if (machine !== undefined && object?.ready === true && !ground.force) {
		add(
			{
				node: server.name,
				stage: 'drain',
				title: `send the pods of ${node.name} to other nodes`,
				action: {kind: 'drain', nodeName: node.name},
			},
			node.name,
		);
	}

	if (isMember && machine?.remains.units.includes('server') === true) {
		add(
			{
				node: node.name,
				stage: 'leave',
				title: 'keep k3s from being started again',
				action: {kind: 'stop-k3s', role: 'server', how: 'no-restart'},
			},
			'no-restart',
		);
	}

	if (isMember || machine === undefined) {
		addDeletion();
	}

	if (machine === undefined) {
		const routes = object?.podCidrs ?? [];
		if (
			cluster.mesh.kind === 'tailscale' &&
			cluster.mesh.apiKeyFrom !== undefined &&
			routes.length > 0
		) {
			add(
				{
					node: server.name,
					stage: 'leave',
					title: `take back in the tailnet that ${node.name} routes ${routes.join(', ')}`,
					action: {
						kind: 'withdraw-routes',
						addresses: object?.internalIps ?? [],
						routes,
					},
				},
				`routes-${node.name}`,
			);
		}
	} else {
		chain.push(...machineSteps(machine, {cluster, logOut, after: last()}));
		if (!isMember) {
			addDeletion();
		}
	}

	const addresses = ownAddresses(node, cluster, [
		node.externalIp,
		node.internalIp,
		...(object?.internalIps ?? []),
		...(object?.externalIps ?? []),
		...(machine?.facts.tailscale?.addresses ?? []),
	]);
	const ofOthers = others
		.map((other) =>
			ruleStep(other, {cluster, left: node.name, addresses, after: last()}),
		)
		.filter((step) => step !== undefined);
	const steps = [...chain, ...ofOthers];
	const planOf = ({name, role}: NodeSpec): NodePlan => ({
		node: name,
		role,
		steps: steps.filter((step) => step.node === name),
	});
	const nodes = [
		planOf(server),
		...[node, ...cluster.nodes]
			.filter(
				(one, index, all) =>
					one.name !== server.name && all.indexOf(one) === index,
			)
			.map((one) => planOf(one))
			.filter((one) => one.steps.length > 0),
	];
	return {
		plan: {
			purpose: 'remove',
			cluster: cluster.name,
			version: ground.version,
			firstServer: server.name,
			nodes,
			estimateSeconds: 0,
		},
		losses: reached.flatMap((one) => lossesOf(one, isMember)),
		notes: [
			...(object === undefined
				? [`The cluster does not know ${node.name} any more.`]
				: object.ready || machine === undefined
					? []
					: [
							`${node.name} is not Ready: its pods are not waited for, the cluster starts them elsewhere by itself.`,
						]),
			...(node.name === ground.firstServer
				? [
						`The other nodes join ${node.name} by its address: run apply right afterwards, which has them join another server. Until then none of them may restart.`,
					]
				: []),
			...memberNotes(ground),
			...(cluster.proxy !== undefined || cluster.mesh.kind === 'tailscale-ip'
				? [
						`What the other nodes are told of ${node.name}'s addresses besides firewall rules goes with the next apply.`,
					]
				: []),
			...stayingNotes(reached, cluster, logOut),
			...(machine === undefined ? [leftOn(node.name)] : []),
		],
		unreached: machine === undefined ? [node.name] : [],
	};
};
