import {sameAddress} from '../../../cluster/addresses.js';
import {translatingClouds} from '../../../facts/cloud.js';
import type {NatObservation} from '../../../facts/measurements.js';
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

/** Names in a sentence, the first three of many. */
const some = (names: readonly string[]): string =>
	new Intl.ListFormat('en', {type: 'conjunction'}).format(
		names.length <= 3
			? names
			: [...names.slice(0, 2), `${names.length - 2} more`],
	);

/** What the relays of a tailnet saw. */
const relayEvidence = ({netcheck}: Signs): readonly string[] => {
	if (netcheck?.seenAs === undefined) {
		return [];
	}

	const {seenAs, mappingVaries} = netcheck;
	const ports =
		mappingVaries === undefined
			? ''
			: mappingVaries
				? ', each with another port'
				: ', all with one port';
	return [`the relays of its tailnet see it under ${seenAs}${ports}`];
};

const mappingEvidence = (
	translated: readonly NatObservation[],
): readonly string[] => {
	const [first] = translated;
	if (first === undefined) {
		return [];
	}

	const sources = unique(
		translated.map(
			({observedAddress, observedPort}) =>
				`${observedAddress} port ${observedPort}`,
		),
	);
	const observers = some(unique(translated.map(({to}) => to)));
	if (sources.length > 1) {
		return [
			`packets from its one port ${first.localPort} came from ${some(sources)} (seen by ${observers})`,
		];
	}

	return [
		first.observedPort === first.localPort
			? `${observers} saw its packets come from ${sources[0]!}, the port that they left from`
			: `${observers} saw its packets come from ${sources[0]!}, and they left from port ${first.localPort}`,
	];
};

/** For people: what led to the kind, the weightiest first. */
export const natEvidence = (signs: Signs): readonly string[] => {
	const {node, facts, seen, arriving, closed, punched} = signs;
	const {companions, carried, impostors} = signs;
	const onDevice = externalDevice(signs);
	const uplink = sharedUplink(facts);
	const translated = translatedOf(signs);
	const {dialedAddress, serverAddress} = facts?.sshConnection ?? {};
	return [
		...(onDevice === undefined
			? []
			: [`its external address ${onDevice.address} is on ${onDevice.device}`]),
		...(uplink === undefined
			? []
			: [
					`it has ${uplink.address} on ${uplink.device}, of the range that providers use behind their NAT (100.64.0.0/10)`,
				]),
		...(uplink === undefined && carried.length > 0
			? [
					`${carried[0]!.name}, which was seen under the same address, has ${carried[0]!.uplink.address} on ${carried[0]!.uplink.device}, of the range that providers use behind their NAT (100.64.0.0/10)`,
				]
			: []),
		...(isShared(node.externalIp)
			? [
					`its external address ${node.externalIp!} is of the range that providers use behind their NAT (100.64.0.0/10)`,
				]
			: []),
		...mappingEvidence(translated),
		...relayEvidence(signs),
		...(seen.length > 0 && translated.length === 0
			? [
					`${some(unique(seen.map(({to}) => to)))} saw its packets come from its own address ${seen[0]!.observedAddress}`,
				]
			: []),
		...(arriving.length > 0
			? [`what is sent to it from outside arrives on ${some(arriving)}`]
			: []),
		...(closed.length > 0
			? [`what is sent to it from outside does not arrive on ${some(closed)}`]
			: []),
		...(onDevice === undefined && translatingClouds.has(facts?.cloud ?? '')
			? [`${facts!.cloud!} translates addresses one to one`]
			: []),
		...(punched.length > 0
			? [
					`between its mesh port and that of ${some(punched)} packets pass once both send`,
				]
			: []),
		...(impostors.length > 0
			? [`${some(impostors)} answered to what was sent to its external address`]
			: []),
		...(companions.length > 0
			? [
					`${some(companions)} ${companions.length === 1 ? 'was' : 'were'} seen under the same address`,
				]
			: []),
		...(onDevice === undefined && node.externalIp !== undefined && facts
			? [`its external address ${node.externalIp} is on no interface of it`]
			: []),
		...(isDialedThroughNat(signs)
			? [`we dialed ${dialedAddress!}, and ${serverAddress!} answered there`]
			: []),
	];
};

/** More than one layer shows only by its side effects: it stays a hint. */
export const layersHint = (signs: Signs): string | undefined => {
	const translated = translatedOf(signs);
	const addresses = addressesOf(translated);
	const {externalIp} = signs.node;
	if (
		((signs.carried.length > 0 && signs.arriving.length === 0) ||
			addresses.some((address) => isShared(address))) &&
		sharedUplink(signs.facts) === undefined
	) {
		return "its own router translates, and the provider's NAT seems to stand behind that";
	}

	if (addresses.length > 1) {
		return "its packets leave under several addresses: several uplinks, or a provider's NAT behind its own router";
	}

	return addresses.length === 1 &&
		externalIp !== undefined &&
		!sameAddress(addresses[0]!, externalIp)
		? `it is to be reached under ${externalIp} and is seen under ${addresses[0]!}: the ways in and out differ, or there is more than one NAT`
		: undefined;
};

/**
 * The one address that others see, else the node's own external one when it is on the machine, else what relays of its
 * tailnet see.
 */
export const publicAddress = (signs: Signs): string | undefined => {
	const addresses = addressesOf(signs.seen);
	return addresses.length === 1
		? addresses[0]
		: signs.seen.length === 0
			? (externalDevice(signs)?.address ?? signs.netcheck?.seenAs)
			: undefined;
};
