import type {Finding, JudgedFinding} from '../../checks/finding.js';
import {inWords} from '../../checks/rule.js';

/** Findings that say the same of several nodes, told once. */
export type FindingGroup = JudgedFinding & {
	readonly members: readonly JudgedFinding[];
};

/** Stands for the node's name; no sentence of ours holds this character. */
const placeholder = '\uFFFC';

const escaped = (text: string): string =>
	text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);

/** A text with the node's name taken out, so that it can be compared with what is said of others. */
const withoutName = (text: string, node: string): string =>
	text.replaceAll(
		new RegExp(String.raw`(?<![\w.-])${escaped(node)}(?![\w-])`, 'g'),
		placeholder,
	);

/** `fra1, nuc, and pi4: has no WireGuard`, or `fra1, nuc, and pi4: The kernel of each has no WireGuard`. */
const groupMessage = (template: string, nodes: readonly string[]): string =>
	`${inWords(nodes)}: ${template
		.replace(/^\uFFFC:? /, '')
		.replaceAll(placeholder, 'each')}`;

/**
 * Puts findings together that say the same of one node each; all others stay as they are. The order is that of the first
 * of each group.
 */
export const groupAlike = <One extends Finding>(
	findings: readonly One[],
): ReadonlyArray<One & {readonly members: readonly One[]}> => {
	const groups = new Map<string, {template: string; members: One[]}>();
	for (const [index, finding] of findings.entries()) {
		const [node, ...more] = finding.nodes;
		const isOfOne = node !== undefined && more.length === 0;
		const template = isOfOne
			? withoutName(finding.message, node)
			: finding.message;
		const key = isOfOne
			? `${finding.id}|${finding.severity}|${template}`
			: String(index);
		const known = groups.get(key);
		if (known === undefined) {
			groups.set(key, {template, members: [finding]});
		} else {
			known.members.push(finding);
		}
	}

	return [...groups.values()].map(({template, members}) => {
		const [first] = members;
		const nodes = [...new Set(members.flatMap((member) => member.nodes))];
		return {
			...first!,
			nodes,
			message:
				members.length === 1 ? first!.message : groupMessage(template, nodes),
			fixes: [...new Set(members.flatMap(({fixes}) => fixes))],
			members,
		};
	});
};

/** What is told once for several nodes on the Findings tab. */
export const groupFindings = (
	findings: readonly JudgedFinding[],
): readonly FindingGroup[] => groupAlike(findings);
