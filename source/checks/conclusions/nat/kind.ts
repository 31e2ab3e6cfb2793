import {addressScope, sameAddress} from '../../../cluster/addresses.js';
import {translatingClouds} from '../../../facts/cloud.js';
import type {NatObservation} from '../../../facts/measurements.js';
import type {NatKind} from '../conclusions.js';
import {groupBy} from '../group-by.js';
import {
	addressesOf,
	externalDevice,
	isDialedThroughNat,
	isShared,
	sharedUplink,
	translatedOf,
	unique,
	type Signs,
} from './signs.js';

/**
 * The kind of a mapping that was seen. A port that is kept says little by itself: Linux keeps it when it can, so that
 * only what arrives unasked tells a one-to-one translation from one that lets answers in alone. One observer can not
 * show whether others would see another port.
 */
const mappingKind = (
	signs: Signs,
	translated: readonly NatObservation[],
): NatKind => {
	const observers = unique(translated.map(({address}) => address)).length;
	const varies = [...groupBy(translated, ({localPort}) => localPort).values()]
		.map((group) => unique(group.map(({observedPort}) => observedPort)))
		.some((ports) => ports.length > 1);
	if (varies || addressesOf(translated).length > 1) {
		return 'symmetric';
	}

	if (
		translated.some(({observedPort, localPort}) => observedPort !== localPort)
	) {
		return observers > 1 ? 'port-restricted' : 'unknown';
	}

	if (
		signs.arriving.length > 0 ||
		translatingClouds.has(signs.facts?.cloud ?? '')
	) {
		return 'one-to-one';
	}

	return signs.closed.length > 0 ? 'port-restricted' : 'unknown';
};

/**
 * The kind by what the relays of a tailnet see, for a node of which the others could not say: Tailscale asks several of
 * them from one port (`tailscale netcheck`).
 */
const reportedKind = (signs: Signs): NatKind => {
	const {own, netcheck, arriving, closed} = signs;
	const seenAs = netcheck?.seenAs;
	if (netcheck?.mappingVaries === true) {
		return 'symmetric';
	}

	if (seenAs === undefined) {
		return 'unknown';
	}

	if (own.some(({address}) => sameAddress(address, seenAs))) {
		return 'none';
	}

	return netcheck?.mappingVaries === false &&
		arriving.length === 0 &&
		closed.length > 0
		? 'port-restricted'
		: 'unknown';
};

/**
 * The kind of NAT that the packets between the nodes speak for. An address on the machine itself settles it, and so does a provider's range
 * through which nothing arrives; after that the mapping tells, and without one only how we came in.
 */
const measuredKind = (signs: Signs): NatKind => {
	const {node, facts, seen, arriving} = signs;
	const translated = translatedOf(signs);
	if (externalDevice(signs) !== undefined && !isShared(node.externalIp)) {
		return 'none';
	}

	// Nothing translates what goes out under a public address of its own; what the file says of it may be wrong.
	const isOwnSeen =
		seen.length > 0 &&
		translated.length === 0 &&
		seen.every(
			({observedAddress}) => addressScope(observedAddress) === 'public',
		);
	if (isOwnSeen && arriving.length === 0) {
		return 'none';
	}

	const provider =
		isShared(node.externalIp) ||
		sharedUplink(facts) !== undefined ||
		signs.carried.length > 0 ||
		translated.some(({observedAddress}) => isShared(observedAddress));
	if (provider && arriving.length === 0) {
		return 'carrier-grade';
	}

	if (translated.length > 0) {
		return mappingKind(signs, translated);
	}

	if (seen.length > 0 && node.externalIp === undefined) {
		return 'unknown';
	}

	const translates =
		translatingClouds.has(facts?.cloud ?? '') || isDialedThroughNat(signs);
	return translates && arriving.length > 0 ? 'one-to-one' : 'unknown';
};

/** The kind of NAT in front of a node: by what the other nodes saw of it, and where that is not enough, the relays. */
export const natKind = (signs: Signs): NatKind => {
	const kind = measuredKind(signs);
	return kind === 'unknown' ? reportedKind(signs) : kind;
};
