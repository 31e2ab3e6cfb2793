import {
	verifyKubelet,
	verifyLogs,
	verifyMetrics,
} from '../../host/scripts/verify-api.js';
import type {Proof} from '../events.js';
import type {Prover} from '../steps/verify.js';

/** Reads logs and metrics of the node through the API of the first server. */
export const proveApi: Prover = async (nodeName, ground, context) => {
	const host = await context.verification.firstServer();
	const {signal} = context;
	const proofs: Proof[] = [];
	const pod = ground.pods.get(nodeName);
	if (pod) {
		const logs = await host.run(verifyLogs, {pods: [pod.name]}, {signal});
		const answer = logs.get(pod.name);
		proofs.push({
			kind: 'logs',
			from: nodeName,
			to: undefined,
			ok: answer?.ok ?? false,
			detail: answer?.ok
				? `the logs of ${pod.name} can be read`
				: (answer?.detail ?? 'the API gave no answer'),
		});
	}

	const played = ground.standIns.get(nodeName);
	if (played) {
		const answer = await host.run(verifyKubelet, {node: nodeName}, {signal});
		const standIn = `no pod of ours has logs on ${nodeName} (${played.why}): its kubelet was asked instead`;
		proofs.push({
			kind: 'logs',
			from: nodeName,
			to: undefined,
			ok: answer.ok,
			standIn,
			detail: answer.ok
				? `its kubelet answers through the API; ${standIn}`
				: `its kubelet does not answer through the API: ${answer.detail}`,
		});
	}

	if (context.verification.metricsExpected) {
		const nodes = await host.run(verifyMetrics, {}, {signal});
		const ok = nodes?.includes(nodeName) ?? false;
		proofs.push({
			kind: 'metrics',
			from: nodeName,
			to: undefined,
			ok,
			detail: ok
				? 'the metrics server has its metrics'
				: nodes === undefined
					? 'the metrics server does not answer yet'
					: 'the metrics server has nothing of it yet',
		});
	}

	return proofs;
};
