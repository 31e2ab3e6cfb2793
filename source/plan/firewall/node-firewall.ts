import type {NodeSpec} from '../../cluster/schema.js';
import type {FirewallFacts, HostFacts} from '../../facts/host-facts.js';
import type {Cell} from '../../facts/measurements.js';
import type {Mesh, MeshContext, Requirement} from '../../mesh/mesh.js';
import type {FirewallRule, StepAction} from '../plan.js';
import {firewalldRules, incomingZones} from './firewalld.js';
import {iptablesRules} from './iptables.js';
import {nftablesRules} from './nftables.js';
import {
	forwardOpenings,
	isPublic,
	podOpenings,
	portOpenings,
	publicOpenings,
	type Opening,
} from './openings.js';
import {ufwRules} from './ufw.js';

type FirewallAction = Extract<StepAction, {kind: 'firewall'}>;

/** Does the host keep packets of pods from being passed on? */
export const forwardingBlocked = ({forwarding}: HostFacts): boolean =>
	forwarding.policy === 'drop' || forwarding.blockingRules.length > 0;

/** Are there rules of ours for incoming packets already? They stay in the plan, which thus mends them. */
const openedBefore = ({firewall: {summary}}: HostFacts): boolean =>
	/k3s_mesh_input|^-A INPUT .*k3s-mesh/m.test(summary);

const isBlocked = ({verdict}: Cell): boolean =>
	verdict.kind === 'filtered' || verdict.kind === 'refused';

/** The program that takes rules on this host, or `undefined` when there is none to speak of. */
const programOf = (
	facts: HostFacts,
): FirewallAction['firewall'] | undefined => {
	if (facts.firewall.active && facts.firewall.kind !== 'none') {
		return facts.firewall.kind;
	}

	// Without a firewall forwarding may still be off, for example through Docker's policy.
	if (facts.tools.iptables) {
		return 'iptables';
	}

	return facts.tools.nft ? 'nftables' : undefined;
};

/** Openings in the words of a firewall. */
export const firewallRules = (
	kind: Exclude<FirewallFacts['kind'], 'none'>,
	openings: readonly Opening[],
	facts: HostFacts,
	node: NodeSpec,
): readonly FirewallRule[] => {
	switch (kind) {
		case 'ufw': {
			return ufwRules(openings);
		}

		case 'firewalld': {
			return firewalldRules(openings, incomingZones(facts, node));
		}

		case 'nftables': {
			return nftablesRules(openings, facts.firewall.dropping);
		}

		case 'iptables': {
			return iptablesRules(openings);
		}
	}
};

/**
 * What is opened on a node, or `undefined` when nothing must be: no firewall of it denies, none of the paths to it
 * was seen blocked while one is active, we opened nothing before, and forwarding works. `requirements` are those of the
 * cluster, for callers that ask about many nodes.
 */
export const nodeFirewall = (
	context: MeshContext,
	mesh: Mesh,
	node: NodeSpec,
	requirements?: readonly Requirement[],
): FirewallAction | undefined => {
	const facts = context.facts.get(node.name);
	const firewall = facts === undefined ? undefined : programOf(facts);
	if (facts === undefined || firewall === undefined) {
		return undefined;
	}

	const denies =
		facts.firewall.active &&
		(facts.firewall.defaultDeny ||
			openedBefore(facts) ||
			context.measurements.cells.some(
				(cell) => cell.path.to === node.name && isBlocked(cell),
			));
	const openings = [
		...(denies
			? [
					...portOpenings(context, mesh, node, requirements).filter(
						(opening) => !isPublic(mesh, opening),
					),
					...publicOpenings(mesh),
					...podOpenings(context, mesh),
				]
			: []),
		...(forwardingBlocked(facts) ? forwardOpenings(context, mesh) : []),
	];
	const rules = firewallRules(firewall, openings, facts, node);
	return rules.length === 0 ? undefined : {kind: 'firewall', firewall, rules};
};

/** A command as a person can paste it: words that a shell would take apart are quoted. */
export const commandLine = (words: readonly string[]): string =>
	words
		.map((word) =>
			/^[\w@%+=:,./-]+$/.test(word)
				? word
				: `'${word.replaceAll("'", String.raw`'\''`)}'`,
		)
		.join(' ');

/**
 * Rules as lines that a person can paste. Those of firewalld come twice, for what it keeps and for what runs now, as the
 * install adds them: a reload instead would also flush what K3s has put into iptables.
 */
export const ruleLines = (
	kind: Exclude<FirewallFacts['kind'], 'none'>,
	rules: readonly FirewallRule[],
): readonly string[] =>
	rules.flatMap(({add}) =>
		kind === 'firewalld'
			? [
					commandLine(add),
					commandLine(add.filter((word) => word !== '--permanent')),
				]
			: [commandLine(add)],
	);

/** Commands that take rules away, as lines that a person can paste. Those of firewalld come twice, as its rules do. */
export const removalLines = (
	commands: ReadonlyArray<readonly string[]>,
): readonly string[] =>
	commands.flatMap((words) =>
		words.includes('--permanent')
			? [
					commandLine(words),
					commandLine(words.filter((word) => word !== '--permanent')),
				]
			: [commandLine(words)],
	);

/** The rules as a person can paste them, and what makes them last. */
export const byHand = (
	kind: Exclude<FirewallFacts['kind'], 'none'>,
	rules: readonly FirewallRule[],
): readonly string[] => {
	const lines = ruleLines(kind, rules);
	switch (kind) {
		case 'ufw':
		case 'firewalld': {
			return lines;
		}

		case 'nftables': {
			return [
				...lines,
				'These last until the next boot: have the same in /etc/nftables.conf, or wherever your rules are loaded from.',
			];
		}

		case 'iptables': {
			return [
				...lines,
				'These last until the next boot: have the same in /etc/iptables/rules.v4, or wherever your rules are loaded from.',
			];
		}
	}
};
