import {UserError, describeError} from '../../errors.js';
import type {Proof, ProofKind} from '../events.js';
import {proveApi} from '../proofs/api.js';
import {provePods} from '../proofs/pods.js';
import {proveMesh} from '../proofs/mesh.js';
import {proveTailnet} from '../proofs/tailnet.js';
import {vxlanHint} from '../proofs/vxlan-hint.js';
import type {VerificationGround} from '../verification.js';
import {failureText} from '../failure.js';
import {isUnreachable} from '../reach.js';
import {orPassing, poll} from '../wait.js';
import {whyDown} from '../why-down.js';
import type {ActionOf, StepContext, StepHandler, StepOutcome} from './step.js';

type Action = ActionOf<'verify'>;

/** One group of proofs of one node: asked again until all are good or the time is over. */
export type Prover = (
	nodeName: string,
	ground: VerificationGround,
	context: StepContext,
) => Promise<readonly Proof[]>;

const provers: ReadonlyArray<{readonly what: string; readonly prove: Prover}> =
	[
		{what: 'proves the tailnet', prove: proveTailnet},
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
	tailnet:
		'Look on that node: tailscale status. K3s shows the address that it had when it started.',
	route:
		'Approve the pod network of the other node in the tailnet, and see that the policy lets the nodes reach it.',
	'tailnet-path':
		'Open TCP 443 outwards on both nodes, which relays need, and let the policy of the tailnet have the nodes reach each other.',
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

/** Asks for proofs until all are good or the time is over. An API that is away for a moment is asked again. */
const askProofs = async (
	prove: Prover,
	{nodeName}: Action,
	ground: VerificationGround,
	{context, deadlineAt, endsAt}: Limits,
): Promise<readonly Proof[]> => {
	const {tell, signal, pollMs} = context;
	const proofs = await poll({
		ask: async () => orPassing(prove(nodeName, ground, context)),
		good: (answer) =>
			!(answer instanceof Error) &&
			answer.every((proof) => proof.ok || lacksPod(proof, ground)),
		pauseMs: pollMs,
		limitMs: endsAt - performance.now(),
		signal,
		onAnswer(answer) {
			const first =
				answer instanceof Error ? answer : answer.find(({ok}) => !ok);
			if (first !== undefined) {
				tell.waiting(
					first instanceof Error ? describeError(first) : describe(first),
					deadlineAt,
				);
			}
		},
	});
	if (proofs instanceof Error) {
		throw proofs;
	}

	return proofs;
};

/** Until when proofs are asked for. */
type Limits = {
	readonly context: StepContext;
	/** By the run's clock, for people. */
	readonly deadlineAt: number;
	/** The same by the monotonic clock. */
	readonly endsAt: number;
};

const proveAll = async (
	action: Action,
	context: StepContext,
): Promise<StepOutcome> => {
	const {tell, step, waitLimitMs} = context;
	tell.waiting('waits for a pod on each node', context.now() + waitLimitMs);
	const ground = await context.verification.ground();
	if (ground.dnsServer === undefined) {
		tell.log(
			'This cluster has no DNS service of its own (kube-dns): DNS is not proven.',
		);
	}

	const played = ground.standIns.get(action.nodeName);
	if (played) {
		tell.log(
			`The pod has no image, and a network namespace (${played.address}) plays it: ${played.reason}`,
		);
	}

	const limits = {
		context,
		deadlineAt: context.now() + waitLimitMs,
		endsAt: performance.now() + waitLimitMs,
	};
	const bad: Proof[] = [];
	for (const {what, prove} of provers) {
		tell.now(what);
		for (const proof of await askProofs(prove, action, ground, limits)) {
			tell.proof(proof);
			if (!proof.ok) {
				bad.push(proof);
			}
		}
	}

	const [first] = bad;
	if (first) {
		const wrongClock = await context.clocks.wrong(
			[...new Set(bad.flatMap(({from, to}) => [from, ...(to ? [to] : [])]))],
			context.signal,
		);
		for (const proof of bad) {
			tell.log(describe(proof));
		}

		throw new UserError(
			`${wrongClock === undefined ? '' : `${wrongClock.text}; `}${bad.length === 1 ? 'one proof is missing' : `${bad.length} proofs are missing`}: ${describe(first)}`,
			{
				node: step.node,
				tryNext: wrongClock?.tryNext ?? [
					...new Set(
						bad.map((proof) =>
							lacksPod(proof, ground) ? startPods : whatToTry[proof.kind],
						),
					),
					...vxlanHint(
						bad.filter((proof) => !lacksPod(proof, ground)),
						context.verification.proof,
					),
				],
			},
		);
	}

	return 'unchanged';
};

/** Proves a node's mesh, pods, DNS, logs and metrics. It changes nothing that stays. */
export const verify: StepHandler<Action> = {
	check: async () => false,
	async act(action, context) {
		try {
			return await proveAll(action, context);
		} catch (error) {
			// A lost connection says nothing about K3s: the step is done again.
			context.signal.throwIfAborted();
			const down = isUnreachable(error) ? undefined : await whyDown(context);
			if (down === undefined) {
				throw error;
			}

			// What to do about proofs that are missing would lead away from it.
			throw new UserError(
				`${down.text}; ${failureText(error, context.step.node).message}`,
				{node: context.step.node, tryNext: down.tryNext, cause: error},
			);
		}
	},
	async verify() {
		// It is the verification.
	},
};
