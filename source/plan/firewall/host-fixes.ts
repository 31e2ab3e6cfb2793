import {sameAddress} from '../../cluster/addresses.js';
import type {HostFacts} from '../../facts/host-facts.js';
import {controller, type Cell, type Verdict} from '../../facts/measurements.js';
import {meshOf} from '../../mesh/catalogue.js';
import type {MeshContext} from '../../mesh/mesh.js';
import type {FirewallFix} from '../../operations/operations.js';
import type {FirewallRule} from '../plan.js';
import {nodeFirewall, ruleLines} from './node-firewall.js';
import {portOpenings} from './openings.js';

/** What all rungs of the probe say of a send that the sender's own kernel refused. */
const sendRefused = "blocked by the sender's own firewall";

/** Was it the sender that did not let this out? The target never saw it then. */
export const blockedBySender = (verdict: Verdict): boolean =>
	verdict.kind === 'refused' && verdict.reason === sendRefused;

/**
 * Can it be the firewall of the target that closes this path? Not when another box said so or the sender itself, and not
 * for a host to itself or the machine where the person sits.
 */
export const mayBeClosedThere = (
	{addresses}: HostFacts,
	{path, verdict}: Cell,
): boolean => {
	if (
		path.from === path.to ||
		path.from === controller ||
		blockedBySender(verdict)
	) {
		return false;
	}

	if (verdict.kind !== 'refused') {
		return verdict.kind === 'filtered';
	}

	const {by} = verdict;
	return (
		by === undefined ||
		sameAddress(by, path.address) ||
		addresses.some(({address}) => sameAddress(address, by))
	);
};

/** The rules as lines, and what makes them last. */
const linesOf = (
	firewall: FirewallFix['firewall'],
	rules: readonly FirewallRule[],
): readonly string[] => {
	const lines = ruleLines(firewall, rules);
	switch (firewall) {
		case 'ufw':
		case 'firewalld': {
			return lines;
		}

		case 'nftables':
		case 'iptables': {
			return [
				...lines,
				'# k3s-mesh-firewall.service adds them again after a boot; by hand: have them where your rules are loaded from.',
			];
		}
	}
};

const byTarget = <Value>(
	values: readonly Value[],
	targetOf: (value: Value) => string,
): ReadonlyMap<string, readonly Value[]> => {
	const groups = new Map<string, Value[]>();
	for (const value of values) {
		const target = targetOf(value);
		const group = groups.get(target);
		if (group === undefined) {
			groups.set(target, [value]);
		} else {
			group.push(value);
		}
	}

	return groups;
};

/**
 * What the hosts' own firewalls need: for each host to which a path is closed that it may have closed itself, or that
 * does not pass packets of pods on (`notForwarding`, by name). The rules are those of the install, so that neither undoes
 * the other. Hosts on which we may not or cannot change it are left out.
 */
export const hostFixes = (
	context: MeshContext,
	notForwarding: ReadonlySet<string>,
): readonly FirewallFix[] => {
	const mesh = meshOf(context.cluster);
	const requirementsTo = byTarget(
		mesh.requirements(context),
		(requirement) => requirement.to,
	);
	const cellsTo = byTarget(context.measurements.cells, ({path}) => path.to);
	return context.cluster.nodes.flatMap((node): readonly FirewallFix[] => {
		const facts = context.facts.get(node.name);
		if (
			facts === undefined ||
			facts.privilege === 'none' ||
			!facts.tools['systemd-run']
		) {
			return [];
		}

		const closed = (cellsTo.get(node.name) ?? []).filter((cell) =>
			mayBeClosedThere(facts, cell),
		);
		if (closed.length === 0 && !notForwarding.has(node.name)) {
			return [];
		}

		const requirements = requirementsTo.get(node.name) ?? [];
		const action = nodeFirewall(context, mesh, node, requirements);
		if (action === undefined) {
			return [];
		}

		const openings = portOpenings(context, mesh, node, requirements);
		const paths = facts.firewall.active
			? closed
					.map(({path}) => path)
					.filter(({from, protocol, port}) =>
						openings.some(
							(opening) =>
								opening.peer === from &&
								opening.protocol === protocol &&
								opening.port === port,
						),
					)
			: [];
		return paths.length === 0 && !notForwarding.has(node.name)
			? []
			: [
					{
						node: node.name,
						firewall: action.firewall,
						rules: action.rules,
						lines: linesOf(action.firewall, action.rules),
						paths,
					},
				];
	});
};
