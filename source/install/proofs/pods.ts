import {addressFamily} from '../../cluster/addresses.js';
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

/** All addresses of what is on a node; those of the family that all have come first. */
const addressesOn = (
	ground: VerificationGround,
	name: string,
): readonly string[] => {
	const address = addressOn(ground, name);
	return address === undefined
		? []
		: [address, ...(ground.pods.get(name)?.furtherAddresses ?? [])];
};

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

	const ownAddresses = addressesOn(ground, nodeName);
	/** Addresses of another pod in the families that this one has. */
	const reachable = (name: string): readonly string[] =>
		addressesOn(ground, name).filter((address) =>
			ownAddresses.some((one) => addressFamily(one) === addressFamily(address)),
		);
	const targets = others.flatMap((name) => reachable(name));
	const reach = await context.host.run(
		verifyPodNetwork,
		{podAddress: own, targets, dnsServer: ground.dnsServer, dnsName},
		{signal: context.signal},
	);
	const from = (address: string): string =>
		ownAddresses.find((one) => addressFamily(one) === addressFamily(address))!;
	const pairs = others.map((to) => {
		const addresses = reachable(to);
		if (addresses.length === 0) {
			return proof('pod-to-pod', to, false, whyNone(ground, to));
		}

		const answers = addresses.map((address) => ({
			address,
			ping: reach.pings.find((result) => result.address === address),
		}));
		const failed = answers.filter(({ping}) => ping?.ok !== true);
		return proof(
			'pod-to-pod',
			to,
			failed.length === 0,
			(failed.length === 0 ? answers : failed)
				.map(({address, ping}) =>
					ping?.ok
						? `${from(address)} reaches ${address} in ${ping.rttMs?.toFixed(1) ?? '?'} ms`
						: (reach.problem ??
							ping?.problem ??
							`${from(address)} does not reach ${address}`),
				)
				.join('; '),
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
