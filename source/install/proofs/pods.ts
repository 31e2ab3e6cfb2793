import {verifyPodNetwork} from '../../host/scripts/verify-pod-network.js';
import type {Proof} from '../events.js';
import type {Prover} from '../steps/verify.js';
import type {VerificationGround} from '../verification.js';

/** A name that every cluster DNS answers. */
const dnsName = 'kubernetes.default.svc.cluster.local';

const addressOn = (
	{pods, standIns}: VerificationGround,
	name: string,
): string | undefined => (pods.get(name) ?? standIns.get(name))?.address;

const whyNone = ({podProblems}: VerificationGround, name: string): string =>
	`no pod runs on ${name}: ${podProblems.get(name) ?? 'it was not started'}`;

/** What plays pods on these nodes, for people; `undefined` when all have real ones. */
const standInOf = (
	{standIns}: VerificationGround,
	names: readonly string[],
): string | undefined => {
	const played = names.filter((name) => standIns.has(name));
	return played.length === 0
		? undefined
		: `network namespaces play the pods of ${played.map((name) => `${name} (${standIns.get(name)!.why})`).join(' and ')}`;
};

/** From the network of this node's pod: reaches the pods of all other nodes, and asks the cluster DNS. */
export const provePods: Prover = async (nodeName, ground, context) => {
	const others = ground.participants.filter((name) => name !== nodeName);
	const own = addressOn(ground, nodeName);
	const proof = (
		kind: 'pod-to-pod' | 'dns',
		to: string | undefined,
		ok: boolean,
		detail: string,
	): Proof => {
		const standIn = standInOf(
			ground,
			to === undefined ? [nodeName] : [nodeName, to],
		);
		return {
			kind,
			from: nodeName,
			to,
			ok,
			detail: standIn === undefined ? detail : `${detail}; ${standIn}`,
			...(standIn !== undefined && {standIn}),
		};
	};

	if (own === undefined) {
		const reason = whyNone(ground, nodeName);
		return [
			...others.map((to) => proof('pod-to-pod', to, false, reason)),
			...(ground.dnsServer === undefined
				? []
				: [proof('dns', undefined, false, reason)]),
		];
	}

	const targets = others
		.map((name) => addressOn(ground, name))
		.filter((address) => address !== undefined);
	const reach = await context.host.run(
		verifyPodNetwork,
		{podAddress: own, targets, dnsServer: ground.dnsServer, dnsName},
		{signal: context.signal},
	);
	const pairs = others.map((to) => {
		const address = addressOn(ground, to);
		if (address === undefined) {
			return proof('pod-to-pod', to, false, whyNone(ground, to));
		}

		const ping = reach.pings.find((result) => result.address === address);
		return proof(
			'pod-to-pod',
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
		proof(
			'dns',
			undefined,
			reach.dns?.ok ?? false,
			reach.dns?.ok
				? `${ground.dnsServer} knows ${dnsName}`
				: (reach.problem ??
						`${ground.dnsServer}: ${reach.dns?.detail ?? 'no answer'}`),
		),
	];
};
