import {addressScope, isAddress, sameAddress} from '../../cluster/addresses.js';
import type {Machine} from './machine.js';
import type {Scene} from './scene.js';
import {machineInTailnet} from './tailnet.js';

/** What becomes of a packet that a machine, or we ourselves, send. */
export type Arrival =
	/** It reaches the port on this machine. */
	| {readonly kind: 'arrives'; readonly machine: Machine}
	/** Somebody answers that it may not pass. */
	| {readonly kind: 'refused'; readonly by: string}
	/** It is swallowed, or there is nobody. */
	| {readonly kind: 'silence'};

export type Destination = {
	readonly address: string;
	readonly protocol: 'tcp' | 'udp';
	readonly port: number;
};

/** The machine that an address leads to from this machine (or from here, for `undefined`). */
export const machineAt = (
	scene: Scene,
	from: Machine | undefined,
	address: string,
): Machine | undefined => {
	if (isAddress(address) && addressScope(address) === 'loopback') {
		return from;
	}

	return scene.machines.find(({spec}) => {
		if (sameAddress(spec.externalIp, address)) {
			return from?.spec !== spec || spec.hairpin !== false;
		}

		return (
			spec.internal !== undefined &&
			sameAddress(spec.internal.address, address) &&
			(from === undefined ||
				from.spec.internal?.network === spec.internal.network)
		);
	});
};

/** Does one of our rules let packets from this machine through? A rule names a port and a protocol in the words of its firewall, and addresses of the peers. */
const isOpened = (
	target: Machine,
	from: Machine | undefined,
	{protocol, port}: Destination,
): boolean =>
	target.rules.some(({add}) => {
		const text = add.join(' ');
		const ports = [
			...text.matchAll(/\b(?:d?ports?)[ =]"?(\d+)(?:[:-](\d+))?/g),
		];
		const addresses = text.match(/\b\d+\.\d+\.\d+\.\d+\b/g) ?? [];
		const own = new Set([from?.spec.externalIp, from?.spec.internal?.address]);
		return (
			text.includes(protocol) &&
			ports.some(
				([, first, last]) =>
					Number(first) <= port && port <= Number(last ?? first),
			) &&
			(addresses.length === 0 || addresses.some((address) => own.has(address)))
		);
	});

/** Follows a packet. Machines reach their own addresses, and each other's as far as networks and firewalls let them. */
export const follow = (
	scene: Scene,
	from: Machine | undefined,
	destination: Destination,
): Arrival => {
	const inTailnet = from && machineInTailnet(scene, from, destination.address);
	if (inTailnet !== undefined) {
		return {kind: 'arrives', machine: inTailnet};
	}

	const machine = machineAt(scene, from, destination.address);
	if (machine === undefined) {
		return {kind: 'silence'};
	}

	const near =
		from?.spec.internal !== undefined &&
		from.spec.internal.network === machine.spec.internal?.network;
	if (
		machine !== from &&
		!near &&
		(machine.spec.nat ?? 'one-to-one') !== 'one-to-one'
	) {
		return {kind: 'silence'};
	}

	const closed =
		machine === from
			? undefined
			: machine.spec.closed?.find(
					({protocol, port, by}) =>
						protocol === destination.protocol &&
						port === destination.port &&
						!(by === 'host-firewall' && isOpened(machine, from, destination)),
				);
	if (closed === undefined) {
		return {kind: 'arrives', machine};
	}

	return closed.how === 'filtered'
		? {kind: 'silence'}
		: {kind: 'refused', by: destination.address};
};

/** The source under which packets of a machine arrive at a place, when they left from this port. */
export const sourceSeen = (
	scene: Scene,
	from: Machine,
	target: Machine,
	address: string,
	localPort: number,
): string => {
	const {internal, nat, externalIp} = from.spec;
	if (
		internal !== undefined &&
		target.spec.internal !== undefined &&
		sameAddress(target.spec.internal.address, address)
	) {
		return `${internal.address}:${localPort}`;
	}

	if (internal === undefined || (nat ?? 'one-to-one') === 'one-to-one') {
		return `${externalIp}:${localPort}`;
	}

	// A port that stays the same for one machine, or for one pair.
	const seed = nat === 'symmetric' ? scene.machines.indexOf(target) + 1 : 0;
	return `${externalIp}:${20_000 + ((localPort + 7919 * seed) % 20_000)}`;
};

/** The round trip between two machines in ms, a little different each time. */
export const roundTrip = (
	scene: Scene,
	one: Machine,
	other: Machine,
): number => {
	if (one === other) {
		return 0.1 + scene.random() * 0.05;
	}

	const near =
		one.spec.internal !== undefined &&
		one.spec.internal.network === other.spec.internal?.network;
	const base = near ? 0.4 : one.spec.rttMs + other.spec.rttMs;
	return base * (1 + scene.random() * 0.06) + scene.random() * 0.3;
};
