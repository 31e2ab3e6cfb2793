import type {Role} from '../../cluster/schema.js';
import type {Latency} from '../../facts/measurements.js';
import {usesEmbeddedEtcd} from '../../mesh/k3s-requirements.js';
import type {CheckContext} from '../rule.js';
import {thresholds} from '../thresholds.js';
import type {Conclusions, LatencyGrade} from './conclusions.js';

/** What runs over a pair, by the roles of its ends, and how long it may take. */
type Use = {
	/** Up to here it is good, in ms. */
	readonly good: number;
	/** Up to here it is fair, in ms; above it is poor. */
	readonly fair: number;
	readonly reasons: Readonly<Record<LatencyGrade, string>>;
};

const etcdUse: Use = {
	good: thresholds.serverLatencyMs.warning,
	fair: thresholds.serverLatencyMs.error,
	reasons: {
		good: 'near enough for embedded etcd, which waits for a round trip with every write',
		fair: `embedded etcd waits for a round trip with every write, and wants less than ${thresholds.serverLatencyMs.warning} ms`,
		poor: `too far for embedded etcd: above ${thresholds.serverLatencyMs.error} ms every write is felt, and members lose each other`,
	},
};

const serverUse: Use = {
	good: thresholds.agentLatencyMs.fair,
	fair: thresholds.agentLatencyMs.warning,
	reasons: {
		good: 'short enough for the Kubernetes API and the kubelets',
		fair: `kubectl and new pods answer with a delay that is noticed above ${thresholds.agentLatencyMs.fair} ms`,
		poor: `above ${thresholds.agentLatencyMs.warning} ms kubectl logs, exec and new pods feel slow`,
	},
};

const podUse: Use = {
	good: thresholds.podLatencyMs.fair,
	fair: thresholds.podLatencyMs.warning,
	reasons: {
		good: 'short enough for pods that call each other',
		fair: `pods that call each other many times are felt to wait above ${thresholds.podLatencyMs.fair} ms`,
		poor: `above ${thresholds.podLatencyMs.warning} ms pods that call each other are slow: keep such pods on nodes that are near`,
	},
};

const worse: Readonly<Record<LatencyGrade, number>> = {
	good: 0,
	fair: 1,
	poor: 2,
};

const lossGrade = (loss: number): LatencyGrade => {
	if (loss > thresholds.loss.poor) {
		return 'poor';
	}

	return loss > thresholds.loss.warning ? 'fair' : 'good';
};

/** Makes the function that grades a measured round trip by what runs between the roles of its two ends. */
export const latencyGrades = (
	context: CheckContext,
): Conclusions['gradeOf'] => {
	const roles = new Map<string, Role>(
		context.cluster.nodes.map(({name, role}) => [name, role]),
	);
	const embedded = usesEmbeddedEtcd(context);
	const useOf = ({from, to}: Latency): Use => {
		const ends = [roles.get(from), roles.get(to)];
		if (embedded && ends.every((role) => role === 'server')) {
			return etcdUse;
		}

		// This machine has no role: kubectl talks from it to a server.
		return ends.every((role) => role === 'agent') ? podUse : serverUse;
	};

	return (latency) => {
		const {medianMs, loss} = latency;
		const {good, fair, reasons} = useOf(latency);
		const slow = medianMs <= fair ? 'fair' : 'poor';
		const byTime: LatencyGrade = medianMs <= good ? 'good' : slow;
		const byLoss = lossGrade(loss);
		return worse[byLoss] > worse[byTime]
			? {
					grade: byLoss,
					reason: `${Math.round(loss * 100)} % of the packets got lost, and every loss makes TCP wait`,
				}
			: {grade: byTime, reason: reasons[byTime]};
	};
};
