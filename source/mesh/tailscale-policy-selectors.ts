/** Whether a word of a policy means all of the nodes, or all of a pod network (tailscale.com/kb/1396). */
import {
	cidrContains,
	cidrsOverlap,
	isAddress,
	parseCidr,
} from '../cluster/addresses.js';
import type {NodeIdentity} from './tailscale-policy.js';
import type {ReadPolicy} from './tailscale-policy-rules.js';

/** `unknown` when it can not be told from the policy alone. */
export type Answer = 'yes' | 'no' | 'unknown';

/** Whom a selector must mean as a whole. */
export type Subject =
	| {
			readonly kind: 'nodes';
			readonly identity: NodeIdentity;
			/** Must they be meant with their IPv6 addresses, too? A network is of one family. */
			readonly needsIpv6: boolean;
	  }
	| {readonly kind: 'pods'; readonly cidr: string};

/** Where Tailscale and headscale take addresses of nodes from, unless they are told otherwise. */
const nodeRanges = ['100.64.0.0/10', 'fd7a:115c:a1e0::/48'];

/** Does a network hold all of another one? */
export const containsNetwork = (outer: string, inner: string): boolean => {
	const [big, small] = [parseCidr(outer), parseCidr(inner)];
	return (
		big !== undefined &&
		small !== undefined &&
		big.prefix <= small.prefix &&
		cidrContains(`${big.network}/${big.prefix}`, small.network)
	);
};

/** An address or a network as a network; `undefined` for anything else. */
const networkOf = (text: string): string | undefined => {
	const bare = text.replace(/^\[(.*)\]$/, '$1');
	if (!/^[\da-f:./]+$/i.test(bare)) {
		return undefined;
	}

	if (isAddress(bare)) {
		return `${bare}/${bare.includes(':') ? 128 : 32}`;
	}

	const parsed = parseCidr(bare);
	return parsed === undefined
		? undefined
		: `${parsed.network}/${parsed.prefix}`;
};

const networkMeans = (network: string, subject: Subject): Answer => {
	if (subject.kind === 'pods') {
		if (containsNetwork(network, subject.cidr)) {
			return 'yes';
		}

		return cidrsOverlap(network, subject.cidr) ? 'unknown' : 'no';
	}

	// Which addresses the nodes have is not known; all of them come from these ranges.
	if (!subject.needsIpv6 && containsNetwork(network, nodeRanges[0]!)) {
		return 'yes';
	}

	return nodeRanges.some((range) => cidrsOverlap(network, range))
		? 'unknown'
		: 'no';
};

const autogroupMeans = (name: string, subject: Subject): Answer => {
	if (name === 'danger-all') {
		return 'yes';
	}

	if (subject.kind === 'pods' || ['internet', 'shared'].includes(name)) {
		return 'no';
	}

	if (name === 'tagged') {
		return subject.identity.kind === 'tag' ? 'yes' : 'no';
	}

	// All others are about people: a tagged node is nobody's.
	if (subject.identity.kind === 'tag') {
		return 'no';
	}

	return ['member', 'members', 'self'].includes(name) ? 'yes' : 'unknown';
};

const accountMeans = (login: string, subject: Subject): Answer => {
	if (subject.kind === 'pods' || subject.identity.kind === 'tag') {
		return 'no';
	}

	// Everybody of a domain.
	if (login.includes('*@')) {
		return 'unknown';
	}

	return login.toLowerCase() === subject.identity.login.toLowerCase()
		? 'yes'
		: 'no';
};

/** The best of several answers. */
export const anyOf = (answers: readonly Answer[]): Answer => {
	if (answers.includes('yes')) {
		return 'yes';
	}

	return answers.includes('unknown') ? 'unknown' : 'no';
};

const groupMeans = (
	group: string,
	subject: Subject,
	policy: ReadPolicy,
): Answer => {
	const members = policy.groups.get(group);
	if (members === undefined) {
		return 'unknown';
	}

	return anyOf(
		members.map((member) =>
			// A group in a group is not allowed, and so never followed.
			member.startsWith('group:')
				? 'unknown'
				: selectorMeans(member, subject, policy),
		),
	);
};

/**
 * Does a selector mean all of the subject? `*` does: it lets approved routes of others pass as a source, too, and on
 * headscale as a destination (hscontrol/policy/v2/filter.go).
 */
export const selectorMeans = (
	selector: string,
	subject: Subject,
	policy: ReadPolicy,
): Answer => {
	if (selector === '*') {
		return 'yes';
	}

	const network = networkOf(policy.hosts.get(selector) ?? selector);
	if (network !== undefined) {
		return networkMeans(network, subject);
	}

	if (selector.startsWith('tag:')) {
		return subject.kind === 'nodes' &&
			subject.identity.kind === 'tag' &&
			subject.identity.tag === selector
			? 'yes'
			: 'no';
	}

	if (selector.startsWith('group:')) {
		return groupMeans(selector, subject, policy);
	}

	if (selector.startsWith('autogroup:')) {
		return autogroupMeans(selector.slice('autogroup:'.length), subject);
	}

	if (selector.startsWith('svc:')) {
		return 'no';
	}

	// IP sets, ranges of addresses, names of users without @ as headscale had them, and what comes after today.
	return selector.includes('@') && !/^\w+:(?!\*@)/.test(selector)
		? accountMeans(selector, subject)
		: 'unknown';
};
