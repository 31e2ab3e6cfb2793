import type {HostFacts} from '../facts/host-facts.js';
import type {CheckReport} from '../operations/operations.js';
import type {FailedNode} from './session.js';

/** The object that `check --json` prints. A field is only ever added within one format version. */
export const checkReportJson = (
	report: CheckReport,
	failed: readonly FailedNode[],
	facts: ReadonlyMap<string, HostFacts>,
) => ({
	format: 'k3s-mesh-tui/check/1',
	cluster: report.cluster.name,
	nodes: report.cluster.nodes.map((node) => {
		const known = facts.get(node.name);
		return {
			name: node.name,
			role: node.role,
			externalIp: node.externalIp,
			internalIp: node.internalIp,
			reached: known !== undefined,
			problem: failed.find((one) => one.node === node.name)?.message,
			tryNext: failed.find((one) => one.node === node.name)?.tryNext,
			...(known && {
				os: known.os.prettyName,
				architecture: known.architecture,
				kernel: known.kernel,
				k3s: known.k3s?.version,
				firewall: known.firewall.active ? known.firewall.kind : 'none',
				clockOffsetMs: known.clock.offsetMs,
			}),
		};
	}),
	cells: report.measurements.cells.map((cell) => ({
		...cell.path,
		verdict: cell.verdict,
		sent: cell.sent,
		answered: cell.answered,
		observedSource: cell.observedSource,
	})),
	latencies: report.measurements.latencies,
	pathMtus: report.measurements.pathMtus,
	findings: report.findings,
});
