import type {KnockTarget} from '../../probe/knock.js';
import type {Outcome} from '../../probe/messages.js';
import {listenersOf, tlsKeyOf} from './listening.js';
import {listeningOf} from './machine-state.js';
import {follow} from './network.js';
import type {Scene} from './scene.js';

/** What becomes of a knock from here at a port of the simulated world. */
export const knockSimulated = (
	scene: Scene,
	{address, port, what}: KnockTarget,
): Outcome => {
	const arrival = follow(scene, undefined, {address, protocol: 'tcp', port});
	if (arrival.kind !== 'arrives') {
		return arrival.kind === 'silence'
			? {result: 'silent'}
			: {result: 'refused', by: arrival.by, reason: 'host-prohibited'};
	}

	const {machine} = arrival;
	const rtt = machine.spec.rttMs;
	const held = listeningOf(machine).some(
		(one) => one.protocol === 'tcp' && one.port === port,
	);
	if (held) {
		return what === 'tls'
			? {result: 'tls', key: tlsKeyOf(machine, port), rtt}
			: what === 'connect'
				? {result: 'connected', rtt}
				: {result: 'stranger'};
	}

	const listening = listenersOf(scene).get(machine);
	if (listening === undefined) {
		return {result: 'refused', by: null, reason: 'connection refused'};
	}

	return typeof what === 'object' && listening.token === what.token
		? {
				result: 'answered',
				node: listening.node,
				source: '203.0.113.200:50000',
				rtt,
			}
		: {result: 'stranger'};
};
