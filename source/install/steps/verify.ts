import {UserError} from '../../errors.js';
import type {Proof, ProofKind} from '../events.js';
import {proveApi} from '../proofs/api.js';
import {provePods} from '../proofs/pods.js';
import {proveMesh} from '../proofs/mesh.js';
import type {VerificationGround} from '../verification.js';
import {poll} from '../wait.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

type Action = ActionOf<'verify'>;

/** One group of proofs of one node: asked again until all are good or the time is over. */
export type Prover = (
	nodeName: string,
	ground: VerificationGround,
	context: StepContext,
) => Promise<readonly Proof[]>;

const provers: ReadonlyArray<{readonly what: string; readonly prove: Prover}> =
	[
		{what: 'proves the mesh', prove: proveMesh},
		{what: 'proves that pods reach each other', prove: provePods},
		{what: 'proves logs and metrics', prove: proveApi},
	];

const whatToTry: Readonly<Record<ProofKind, string>> = {
	'node-ready': 'kubectl describe node says why a node is not Ready.',
	handshake:
		"Open the mesh's UDP port between the two nodes, in both directions, and check again.",
	'mesh-ping':
		"Open the mesh's UDP port between the two nodes, in both directions, and check again.",
	'pod-to-pod':
		'When the mesh works and pods do not reach each other, a FORWARD rule or policy stands between: look at the firewall of both nodes.',
	dns: 'kubectl -n kube-system get pods -l k8s-app=kube-dns shows whether CoreDNS runs.',
	logs: 'The API reaches the kubelet of that node on TCP 10250: look at its log, and restart k3s-agent there.',
	metrics:
		'The metrics server reaches each node on TCP 10250 of its external address: open it between the nodes.',
};

/** A proof that cannot come true in this run, because a pod that it needs did not start. */
const lacksPod = (
	{kind, from, to}: Proof,
	{podProblems}: VerificationGround,
): boolean =>
	(kind === 'pod-to-pod' || kind === 'dns') &&
	[from, to].some((name) => name !== undefined && podProblems.has(name));

const startPods =
	'Where an image cannot be pulled, open the way to its registry, or put the images of K3s into /var/lib/rancher/k3s/agent/images on that node.';

const describe = ({kind, from, to, detail}: Proof): string =>
	`${kind} ${from}${to === undefined ? '' : ` → ${to}`}: ${detail}`;

/** Proves a node's mesh, pods, DNS, logs and metrics. It changes nothing that stays. */
export const verify: StepHandler<Action> = {
	check: async () => false,
	async act({nodeName}, context) {
		const {tell, step, signal, waitLimitMs, pollMs} = context;
		const deadlineAt = context.now() + waitLimitMs;
		tell.waiting('waits for a pod on each node', deadlineAt);
		const ground = await context.verification.ground();
		if (ground.dnsServer === undefined) {
			tell.log(
				'This cluster has no DNS service of its own (kube-dns): DNS is not proven.',
			);
		}

		const played = ground.standIns.get(nodeName);
		if (played) {
			tell.log(
				`The pod has no image, and a network namespace (${played.address}) plays it: ${played.reason}`,
			);
		}

		const bad: Proof[] = [];
		for (const {what, prove} of provers) {
			tell.now(what);
			const proofs = await poll({
				ask: async () => prove(nodeName, ground, context),
				good: (answer) =>
					answer.every((proof) => proof.ok || lacksPod(proof, ground)),
				pauseMs: pollMs,
				limitMs: waitLimitMs,
				signal,
				onAnswer(answer) {
					const first = answer.find(({ok}) => !ok);
					if (first) {
						tell.waiting(describe(first), deadlineAt);
					}
				},
			});
			for (const proof of proofs) {
				tell.proof(proof);
				if (!proof.ok) {
					bad.push(proof);
				}
			}
		}

		const [first] = bad;
		if (first) {
			for (const proof of bad) {
				tell.log(describe(proof));
			}

			throw new UserError(
				`${bad.length === 1 ? 'one proof is missing' : `${bad.length} proofs are missing`}: ${describe(first)}`,
				{
					node: step.node,
					tryNext: [
						...new Set(
							bad.map((proof) =>
								lacksPod(proof, ground) ? startPods : whatToTry[proof.kind],
							),
						),
					],
				},
			);
		}

		return 'unchanged';
	},
	async verify() {
		// It is the verification.
	},
};
