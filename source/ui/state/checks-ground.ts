import {conclude} from '../../checks/conclusions/conclude.js';
import type {Conclusions} from '../../checks/conclusions/conclusions.js';
import type {JudgedFinding} from '../../checks/finding.js';
import type {Cluster} from '../../cluster/schema.js';
import type {HostFacts} from '../../facts/host-facts.js';
import {noMeasurements, type Path} from '../../facts/measurements.js';
import type {Requirement} from '../../mesh/mesh.js';
import {requirementFinder} from '../../mesh/requirement-of.js';
import type {CheckReport} from '../../operations/operations.js';
import {judgedNow} from './checks-model.js';
import {groupFindings, type FindingGroup} from './finding-groups.js';

const severityOrder = {error: 0, warning: 1, info: 2} as const;

/** Nodes that could not be contacted stand among the findings: nothing can override them. */
export const unreachedId = 'node.unreachable';

const findingsOf = (
	report: CheckReport | undefined,
	ignore: readonly string[],
): readonly JudgedFinding[] =>
	report === undefined
		? []
		: [
				...[...report.failed].map(([node, message]): JudgedFinding => ({
					id: unreachedId,
					severity: 'error',
					message: `${node}: ${message}`,
					nodes: [node],
					fixes: ['Mend it or take the node off the list (Esc to Nodes).'],
					source: 'the connection itself',
					ignored: false,
				})),
				...judgedNow(report, ignore).toSorted(
					(one, other) =>
						Number(one.ignored) - Number(other.ignored) ||
						severityOrder[one.severity] - severityOrder[other.severity],
				),
			];

/** What is asked and what it means: it changes with the cluster and with a report, not with every event. */
export type ChecksGround = {
	readonly cluster: Cluster;
	readonly facts: ReadonlyMap<string, HostFacts>;
	readonly requirementOf: (path: Path) => Requirement | undefined;
	readonly conclusions: Conclusions;
	readonly findings: readonly FindingGroup[];
};

export const checksGround = (
	cluster: Cluster,
	facts: ReadonlyMap<string, HostFacts>,
	report: CheckReport | undefined,
): ChecksGround => {
	const measurements = report?.measurements ?? noMeasurements;
	const context = {cluster, facts, measurements};
	return {
		cluster,
		facts,
		requirementOf: requirementFinder(context),
		conclusions: report?.conclusions ?? conclude(context),
		findings: groupFindings(findingsOf(report, cluster.ignore)),
	};
};
