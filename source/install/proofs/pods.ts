import {verifyPodNetwork} from '../../host/scripts/verify-pods.js';
import type {Proof} from '../events.js';
import type {Prover} from '../steps/verify.js';

/** A name that every cluster DNS answers. */
const dnsName = 'kubernetes.default.svc.cluster.local';

/** From the network of this node's pod: reaches the pods of all other nodes, and asks the cluster DNS. */
export const provePods: Prover = async (nodeName, ground, context) => {
	const others = ground.participants.filter((name) => name !== nodeName);
	const own = ground.pods.get(nodeName)?.address;
	const pair = (to: string, ok: boolean, detail: string): Proof => ({
		kind: 'pod-to-pod',
		from: nodeName,
		to,
		ok,
		detail,
	});
	const dns = (ok: boolean, detail: string): Proof => ({
		kind: 'dns',
		from: nodeName,
		to: undefined,
		ok,
		detail,
	});
	if (own === undefined) {
		const reason = `no pod runs on ${nodeName}: ${ground.podProblems.get(nodeName) ?? 'it was not started'}`;
		return [
			...others.map((to) => pair(to, false, reason)),
			...(ground.dnsServer === undefined ? [] : [dns(false, reason)]),
		];
	}

	const targets = others
		.map((name) => ground.pods.get(name)?.address)
		.filter((address) => address !== undefined);
	const reach = await context.host.run(
		verifyPodNetwork,
		{podAddress: own, targets, dnsServer: ground.dnsServer, dnsName},
		{signal: context.signal},
	);
	const pairs = others.map((to) => {
		const address = ground.pods.get(to)?.address;
		if (address === undefined) {
			return pair(
				to,
				false,
				`no pod runs on ${to}: ${ground.podProblems.get(to) ?? 'it was not started'}`,
			);
		}

		const ping = reach.pings.find((result) => result.address === address);
		return pair(
			to,
			ping?.ok ?? false,
			ping?.ok
				? `${own} reaches ${address} in ${ping.rttMs?.toFixed(1) ?? '?'} ms`
				: (reach.problem ??
						ping?.problem ??
						`${own} does not reach ${address}`),
		);
	});
	if (ground.dnsServer === undefined) {
		return pairs;
	}

	return [
		...pairs,
		dns(
			reach.dns?.ok ?? false,
			reach.dns?.ok
				? `${ground.dnsServer} knows ${dnsName}`
				: (reach.problem ??
						`${ground.dnsServer}: ${reach.dns?.detail ?? 'no answer'}`),
		),
	];
};
