import {setMaxListeners} from 'node:events';
import {sameAddress} from '../../cluster/addresses.js';
import type {Command, Message, Place, Try} from '../../probe/messages.js';
import {HostLost} from '../errors.js';
import type {Conversation} from '../host.js';
import {makeLineQueue} from '../ssh/line-queue.js';
import type {Machine} from './machine.js';
import {listeningOf} from './machine-state.js';
import {follow, machineAt, roundTrip} from './network.js';
import type {Scene} from './scene.js';

/** Which agents run, and where each listens: what a token and a listening port are to real ones. */
type Listening = {readonly node: string; readonly token: string};
const listeners = new WeakMap<Scene, Map<Machine, Listening>>();

const listenersOf = (scene: Scene): Map<Machine, Listening> => {
	const known = listeners.get(scene) ?? new Map<Machine, Listening>();
	listeners.set(scene, known);
	return known;
};

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
	// Every try of the agent waits on it at the same time.
	setMaxListeners(0, end);
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

	const tryPath = async (wanted: Try): Promise<void> => {
		const {id, protocol} = wanted;
		const arrival = follow(scene, machine, wanted);
		const target = arrival.kind === 'arrives' ? arrival.machine : undefined;
		if (target === undefined) {
			const refused = arrival.kind === 'refused' ? arrival : undefined;
			const distant = machineAt(scene, machine, wanted.address) ?? machine;
			await scene.pace.pass(
				refused === undefined ? silenceMs : roundTrip(scene, machine, distant),
				end,
			);
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
			return;
		}

		const rtt = roundTrip(scene, machine, target);
		await scene.pace.pass(rtt + scene.random() * 400, end);
		const held = listeningOf(target).some(
			(one) => one.protocol === protocol && one.port === wanted.port,
		);
		const listening = listenersOf(scene).get(target);
		if (held && protocol === 'tcp') {
			say(
				wanted.what === 'path' && wanted.connectOnly
					? {tried: id, sent: 1, result: 'connected', rtt}
					: {tried: id, sent: 1, result: 'stranger'},
			);
		} else if (listening === undefined || held) {
			say({
				tried: id,
				sent: 1,
				result: 'refused',
				by: protocol === 'udp' ? wanted.address : null,
				reason: protocol === 'udp' ? 'port-unreachable' : 'connection refused',
			});
		} else if (listening.token === own?.token) {
			const near =
				target.spec.internal !== undefined &&
				sameAddress(target.spec.internal.address, wanted.address);
			const source = near
				? machine.spec.internal!.address
				: machine.spec.externalIp;
			say({
				tried: id,
				sent: 1,
				result: 'answered',
				node: listening.node,
				source: `${source}:${32_768 + Math.floor(scene.random() * 28_000)}`,
				rtt,
			});
		} else {
			say({
				tried: id,
				sent: packetsOfSilence[protocol],
				result: protocol === 'udp' ? 'silent' : 'stranger',
			});
		}
	};

	const tryOne = async (wanted: Try): Promise<void> => {
		const {id} = wanted;
		const target = machineAt(scene, machine, wanted.address);
		if (wanted.what === 'path') {
			await tryPath(wanted);
		} else if (wanted.what === 'latency') {
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
		} else {
			await scene.pace.pass(300, end);
			const limits = [machine, target].map((one) => one?.spec.pathMtu ?? 1500);
			say({
				tried: id,
				sent: 3,
				result: 'largest',
				bytes: target === undefined ? 0 : Math.min(...limits),
			});
		}
	};

	const obey = async (command: Command): Promise<void> => {
		if (command.do === 'listen') {
			own = {node: command.node, token: command.token};
			listenersOf(scene).set(machine, own);
			say({listening: true, refused: heldPlaces(machine, command.places)});
			return;
		}

		if (machine.spec.faults?.dyingProbe) {
			stop();
			return;
		}

		if (command.do === 'arrivals') {
			say({arrivals: []});
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
