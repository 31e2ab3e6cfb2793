import {serversOf} from '../cluster/sites.js';
import {UserError, exitCodes} from '../errors.js';
import type {HostFacts} from '../facts/host-facts.js';
import {meshOf} from '../mesh/catalogue.js';
import {firstServerOf} from '../mesh/first-server.js';
import type {Mesh, MeshContext} from '../mesh/mesh.js';
import {releaseRules} from '../mesh/tailscale-finding.js';
import {joinStep, nodeSteps, provableStep} from './node-steps.js';
import type {NodePlan, Plan, Step} from './plan.js';
import type {LocalRelease} from './releases.js';

/** Seconds that the parts of an install take on a small cloud machine: a guess for people, measured on nothing better. */
const typicalSeconds = {
	download: 20,
	tailnet: 25,
	firstServer: 35,
	furtherServer: 30,
	agents: 20,
	verify: 15,
	look: 5,
} as const;

const logsIn = ({steps}: NodePlan): boolean =>
	steps.some(
		({action, expectation}) =>
			action.kind === 'tailscale-login' && expectation === 'change',
	);

const estimate = (nodes: readonly NodePlan[]): number => {
	const changes = (plan: NodePlan, stage: Step['stage']) =>
		plan.steps.some(
			(step) => step.stage === stage && step.expectation === 'change',
		);
	const starting = nodes.filter((plan) => changes(plan, 'start'));
	const servers = starting.filter(({role}) => role === 'server').length;
	return (
		typicalSeconds.look +
		typicalSeconds.verify +
		(nodes.some((plan) => changes(plan, 'download'))
			? typicalSeconds.download
			: 0) +
		(nodes.some((plan) => logsIn(plan)) ? typicalSeconds.tailnet : 0) +
		(servers > 0 ? typicalSeconds.firstServer : 0) +
		Math.max(servers - 1, 0) * typicalSeconds.furtherServer +
		(starting.length > servers ? typicalSeconds.agents : 0)
	);
};

/** The checks can not know which release a channel gives; what speaks against it for good is said here. */
const requireFitRelease = (mesh: Mesh, context: MeshContext): void => {
	const {ignore} = context.cluster;
	const against = mesh
		.findings(context)
		.find(
			({id, severity}) =>
				severity === 'error' && releaseRules.has(id) && !ignore.includes(id),
		);
	if (against !== undefined) {
		throw new UserError(against.message, {
			tryNext: [...against.fixes, `Or override the check ${against.id}.`],
		});
	}
};

/**
 * Lays out all that an apply does. Nodes that could not be contacted have no facts and are left out; the caller says
 * so. Throws a `UserError` when there is no server, when the first one could not be contacted, or when the mesh does not
 * work in the release.
 *
 * Order: downloads at once; the first server; further servers one by one, since etcd takes one new member at a time;
 * agents as soon as the first server serves; verification when all are ready.
 */
export const buildPlan = ({
	version,
	release,
	...unresolved
}: MeshContext & {
	readonly version: string;
	/** The files of that release, when they are sent to the nodes from here. */
	readonly release?: LocalRelease | undefined;
}): Plan => {
	const context: MeshContext = {
		...unresolved,
		cluster: {
			...unresolved.cluster,
			k3s: {...unresolved.cluster.k3s, version},
		},
	};
	const {cluster, facts} = context;
	const mesh = meshOf(cluster);
	const first = firstServerOf(cluster, facts);
	if (first === undefined) {
		throw new UserError(`The cluster ${cluster.name} has no server.`, {
			exitCode: exitCodes.usage,
			tryNext: ['Give one node the role "server".'],
		});
	}

	if (!facts.has(first.name)) {
		throw new UserError(
			`${first.name} could not be contacted, and all other nodes join it.`,
			{
				node: first.name,
				exitCode: exitCodes.unreachable,
				tryNext: [`See what "check" says about ${first.name}.`],
			},
		);
	}

	if (unresolved.cluster.k3s.version === undefined) {
		requireFitRelease(mesh, context);
	}

	const contacted: ReadonlyMap<string, HostFacts> = facts;
	const nodes = cluster.nodes.filter(({name}) => contacted.has(name));
	const ordered = [
		first,
		...serversOf(nodes).filter(({name}) => name !== first.name),
	];
	const allProvable = nodes.map((node) =>
		provableStep(mesh, context, node, contacted.get(node.name)!),
	);
	const plans = nodes.map((node): NodePlan => {
		const isFirst = node.name === first.name;
		const position = ordered.findIndex(({name}) => name === node.name);
		const before = isFirst
			? []
			: [
					...new Set([
						joinStep(first.name),
						...(position > 0 ? [joinStep(ordered[position - 1]!.name)] : []),
					]),
				];
		return {
			node: node.name,
			role: node.role,
			steps: nodeSteps(
				{context, mesh, version, release},
				node,
				contacted.get(node.name)!,
				{
					beforeConfig: isFirst ? [] : [joinStep(first.name)],
					beforeStart: before,
					beforeVerify: allProvable,
				},
			),
		};
	});
	return {
		purpose: 'apply',
		cluster: cluster.name,
		version,
		firstServer: first.name,
		nodes: plans,
		estimateSeconds: estimate(plans),
	};
};
