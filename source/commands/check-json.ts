import type {HostFacts} from '../facts/host-facts.js';
import {requirementFinder} from '../mesh/requirement-of.js';
import type {
	CheckReport,
	FirewallFix,
	FixOutcome,
} from '../operations/operations.js';
import type {CheckJson} from './json/check-schema.js';
import type {FailedNode} from './session.js';

/** A check with all that belongs to it. */
export type CheckOutcome = {
	readonly report: CheckReport;
	readonly failed: readonly FailedNode[];
	readonly facts: ReadonlyMap<string, HostFacts>;
	readonly fixes: readonly FirewallFix[];
	/** What became of the fixes that were applied, by node. */
	readonly outcomes: ReadonlyMap<string, FixOutcome>;
	/** When it ended, ms since 1970. */
	readonly at: number;
};

const netcheckOf = (
	{measurements}: CheckReport,
	name: string,
): CheckJson['nodes'][number]['netcheck'] => {
	const known = measurements.netchecks.find(({node}) => node === name);
	if (known === undefined) {
		return undefined;
	}

	const {node, ...netcheck} = known;
	return netcheck;
};

const nodeJson = (
	{report, failed, facts}: CheckOutcome,
	node: CheckReport['cluster']['nodes'][number],
): CheckJson['nodes'][number] => {
	const {name} = node;
	const {conclusions, measurements} = report;
	const known = facts.get(name);
	const failure = failed.find((one) => one.node === name);
	const station = measurements.stations.find((one) => one.node === name);
	return {
		name,
		role: node.role,
		externalIp: node.externalIp,
		internalIp: node.internalIp,
		reached: known !== undefined,
		problem: failure?.message,
		tryNext: failure?.tryNext,
		...(known && {
			os: known.os.prettyName,
			architecture: known.architecture,
			kernel: known.kernel,
			k3s: known.k3s?.version,
			firewall: known.firewall.active ? known.firewall.kind : 'none',
			clockOffsetMs: known.clock.offsetMs,
		}),
		clockSkewMs: conclusions.clockSkewMs.get(name),
		probe: station && {
			rung: station.rung,
			interpreter: station.interpreter,
			problem: station.problem,
		},
		nat: conclusions.nat.get(name),
		netcheck: netcheckOf(report, name),
		meshMtu: conclusions.meshMtu.get(name),
	};
};

/** The object that `check --json` prints. A field is only ever added within one format version. */
export const checkReportJson = (outcome: CheckOutcome): CheckJson => {
	const {report, facts, fixes, outcomes, at} = outcome;
	const {cluster, measurements, conclusions, findings} = report;
	const requirementOf = requirementFinder({cluster, facts, measurements});
	return {
		format: 'k3s-mesh-tui/check/1',
		at,
		cluster: cluster.name,
		nodes: cluster.nodes.map((node) => nodeJson(outcome, node)),
		sites: conclusions.sites,
		cells: measurements.cells.map(
			({path, verdict, sent, answered, observedSource}) => ({
				...path,
				need: requirementOf(path)?.severity ?? 'none',
				verdict,
				sent,
				answered,
				observedSource,
			}),
		),
		latencies: measurements.latencies.map((latency) => ({
			...latency,
			...conclusions.gradeOf(latency),
		})),
		pathMtus: measurements.pathMtus,
		nat: measurements.nat,
		portToPort: measurements.portToPort,
		tailnetPaths: measurements.tailnetPaths,
		outbound: measurements.outbound,
		oneWay: conclusions.oneWay,
		etcd: conclusions.etcd,
		findings,
		fixes: fixes.map(({node, firewall, lines, paths}) => ({
			node,
			firewall,
			lines,
			paths,
			outcome: outcomes.get(node),
		})),
	};
};
