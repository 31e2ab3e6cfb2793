import type {Host} from '../host/host.js';
import type {NodeObject} from '../host/scripts/k3s-read.js';
import {verifyClusterDns} from '../host/scripts/verify-api.js';
import {
	verifyPodsDown,
	verifyPodsList,
	verifyPodsUp,
	type VerifyPod,
} from '../host/scripts/verify-pods.js';
import {
	verifyStandInDown,
	verifyStandInUp,
} from '../host/scripts/verify-stand-in.js';
import type {MeshProof} from '../mesh/mesh.js';
import type {NodeReader} from './node-reader.js';
import {orPassing, poll} from './wait.js';

/** What verification of one node stands on: the same for all nodes of a run. */
export type VerificationGround = {
	/** The nodes that take part, those that became ready, by their name in the cluster file. */
	readonly participants: readonly string[];
	readonly nodes: readonly NodeObject[];
	/** A pod of each participant, by node name; one is missing when it did not start. */
	readonly pods: ReadonlyMap<string, VerifyPod>;
	/** What plays the pod of a participant whose image cannot be had, by node name. */
	readonly standIns: ReadonlyMap<string, PlayedPod>;
	/** Why pods are missing and nothing plays them, by node name. */
	readonly podProblems: ReadonlyMap<string, string>;
	/** `undefined` when the cluster has no DNS of its own. */
	readonly dnsServer: string | undefined;
};

/** A network namespace in place of a pod. */
export type PlayedPod = {
	readonly address: string;
	/** Kubernetes' word for why there is no pod. */
	readonly why: string;
	/** The same in full, for a log. */
	readonly reason: string;
};

/** Verification of a whole cluster: what its nodes have in common is set up once. */
export type Verification = {
	readonly proof: MeshProof;
	/** Is the packaged metrics server part of this cluster? */
	readonly metricsExpected: boolean;
	/** Starts the pods on first call; later calls get the same answer. */
	ground(): Promise<VerificationGround>;
	/** A host of the cluster that runs the API. */
	firstServer(): Promise<Host>;
	/** Takes the pods away again, when there are any. Never throws. */
	close(): Promise<void>;
};

/** How often the DNS service is looked for before the cluster counts as one without. */
const dnsLooks = 5;

/** At how many looks on end images must be all that is missing before something else plays the pods. */
const imageLooks = 5;

/** How long the clean-up may take, in ms: a person who has stopped the run does not wait long. */
const closeLimitMs = {ended: 60_000, stopped: 5000};

const missingPods = (
	pods: readonly VerifyPod[],
	participants: readonly string[],
): readonly string[] =>
	participants.filter(
		(name) =>
			!pods.some(
				(pod) => pod.node === name && pod.running && pod.address !== undefined,
			),
	);

const lacksImage = (pods: readonly VerifyPod[], name: string): boolean =>
	pods.some(
		({node, imageProblem}) => node === name && imageProblem !== undefined,
	);

/** Prepares verification; nothing is done before `ground` is called. */
export const makeVerification = (options: {
	readonly proof: MeshProof;
	readonly metricsExpected: boolean;
	readonly dnsExpected: boolean;
	readonly participants: () => readonly string[];
	readonly nodes: NodeReader;
	readonly firstServer: () => Promise<Host>;
	readonly hostOf: (node: string) => Promise<Host>;
	readonly limitMs: number;
	readonly pollMs: number;
	readonly signal: AbortSignal;
}): Verification => {
	const {firstServer, signal, pollMs, limitMs} = options;
	let started: Promise<VerificationGround> | undefined;
	let podsAsked = false;
	/** The nodes on which something may play a pod. */
	const played = new Set<string>();

	const listPods = async (): Promise<readonly VerifyPod[]> => {
		const host = await firstServer();
		return host.run(verifyPodsList, {}, {signal});
	};

	/** Plays the pod of a node; the text says why that cannot be. */
	const play = async (
		name: string,
		pod: VerifyPod,
	): Promise<PlayedPod | string> => {
		const reason = pod.reason ?? 'its image cannot be had';
		const nothing = (why: string) =>
			`${reason}; and nothing can play it: ${why}`;
		try {
			const host = await options.hostOf(name);
			played.add(name);
			const standIn = await host.run(verifyStandInUp, {}, {signal});
			return 'problem' in standIn
				? nothing(standIn.problem)
				: {
						address: standIn.address,
						why: pod.imageProblem ?? 'no image',
						reason,
					};
		} catch (error) {
			signal.throwIfAborted();
			return nothing(error instanceof Error ? error.message : String(error));
		}
	};

	const setUp = async (): Promise<VerificationGround> => {
		const participants = options.participants();
		const host = await firstServer();
		podsAsked = true;
		// A server that has just booted takes its time, too.
		const begun = await poll({
			ask: async () => orPassing(host.run(verifyPodsUp, {}, {signal})),
			good: (answer) => !(answer instanceof Error),
			pauseMs: pollMs,
			limitMs,
			signal,
		});
		if (begun instanceof Error) {
			throw begun;
		}

		let onlyImages = 0;
		const list = await poll({
			ask: async () => orPassing(listPods()),
			good(pods) {
				if (pods instanceof Error) {
					return false;
				}

				const lacking = missingPods(pods, participants);
				onlyImages = lacking.every((name) => lacksImage(pods, name))
					? onlyImages + 1
					: 0;
				return lacking.length === 0 || onlyImages === imageLooks;
			},
			pauseMs: pollMs,
			limitMs,
			signal,
		});
		if (list instanceof Error) {
			throw list;
		}

		const missing = missingPods(list, participants);
		const answers = new Map(
			await Promise.all(
				missing.map(async (name) => {
					const pod = list.find(({node}) => node === name);
					return [
						name,
						pod?.imageProblem === undefined
							? (pod?.reason ?? 'the pod was not started')
							: await play(name, pod),
					] as const;
				}),
			),
		);
		// K3s adds its packaged components some seconds after its API.
		const dns = options.dnsExpected
			? await poll({
					ask: async () => host.run(verifyClusterDns, {}, {signal}),
					good: ({address}) => address !== undefined,
					pauseMs: pollMs,
					limitMs: Math.min(limitMs, pollMs * dnsLooks),
					signal,
				})
			: {address: undefined};
		return {
			participants,
			nodes: await options.nodes.read(),
			pods: new Map(
				list
					.filter((pod) => !missing.includes(pod.node))
					.map((pod) => [pod.node, pod]),
			),
			standIns: new Map(
				[...answers].flatMap(([name, answer]) =>
					typeof answer === 'string' ? [] : [[name, answer]],
				),
			),
			podProblems: new Map(
				[...answers].flatMap(([name, answer]) =>
					typeof answer === 'string' ? [[name, answer]] : [],
				),
			),
			dnsServer: dns.address,
		};
	};

	return {
		proof: options.proof,
		metricsExpected: options.metricsExpected,
		firstServer,
		async ground() {
			started ??= setUp();
			try {
				return await started;
			} catch (error) {
				started = undefined;
				throw error;
			}
		},
		async close() {
			started = undefined;
			if (!podsAsked) {
				return;
			}

			podsAsked = false;
			const limit = {
				signal: AbortSignal.timeout(
					signal.aborted ? closeLimitMs.stopped : closeLimitMs.ended,
				),
			};
			// The pods do nothing and the next verification takes them over; what plays a pod ends by itself.
			await Promise.allSettled([
				(async () => {
					const host = await firstServer();
					await host.run(verifyPodsDown, {}, limit);
				})(),
				...[...played].map(async (name) => {
					const host = await options.hostOf(name);
					await host.run(verifyStandInDown, {}, limit);
				}),
			]);
			played.clear();
		},
	};
};
