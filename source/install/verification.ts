import type {Host} from '../host/host.js';
import type {NodeObject} from '../host/scripts/k3s-read.js';
import {verifyClusterDns} from '../host/scripts/verify-api.js';
import {
	verifyPodsDown,
	verifyPodsList,
	verifyPodsUp,
	type VerifyPod,
} from '../host/scripts/verify-pods.js';
import type {MeshProof} from '../mesh/mesh.js';
import type {NodeReader} from './node-reader.js';
import {poll} from './wait.js';

/** What verification of one node stands on: the same for all nodes of a run. */
export type VerificationGround = {
	/** The nodes that take part, those that became ready, by their name in the cluster file. */
	readonly participants: readonly string[];
	readonly nodes: readonly NodeObject[];
	/** A pod of each participant, by node name; one is missing when it did not start. */
	readonly pods: ReadonlyMap<string, VerifyPod>;
	/** Why pods are missing, by node name. */
	readonly podProblems: ReadonlyMap<string, string>;
	/** `undefined` when the cluster has no DNS of its own. */
	readonly dnsServer: string | undefined;
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

/** Prepares verification; nothing is done before `ground` is called. */
export const makeVerification = (options: {
	readonly proof: MeshProof;
	readonly metricsExpected: boolean;
	readonly dnsExpected: boolean;
	readonly participants: () => readonly string[];
	readonly nodes: NodeReader;
	readonly firstServer: () => Promise<Host>;
	readonly limitMs: number;
	readonly pollMs: number;
	readonly signal: AbortSignal;
}): Verification => {
	const {firstServer, signal, pollMs, limitMs} = options;
	let started: Promise<VerificationGround> | undefined;
	let podsAsked = false;

	const listPods = async (): Promise<readonly VerifyPod[]> => {
		const host = await firstServer();
		return host.run(verifyPodsList, {}, {signal});
	};

	const setUp = async (): Promise<VerificationGround> => {
		const participants = options.participants();
		const host = await firstServer();
		podsAsked = true;
		await host.run(verifyPodsUp, {}, {signal});
		const list = await poll({
			ask: listPods,
			good: (pods) => missingPods(pods, participants).length === 0,
			pauseMs: pollMs,
			limitMs,
			signal,
		});
		const missing = missingPods(list, participants);
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
			podProblems: new Map(
				missing.map((name) => [
					name,
					list.find(({node}) => node === name)?.reason ??
						'the pod was not started',
				]),
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
			try {
				const host = await firstServer();
				await host.run(
					verifyPodsDown,
					{},
					{
						signal: AbortSignal.timeout(
							signal.aborted ? closeLimitMs.stopped : closeLimitMs.ended,
						),
					},
				);
			} catch {
				// The pods do nothing and the next verification takes them over.
			}
		},
	};
};
