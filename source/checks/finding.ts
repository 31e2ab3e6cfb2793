/** `error` blocks the install, `warning` asks, `info` is only told. */
export type Severity = 'error' | 'warning' | 'info';

/** What a rule has to say about a cluster. */
export type Finding = {
	/** Stable, such as `etcd.private-network`; can be overridden by `--ignore` and by `ignore:` in the cluster file. */
	readonly id: string;
	readonly severity: Severity;
	/** One or two sentences for people, with the values that led to it. */
	readonly message: string;
	/** The nodes that it is about, by name; empty when it is about the cluster. */
	readonly nodes: readonly string[];
	/** What to do about it, for people, most useful first; a command stands on a line of its own. */
	readonly fixes: readonly string[];
	/** Where the rule comes from: a docs page or an issue number. */
	readonly source: string;
};

/** A finding and what the user decided about it. */
export type JudgedFinding = Finding & {readonly ignored: boolean};

/** Findings that stop an install: errors that nobody has overridden. */
export const blockers = (
	findings: readonly JudgedFinding[],
): readonly JudgedFinding[] =>
	findings.filter(
		(finding) => finding.severity === 'error' && !finding.ignored,
	);
