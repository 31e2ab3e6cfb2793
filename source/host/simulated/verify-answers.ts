import {
	verifyClusterDns,
	verifyKubelet,
	verifyLogs,
	verifyMetrics,
} from '../scripts/verify-api.js';
import {verifyPodNetwork} from '../scripts/verify-pod-network.js';
import {
	verifyPodsDown,
	verifyPodsList,
	verifyPodsName,
	verifyPodsUp,
} from '../scripts/verify-pods.js';
import type {PingResult} from '../scripts/verify-ping.js';
import {
	verifyStandInDown,
	verifyStandInUp,
} from '../scripts/verify-stand-in.js';
import {
	verifyHandshakes,
	verifyPing,
	type Handshakes,
} from '../scripts/verify.js';
import {answerTo, type Answer} from './answer.js';
import {servedCluster, wireguardKeyOf} from './k3s-answers.js';
import type {Machine, RegisteredNode, SimulatedCluster} from './machine.js';
import {follow, roundTrip} from './network.js';
import type {Scene} from './scene.js';
import {shareTailnet, usesTailnet} from './tailnet.js';

/** WireGuard meets where a tailnet carries it, or when one direction is open: the other side learns where answers go. */
export const meets = (
	scene: Scene,
	one: Machine,
	node: RegisteredNode,
): boolean => {
	const other = node.machine;
	if (usesTailnet(node)) {
		return one === other || shareTailnet(one, other);
	}

	const arrives = (from: Machine, to: Machine) =>
		follow(scene, from, {
			address: to.spec.externalIp,
			protocol: 'udp',
			port: 51_820,
		}).kind === 'arrives';
	return one === other || arrives(one, other) || arrives(other, one);
};

/** Address number `last` in the network of a node's pods: 0 is the mesh interface, 1 cni0, 5 the pod of verification. */
const inPodCidr = ({podCidr}: RegisteredNode, last: number): string =>
	podCidr.replace(/\d+\/\d+$/, String(last));

const podNumber = 5;

const podName = ({name}: RegisteredNode): string => `${verifyPodsName}-${name}`;

const pingAll = (
	scene: Scene,
	machine: Machine,
	targets: readonly string[],
): readonly PingResult[] => {
	const nodes = [...(machine.k3s.cluster?.nodes.values() ?? [])];
	return targets.map((address) => {
		const node = nodes.find((candidate) =>
			[0, 1, podNumber].some((last) => inPodCidr(candidate, last) === address),
		);
		const ok =
			node?.machine.k3s.unit.activeState === 'active' &&
			meets(scene, machine, node);
		return {
			address,
			ok,
			rttMs: ok ? roundTrip(scene, machine, node.machine) : undefined,
			problem: undefined,
		};
	});
};

const dnsAddress = ({serviceCidr}: SimulatedCluster): string =>
	serviceCidr.replace(/\d+\/\d+$/, '10');

/** What verification sees on simulated machines. */
export const verifyAnswers: readonly Answer[] = [
	answerTo(verifyHandshakes, ({scene, machine}): Handshakes => ({
		available: true,
		peers: [...(machine.k3s.cluster?.nodes.values() ?? [])]
			.filter((node) => node.machine !== machine)
			.map((node) => ({
				publicKey: wireguardKeyOf(node),
				ageSeconds: meets(scene, machine, node)
					? 5 + Math.floor(scene.random() * 60)
					: undefined,
			})),
	})),
	answerTo(verifyPing, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(800, signal);
		return pingAll(scene, machine, input.targets);
	}),
	answerTo(verifyClusterDns, ({machine, node}) => ({
		address: dnsAddress(servedCluster(machine, node, verifyClusterDns.name)),
	})),
	answerTo(verifyPodsUp, async ({scene, machine, node, signal}) => {
		await scene.pace.pass(600, signal);
		servedCluster(machine, node, verifyPodsUp.name).verifying = true;
		return {image: 'rancher/mirrored-pause:3.6'};
	}),
	answerTo(verifyPodsList, async ({scene, machine, node, signal}) => {
		await scene.pace.pass(300, signal);
		const cluster = servedCluster(machine, node, verifyPodsList.name);
		return cluster.verifying
			? [...cluster.nodes.values()].map((registered) => ({
					name: podName(registered),
					node: registered.name,
					address: registered.ready
						? inPodCidr(registered, podNumber)
						: undefined,
					running: registered.ready,
					reason: registered.ready ? undefined : 'ContainerCreating',
				}))
			: [];
	}),
	answerTo(verifyPodsDown, ({machine, node}) => {
		servedCluster(machine, node, verifyPodsDown.name).verifying = false;
	}),
	// The model's machines have the image, so nothing ever plays a pod there.
	answerTo(verifyStandInUp, () => ({
		problem: 'the simulated machines run real pods only',
	})),
	answerTo(verifyStandInDown, () => undefined),
	answerTo(verifyPodNetwork, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(900, signal);
		const reach = {
			pings: pingAll(scene, machine, input.targets),
			dns: input.dnsServer === undefined ? undefined : {ok: true, detail: ''},
		};
		const own = [...(machine.k3s.cluster?.nodes.values() ?? [])].find(
			(node) => node.machine === machine,
		);
		const address = own && inPodCidr(own, podNumber);
		return address === input.podAddress &&
			machine.k3s.cluster?.verifying === true
			? {problem: undefined, ...reach}
			: {
					problem: `no network namespace with ${input.podAddress} was found`,
					pings: [],
					dns: undefined,
				};
	}),
	answerTo(verifyLogs, async ({scene, machine, node, input, signal}) => {
		await scene.pace.pass(500, signal);
		const cluster = servedCluster(machine, node, verifyLogs.name);
		const names = new Set(
			[...cluster.nodes.values()].map((registered) => podName(registered)),
		);
		return new Map(
			input.pods.map((pod) => [
				pod,
				names.has(pod)
					? {ok: true, detail: ''}
					: {ok: false, detail: `pods "${pod}" not found`},
			]),
		);
	}),
	answerTo(verifyKubelet, ({machine, node, input}) => {
		const cluster = servedCluster(machine, node, verifyKubelet.name);
		return cluster.nodes.get(input.node)?.ready
			? {ok: true, detail: ''}
			: {ok: false, detail: `the kubelet of ${input.node} does not answer`};
	}),
	answerTo(verifyMetrics, async ({scene, machine, node, signal}) => {
		await scene.pace.pass(500, signal);
		const cluster = servedCluster(machine, node, verifyMetrics.name);
		return [...cluster.nodes.values()]
			.filter(({ready}) => ready)
			.map(({name}) => name);
	}),
];
