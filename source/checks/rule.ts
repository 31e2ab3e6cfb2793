import type {NodeSpec} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {MeshContext} from '../mesh/mesh.js';
import type {Finding, Severity} from './finding.js';

/** What rules look at: what is wanted, what is there, what was measured. */
export type CheckContext = MeshContext;

/** A rule as documentation and `--help` print it. */
export type RuleText = {
	/** Stable: people write it into `--ignore` and into cluster files. */
	readonly id: string;
	/** The worst that it can say. */
	readonly severity: Severity;
	/** What must hold, in one sentence for people. */
	readonly sentence: string;
	/** Where it comes from: a docs page, an issue, or our own measure. */
	readonly source: string;
};

/** Makes one finding of the rule. */
export type Report = (
	severity: Severity,
	message: string,
	details?: {
		readonly nodes?: readonly string[];
		readonly fixes?: readonly string[];
	},
) => Finding;

/** A rule that looks: it says nothing about what is not known. */
export type Rule = RuleText & {
	check(context: CheckContext): readonly Finding[];
};

/** Makes a rule of its text and of a function that reports what does not hold. */
export const rule = (
	text: RuleText,
	check: (context: CheckContext, report: Report) => readonly Finding[],
): Rule => ({
	...text,
	check: (context) =>
		check(context, (severity, message, {nodes = [], fixes = []} = {}) => ({
			id: text.id,
			severity,
			message,
			nodes,
			fixes,
			source: text.source,
		})),
});

/** Names in a sentence: `fra1, nuc, and pi4`. */
export const inWords = (names: readonly string[]): string =>
	new Intl.ListFormat('en', {type: 'conjunction'}).format(names);

/** Asks one question about every node that has been looked at. */
export const each = (
	{cluster, facts}: CheckContext,
	question: (host: HostFacts, node: NodeSpec) => Finding | undefined,
): readonly Finding[] =>
	cluster.nodes.flatMap((node) => {
		const host = facts.get(node.name);
		const answer = host === undefined ? undefined : question(host, node);
		return answer === undefined ? [] : [answer];
	});
