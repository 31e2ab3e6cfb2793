import type {HeadscaleApi} from './headscale-version.js';
import type {HujsonProblem} from './hujson.js';

/** Whose language a policy is written in: headscale knows a part of Tailscale's. */
export type PolicyDialect =
	| {readonly kind: 'tailscale'}
	| {readonly kind: 'headscale'; readonly api: HeadscaleApi};

/** As whom the cluster's nodes are in the tailnet. */
export type NodeIdentity =
	/** `tag:name`. */
	| {readonly kind: 'tag'; readonly tag: string}
	/** The login name of an account, `ann@example.org`; on headscale a user as the policy names it, `k3s@`. */
	| {readonly kind: 'account'; readonly login: string};

/** Ports of a protocol, both ends included. */
export type Flow = {
	readonly protocol: 'tcp' | 'udp';
	readonly from: number;
	readonly to: number;
};

/** What a cluster needs of the policy. */
export type PolicyNeeds = {
	readonly identity: NodeIdentity;
	/** Pod networks, one of each family at most; none where pods do not travel over the tailnet by themselves. */
	readonly podCidrs: readonly string[];
	readonly dialect: PolicyDialect;
	/** Who may give the tag away, where the policy does not say so yet: `autogroup:admin`, or `k3s@` on headscale. */
	readonly tagOwners: readonly string[];
	/** What nodes must reach on nodes; every port of TCP and UDP when it is not given. */
	readonly nodeFlows?: readonly Flow[];
};

/** An answer that is never a guess. */
export type Judgement = {
	readonly answer: 'yes' | 'no' | 'unknown';
	/** One sentence: which rule lets it through, what is missing, or what can not be judged from here. */
	readonly reason: string;
};

/** What a policy means for a cluster. */
export type PolicyJudgement = {
	/** Are the pod networks approved by themselves when a node offers its part of them? One for each pod network. */
	readonly autoApproval: ReadonlyArray<Judgement & {readonly podCidr: string}>;
	/** May nodes be given the tag? Always yes for an account. */
	readonly tagDefined: Judgement;
	/** Do nodes reach nodes, on the ports that are needed? */
	readonly nodesToNodes: Judgement;
	/** Do nodes reach pods on other nodes, as the API server does for webhooks and `kubectl port-forward`? */
	readonly nodesToPods: Judgement;
	/** Do pods reach pods on other nodes? */
	readonly podsToPods: Judgement;
};

/** A policy with what the cluster needs in it. */
export type MergedPolicy =
	| {
			readonly kind: 'merged';
			/** The text, the same when nothing was missing. */
			readonly text: string;
			/** What was added, a sentence each; empty when nothing was missing. */
			readonly changes: readonly string[];
	  }
	/** It can not be read, so nothing is added. */
	| {readonly kind: 'problems'; readonly problems: readonly HujsonProblem[]};

/** How a policy names the nodes: as a source, a destination and an approver. */
export const identityName = (identity: NodeIdentity): string =>
	identity.kind === 'tag' ? identity.tag : identity.login;

/** Every port of both protocols that Kubernetes speaks. */
export const everyPort: readonly Flow[] = [
	{protocol: 'tcp', from: 0, to: 65_535},
	{protocol: 'udp', from: 0, to: 65_535},
];

/**
 * Who may give a tag away where nothing is said: administrators of a tailnet, the cluster's user of a headscale, or
 * nobody there, as its keys carry tags by themselves.
 */
export const usualTagOwners = (
	dialect: PolicyDialect,
	user?: string,
): readonly string[] => {
	if (dialect.kind === 'tailscale') {
		return ['autogroup:admin'];
	}

	return user === undefined ? [] : [`${user.replace(/@$/, '')}@`];
};
