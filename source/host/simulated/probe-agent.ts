import type {
	Command,
	Message,
	Outcome,
	Place,
	Try,
} from '../../probe/messages.js';
import {HostLost} from '../errors.js';
import type {Conversation} from '../host.js';
import {makeLineQueue} from '../ssh/line-queue.js';
import type {Machine} from './machine.js';
import {listeningOf} from './machine-state.js';
import {listenersOf, tlsKeyOf, type Listening} from './listening.js';
import {follow, machineAt, roundTrip, sourceSeen} from './network.js';
import type {Scene} from './scene.js';
import {machineInTailnet} from './tailnet.js';

/** Places that another program holds, as binding would find out. */
const heldPlaces = (machine: Machine, places: readonly Place[]) =>
	places
		.filter(({protocol, port}) =>
			listeningOf(machine).some(
				(held) => held.protocol === protocol && held.port === port,
			),
		)
		.map(({protocol, address, port}) => ({
			protocol,
			address,
			port,
			problem: 'in use',
		}));

const packetsOfSilence = {tcp: 1, udp: 5} as const;
/** How long silence takes to be sure of, in ms. */
const silenceMs = 3500;

/**
 * The probe agent of a simulated machine: it speaks the same lines as the real one, and looks the answers up in the
 * model instead of sending packets.
 */
export const simulateProbeAgent = (
	scene: Scene,
	machine: Machine,
	node: string,
	signal: AbortSignal,
): Conversation => {
	const queue = makeLineQueue();
	const closing = new AbortController();
	const end = AbortSignal.any([signal, closing.signal]);
	let own: Listening | undefined;

	const say = (message: Message) => {
		if (!end.aborted) {
			queue.push([JSON.stringify(message)]);
		}
	};

	const stop = () => {
		closing.abort();
		listenersOf(scene).delete(machine);
		queue.end();
	};

	/** What a service that runs on a port of a machine says, or the agent there. */
	const visit = (target: Machine, wanted: Try): Outcome => {
		const {id, protocol, port} = wanted;
		const held = listeningOf(target).some(
			(one) => one.protocol === protocol && one.port === port,
		);
		const listening = listenersOf(scene).get(target);
		const rtt = roundTrip(scene, machine, target);
		if (held) {
			if (wanted.what === 'tls') {
				return {result: 'tls', key: tlsKeyOf(target, port), rtt};
			}

			return wanted.what === 'path' && wanted.connectOnly
				? {result: 'connected', rtt}
				: {result: 'stranger'};
		}

		if (listening === undefined) {
			return {
				result: 'refused',
				by: protocol === 'udp' ? wanted.address : null,
				reason: protocol === 'udp' ? 'port-unreachable' : 'connection refused',
			};
		}

		if (listening.token !== own?.token) {
			return protocol === 'udp'
				? {result: 'silent'}
				: {result: 'connected', rtt};
		}

		const source = sourceSeen(
			scene,
			machine,
			target,
			wanted.address,
			wanted.what === 'mapping' && wanted.localPort > 0
				? wanted.localPort
				: 32_768 + Math.floor(scene.random() * 28_000),
		);
		listening.arrived.push({id, source, packets: 1});
		return {result: 'answered', node: listening.node, source, rtt};
	};

	/** What is closed to the new passes when both send from one port to the other at the same time, unless a router chooses ports. */
	const answerBothWays = (wanted: Try): Outcome => {
		const target = machineAt(scene, machine, wanted.address);
		const choosy = [machine, target].some(
			(one) => one?.spec.nat === 'symmetric',
		);
		return target === undefined || choosy
			? {result: 'silent'}
			: visit(target, wanted);
	};

	const tryPath = async (wanted: Try): Promise<void> => {
		const {id, protocol} = wanted;
		const arrival = follow(scene, machine, wanted);
		if (arrival.kind === 'arrives') {
			const rtt = roundTrip(scene, machine, arrival.machine);
			await scene.pace.pass(rtt + scene.random() * 400, end);
			const outcome = visit(arrival.machine, wanted);
			say({
				tried: id,
				sent:
					outcome.result === 'silent' || outcome.result === 'stranger'
						? packetsOfSilence[protocol]
						: 1,
				...(wanted.what === 'mapping' && {localPort: wanted.localPort}),
				...outcome,
			});
			return;
		}

		const refused = arrival.kind === 'refused' ? arrival : undefined;
		const distant = machineAt(scene, machine, wanted.address) ?? machine;
		await scene.pace.pass(
			refused === undefined ? silenceMs : roundTrip(scene, machine, distant),
			end,
		);
		if (wanted.what === 'mapping') {
			const {localPort} = wanted;
			say({
				tried: id,
				sent: 6,
				localPort,
				...answerBothWays(wanted),
			});
			return;
		}

		say(
			refused === undefined
				? {tried: id, sent: packetsOfSilence[protocol], result: 'silent'}
				: {
						tried: id,
						sent: 1,
						result: 'refused',
						by: refused.by,
						reason: 'host-prohibited',
					},
		);
	};

	const tryOne = async (wanted: Try): Promise<void> => {
		const {id, address} = wanted;
		const target =
			machineInTailnet(scene, machine, address) ??
			machineAt(scene, machine, address);
		switch (wanted.what) {
			case 'service': {
				await scene.pace.pass(60, end);
				say({
					tried: id,
					sent: 1,
					host: address === '' ? 'time.example.org' : address,
					...(machine.spec.offline
						? {result: 'silent'}
						: {result: 'served', rtt: 8 + scene.random() * 4}),
				});
				return;
			}

			case 'latency': {
				await scene.pace.pass(wanted.count * 50, end);
				say({
					tried: id,
					sent: wanted.count,
					result: 'sampled',
					rtts:
						target === undefined
							? []
							: Array.from({length: wanted.count}, () =>
									roundTrip(scene, machine, target),
								),
				});
				return;
			}

			case 'mtu': {
				await scene.pace.pass(300, end);
				const limits = [machine, target].map(
					(one) => one?.spec.pathMtu ?? 1500,
				);
				say({
					tried: id,
					sent: 3,
					result: 'largest',
					bytes: target === undefined ? 0 : Math.min(...limits),
				});
				return;
			}

			default: {
				await tryPath(wanted);
			}
		}
	};

	const obey = async (command: Command): Promise<void> => {
		if (command.do === 'listen') {
			own ??= {node: command.node, token: command.token, arrived: []};
			listenersOf(scene).set(machine, own);
			say({listening: true, refused: heldPlaces(machine, command.places)});
			return;
		}

		if (command.do === 'stay') {
			return;
		}

		if (machine.spec.faults?.dyingProbe) {
			stop();
			return;
		}

		if (command.do === 'arrivals') {
			say({arrivals: own?.arrived ?? []});
		} else if (command.do === 'count') {
			say({counted: {udp: 0, udp6: 0}});
		} else {
			await Promise.all(command.tries.map(async (wanted) => tryOne(wanted)));
		}
	};

	const begin = async () => {
		await scene.pace.pass(300, end);
		say({
			ready: true,
			version: '3.11.2',
			interpreter: machine.facts.python ?? '',
		});
	};

	/** Work that ends with the conversation is no failure. */
	const untilEnd = async (work: Promise<void>): Promise<void> => {
		try {
			await work;
		} catch (error) {
			if (!end.aborted) {
				queue.fail(error);
			}
		}
	};

	signal.addEventListener('abort', stop, {once: true});
	void untilEnd(begin());
	return {
		lines: queue.lines,
		send(line) {
			if (end.aborted) {
				throw new HostLost(node, 'the probe has ended');
			}

			void untilEnd(obey(JSON.parse(line) as Command));
		},
		close() {
			signal.removeEventListener('abort', stop);
			stop();
		},
	};
};
