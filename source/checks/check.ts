import {meshOf} from '../mesh/catalogue.js';
import type {Finding, JudgedFinding} from './finding.js';
import type {CheckContext} from './rule.js';
import {rules} from './rules.js';

const ranks: Readonly<Record<Finding['severity'], number>> = {
	error: 0,
	warning: 1,
	info: 2,
};

/** Applies every rule. The worst comes first; rules are silent about what is not known. */
export const checkAll = (context: CheckContext): readonly Finding[] =>
	[
		...meshOf(context.cluster).findings(context),
		...rules.flatMap((rule) => rule.check(context)),
	].toSorted((one, other) => ranks[one.severity] - ranks[other.severity]);

/** Marks the findings that the user has overridden, by id. */
export const judge = (
	findings: readonly Finding[],
	ignore: readonly string[],
): readonly JudgedFinding[] =>
	findings.map((finding) => ({
		...finding,
		ignored: ignore.includes(finding.id),
	}));
