import {structuredPatch} from 'diff';
import type {ControlPlane, Policy} from '../control/control-plane.js';
import {
	chosenTailnet,
	type Cluster,
	type TailnetMesh,
} from '../cluster/schema.js';
import {UserError, exitCodes} from '../errors.js';
import type {PolicyLook} from '../facts/tailnet-look.js';
import {newestKnownMinor} from '../mesh/headscale-version.js';
import type {HujsonProblem} from '../mesh/hujson.js';
import {k3sPorts, usesEmbeddedEtcd} from '../mesh/k3s-requirements.js';
import {judgePolicy} from '../mesh/tailscale-policy-judge.js';
import {mergePolicy} from '../mesh/tailscale-policy-merge.js';
import {policyStanza, ruleFormOf} from '../mesh/tailscale-policy-stanza.js';
import {
	usualTagOwners,
	type Flow,
	type NodeIdentity,
	type PolicyDialect,
	type PolicyNeeds,
} from '../mesh/tailscale-policy.js';
import {controlKind, openTailnetApi, type TailnetWorld} from './tailnet.js';

/** As whom the nodes are in the tailnet; `undefined` where the file names neither a tag nor a user. */
const identityOf = (mesh: TailnetMesh): NodeIdentity | undefined => {
	const {tags, user} = mesh;
	const [tag] = tags;
	if (tag !== undefined) {
		return {kind: 'tag', tag};
	}

	if (user === undefined) {
		return undefined;
	}

	// headscale names a user in a policy with an @ behind it, where it has none in it.
	return {
		kind: 'account',
		login:
			controlKind(mesh) === 'tailscale' || user.includes('@')
				? user
				: `${user}@`,
	};
};

const tcp = (from: number, to: number = from): Flow => ({
	protocol: 'tcp',
	from,
	to,
});

/** The ports between nodes of a mesh whose pods do not travel over the tailnet by themselves. */
const nodeFlows = (cluster: Cluster, mesh: TailnetMesh): readonly Flow[] => [
	tcp(k3sPorts.api),
	tcp(k3sPorts.kubelet),
	...(usesEmbeddedEtcd({cluster})
		? [tcp(k3sPorts.etcdClient, k3sPorts.etcdPeer)]
		: []),
	...(mesh.kind === 'tailscale-ip' && mesh.podTraffic === 'tailnet'
		? [{protocol: 'udp' as const, from: k3sPorts.vxlan, to: k3sPorts.vxlan}]
		: []),
];

/** What a cluster needs of its tailnet's policy; `undefined` where it is not said as whom the nodes are there. */
export const policyNeeds = (
	cluster: Cluster,
	dialect: PolicyDialect,
): PolicyNeeds | undefined => {
	const mesh = chosenTailnet(cluster);
	const identity = mesh && identityOf(mesh);
	if (mesh === undefined || identity === undefined) {
		return undefined;
	}

	return {
		identity,
		dialect,
		podCidrs: mesh.kind === 'tailscale' ? cluster.network.podCidr : [],
		tagOwners: usualTagOwners(dialect, mesh.user),
		...(mesh.kind === 'tailscale-ip' && {nodeFlows: nodeFlows(cluster, mesh)}),
	};
};

const dialectOf = (plane: ControlPlane): PolicyDialect =>
	plane.kind === 'tailscale'
		? {kind: 'tailscale'}
		: {kind: 'headscale', api: plane.api};

/** The policy in the language of a server that nobody asked: the newest that is known. */
const unaskedDialect = (mesh: TailnetMesh): PolicyDialect =>
	controlKind(mesh) === 'tailscale'
		? {kind: 'tailscale'}
		: {kind: 'headscale', api: {version: undefined, minor: newestKnownMinor}};

const noIdentity = new UserError(
	'The policy must name the nodes, and the cluster file says neither by which tag nor by which user.',
	{
		exitCode: exitCodes.usage,
		tryNext: [
			'Name a tag for the nodes under mesh.tags, such as tag:k3s; or under mesh.user the account that they belong to.',
		],
	},
);

const requireTailnet = (cluster: Cluster): TailnetMesh => {
	const mesh = chosenTailnet(cluster);
	if (mesh === undefined) {
		throw new UserError(
			`The mesh of ${cluster.name} is ${cluster.mesh.kind}: it has no tailnet whose policy could matter.`,
			{exitCode: exitCodes.usage},
		);
	}

	return mesh;
};

/**
 * What the policy of a cluster's tailnet must hold, ready to copy. Throws a `UserError` when the cluster uses no tailnet,
 * or does not say as whom its nodes are there.
 */
export const policyText = (cluster: Cluster): string => {
	const needs = policyNeeds(cluster, unaskedDialect(requireTailnet(cluster)));
	if (needs === undefined) {
		throw noIdentity;
	}

	return policyStanza(needs, ruleFormOf(needs.dialect));
};

/** What the policy that is in force means for a cluster; `undefined` where it can not be judged. */
export const readPolicyLook = async (
	cluster: Cluster,
	plane: ControlPlane,
	signal: AbortSignal,
): Promise<PolicyLook | undefined> => {
	const needs = policyNeeds(cluster, dialectOf(plane));
	if (needs === undefined) {
		return undefined;
	}

	const {text} = await plane.readPolicy({signal});
	const judged = judgePolicy(text, needs);
	return judged.kind === 'judged' ? judged.judgement : undefined;
};

const sayProblem = ({line, column, message}: HujsonProblem): string =>
	`line ${line}, column ${column}: ${message}`;

/** Lines around a change that help to find it. */
const contextLines = 3;

const differenceOf = (before: string, after: string): readonly string[] =>
	structuredPatch('', '', before, after, undefined, undefined, {
		context: contextLines,
	}).hunks.flatMap(({oldStart, oldLines, newStart, newLines, lines}) => [
		`@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
		...lines,
	]);

/** A change of a policy, before anybody said yes to it. */
export type PolicyChange = {
	readonly before: Policy;
	/** The whole policy as it would be. */
	readonly text: string;
	/** What differs, as lines of a unified diff: `+`, `-` or a space before each; empty when nothing does. */
	readonly difference: readonly string[];
	/** What is added, a sentence each; empty when nothing is missing. */
	readonly changes: readonly string[];
	/** What the server objects to; empty when it takes the policy, or has no way to ask. */
	readonly objections: readonly string[];
};

/**
 * Works out what the policy that is in force lacks, and asks the server whether it would take the change. Throws a
 * `UserError` for a policy that can not be read.
 */
export const proposePolicy = async (
	cluster: Cluster,
	plane: ControlPlane,
	signal: AbortSignal,
): Promise<PolicyChange> => {
	requireTailnet(cluster);
	const needs = policyNeeds(cluster, dialectOf(plane));
	if (needs === undefined) {
		throw noIdentity;
	}

	const before = await plane.readPolicy({signal});
	const merged = mergePolicy(before.text, needs);
	if (merged.kind === 'problems') {
		throw new UserError(
			`The policy of ${plane.title} can not be read: ${merged.problems.map((one) => sayProblem(one)).join('; ')}`,
			{tryNext: ['Mend it there, and run the same command again.']},
		);
	}

	const {text, changes} = merged;
	const verdict =
		changes.length === 0
			? undefined
			: await plane.validatePolicy(text, {signal});
	return {
		before,
		text,
		difference: differenceOf(before.text, text),
		changes,
		objections: verdict?.kind === 'refused' ? verdict.problems : [],
	};
};

/** What a policy must hold, and what the one in force lacks where it can be read. */
export type PolicyComparison = {
	/** A policy with what the cluster needs and nothing else, ready to copy. */
	readonly needed: string;
	/** `undefined` without credentials for the API of the control server. */
	readonly inForce:
		| (PolicyChange & {
				/** Whose policy it is: `Tailscale`. */
				readonly server: string;
				/** Puts the change in force, unless somebody else has written meanwhile. Throws a `UserError`. */
				write(signal: AbortSignal): Promise<void>;
		  })
		| undefined;
};

/** The text that a person takes away: the whole policy with what is missing, else what the cluster needs alone. */
export const policyToSave = ({needed, inForce}: PolicyComparison): string =>
	inForce?.text ?? needed;

/** Compares the policy of a cluster's tailnet with what the cluster needs; changes nothing. Throws a `UserError`. */
export const comparePolicy = async (
	cluster: Cluster,
	world: TailnetWorld,
	signal: AbortSignal,
): Promise<PolicyComparison> => {
	const needed = policyText(cluster);
	const plane = await openTailnetApi(requireTailnet(cluster), world, signal);
	if (plane === undefined) {
		return {needed, inForce: undefined};
	}

	const change = await proposePolicy(cluster, plane, signal);
	return {
		needed,
		inForce: {
			...change,
			server: plane.title,
			async write(writing) {
				if (change.before.readOnly !== undefined) {
					throw new UserError(change.before.readOnly);
				}

				await plane.writePolicy(change.text, change.before, {signal: writing});
			},
		},
	};
};
