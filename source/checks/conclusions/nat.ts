import {addressScope, sameAddress} from '../../cluster/addresses.js';
import type {NodeSpec} from '../../cluster/schema.js';
import {translatingClouds} from '../../facts/cloud.js';
import {ownAddresses} from '../../facts/external-address.js';
import type {HostFacts, InterfaceAddress} from '../../facts/host-facts.js';
import {
	verdictArrives,
	type Cell,
	type NatObservation,
} from '../../facts/measurements.js';
import type {MeshContext} from '../../mesh/mesh.js';
import type {NatConclusion, NatKind} from './conclusions.js';
import {groupBy} from './group-by.js';
import {sharesSite} from './sites.js';
import {isBlocked} from './verdict.js';

/** All that is known about one node's way to the internet and back. */
type Signs = {
	readonly node: NodeSpec;
	readonly facts: HostFacts | undefined;
	/** Its own addresses; none when it could not be looked at. */
	readonly own: readonly InterfaceAddress[];
	/** How nodes of other sites saw its packets. */
	readonly seen: readonly NatObservation[];
	/** What arrives from other sites without having been asked for, such as `UDP 51820`. */
	readonly arriving: readonly string[];
	/** What is shown not to. */
	readonly closed: readonly string[];
	/** Nodes with which a try from port to port, from both sides at once, got through although new packets do not. */
	readonly punched: readonly string[];
	/** Nodes that were seen under the same address. */
	readonly companions: readonly string[];
	/** Other nodes that answered to what was sent to its external address. */
	readonly impostors: readonly string[];
};

const unique = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

/** Names in a sentence, the first three of many. */
const some = (names: readonly string[]): string =>
	new Intl.ListFormat('en', {type: 'conjunction'}).format(
		names.length <= 3
			? names
			: [...names.slice(0, 2), `${names.length - 2} more`],
	);

const translatedOf = ({own, seen}: Signs): readonly NatObservation[] =>
	seen.filter(
		({observedAddress}) =>
			!own.some(({address}) => sameAddress(address, observedAddress)),
	);

const externalDevice = ({node, own}: Signs): InterfaceAddress | undefined =>
	node.externalIp === undefined
		? undefined
		: own.find(({address}) => sameAddress(address, node.externalIp!));

/** The machine's own address of the range that providers use behind their NAT, on the way out. */
const sharedUplink = ({facts, own}: Signs): InterfaceAddress | undefined => {
	const devices = new Set(
		facts?.routes
			.filter(({destination}) => destination === '0.0.0.0/0')
			.map(({device}) => device),
	);
	return own.find(
		({address, device}) =>
			devices.has(device) && addressScope(address) === 'shared',
	);
};

const isShared = (address: string | undefined): boolean =>
	address !== undefined && addressScope(address) === 'shared';

const addressesOf = (observations: readonly NatObservation[]) =>
	unique(observations.map(({observedAddress}) => observedAddress));
const portsOf = (observations: readonly NatObservation[]) =>
	unique(observations.map(({observedPort}) => observedPort));

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
	const ports = portsOf(translated);
	if (addressesOf(translated).length > 1 || ports.length > 1) {
		return 'symmetric';
	}

	if (ports[0] !== translated[0]!.localPort) {
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

/** The address at the other end of our connection is not the one that sshd accepted on: something translates between them. */
const isDialedThroughNat = ({facts}: Signs): boolean => {
	const {dialedAddress, serverAddress} = facts?.sshConnection ?? {};
	return (
		dialedAddress !== undefined &&
		serverAddress !== undefined &&
		!sameAddress(dialedAddress, serverAddress)
	);
};

const kindOf = (signs: Signs): NatKind => {
	const {node, facts, seen, arriving} = signs;
	const translated = translatedOf(signs);
	if (externalDevice(signs) !== undefined && !isShared(node.externalIp)) {
		return 'none';
	}

	const provider =
		isShared(node.externalIp) ||
		sharedUplink(signs) !== undefined ||
		translated.some(({observedAddress}) => isShared(observedAddress));
	if (provider && arriving.length === 0) {
		return 'carrier-grade';
	}

	if (translated.length > 0) {
		return mappingKind(signs, translated);
	}

	if (seen.length > 0 && node.externalIp === undefined) {
		return addressScope(seen[0]!.observedAddress) === 'public'
			? 'none'
			: 'unknown';
	}

	const translates =
		translatingClouds.has(facts?.cloud ?? '') || isDialedThroughNat(signs);
	return translates && arriving.length > 0 ? 'one-to-one' : 'unknown';
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

/** For people: what led to the kind. */
const evidenceOf = (signs: Signs): readonly string[] => {
	const {node, facts, seen, arriving, closed, punched} = signs;
	const {companions, impostors} = signs;
	const onDevice = externalDevice(signs);
	const uplink = sharedUplink(signs);
	const translated = translatedOf(signs);
	const {dialedAddress, serverAddress} = facts?.sshConnection ?? {};
	return [
		...(onDevice === undefined
			? []
			: [`its external address ${onDevice.address} is on ${onDevice.device}`]),
		...(onDevice === undefined && node.externalIp !== undefined && facts
			? [`its external address ${node.externalIp} is on no interface of it`]
			: []),
		...(uplink === undefined
			? []
			: [
					`it has ${uplink.address} on ${uplink.device}, of the range that providers use behind their NAT (100.64.0.0/10)`,
				]),
		...(isShared(node.externalIp)
			? [
					`its external address ${node.externalIp!} is of the range that providers use behind their NAT (100.64.0.0/10)`,
				]
			: []),
		...mappingEvidence(translated),
		...(seen.length > 0 && translated.length === 0
			? [
					`${some(unique(seen.map(({to}) => to)))} saw its packets come from its own address ${seen[0]!.observedAddress}`,
				]
			: []),
		...(isDialedThroughNat(signs)
			? [`we dialed ${dialedAddress!}, and ${serverAddress!} answered there`]
			: []),
		...(onDevice === undefined && translatingClouds.has(facts?.cloud ?? '')
			? [`${facts!.cloud!} translates addresses one to one`]
			: []),
		...(arriving.length > 0
			? [`${some(arriving)} sent to it from outside arrives`]
			: []),
		...(closed.length > 0
			? [`${some(closed)} sent to it from outside does not arrive`]
			: []),
		...(punched.length > 0
			? [
					`packets from mesh port to mesh port pass between it and ${some(punched)} once both send`,
				]
			: []),
		...(impostors.length > 0
			? [`${some(impostors)} answered to what was sent to its external address`]
			: []),
		...(companions.length > 0
			? [`${some(companions)} was seen under the same address`]
			: []),
	];
};

/** More than one layer shows only by its side effects: it stays a hint. */
const layersHintOf = (signs: Signs): string | undefined => {
	const translated = translatedOf(signs);
	const addresses = addressesOf(translated);
	const {externalIp} = signs.node;
	if (
		addresses.some((address) => isShared(address)) &&
		sharedUplink(signs) === undefined
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

/** The one address that others see, else the node's own external one when it is on the machine. */
const publicAddressOf = (signs: Signs): string | undefined => {
	const addresses = addressesOf(signs.seen);
	return addresses.length === 1
		? addresses[0]
		: signs.seen.length === 0
			? externalDevice(signs)?.address
			: undefined;
};

const portLabel = ({path}: Cell): string =>
	`${path.protocol.toUpperCase()} ${path.port}`;

const gather = (context: MeshContext): readonly Signs[] => {
	const {cluster, facts, measurements} = context;
	const together = sharesSite(context);
	// With everything at one place the neighbours are all there is to tell.
	const onePlace = cluster.nodes.every(({name}) =>
		together(name, cluster.nodes[0]!.name),
	);
	const names = new Set(cluster.nodes.map(({name}) => name));
	const outside = ({from, to}: {readonly from: string; readonly to: string}) =>
		from !== to &&
		names.has(from) &&
		names.has(to) &&
		(onePlace || !together(from, to));
	const seen = groupBy(
		measurements.nat.filter((one) => outside(one)),
		({from}) => from,
	);
	const cells = groupBy(
		measurements.cells.filter(
			({path}) => path.addressKind === 'external' && outside(path),
		),
		({path}) => path.to,
	);
	const blockedPairs = new Set(
		measurements.cells
			.filter(
				({path, verdict}) => path.protocol === 'udp' && isBlocked(verdict),
			)
			.map(({path}) => `${path.from}>${path.to}`),
	);
	const byAddress = groupBy(
		measurements.nat.filter((one) => outside(one)),
		({observedAddress}) => observedAddress,
	);
	return cluster.nodes.map((node) => {
		const {name} = node;
		const host = facts.get(name);
		const toIt = cells.get(name) ?? [];
		const mine = seen.get(name) ?? [];
		return {
			node,
			facts: host,
			own: host === undefined ? [] : ownAddresses(host),
			seen: mine,
			arriving: unique(
				toIt
					.filter(({verdict}) => verdictArrives(verdict))
					.map((cell) => portLabel(cell)),
			),
			closed: unique(
				toIt
					.filter(({verdict}) => isBlocked(verdict))
					.map((cell) => portLabel(cell)),
			),
			punched: unique(
				measurements.portToPort
					.filter(
						({from, to, answered}) =>
							answered &&
							(to === name || from === name) &&
							blockedPairs.has(`${from === name ? to : from}>${name}`),
					)
					.map(({from, to}) => (from === name ? to : from)),
			),
			companions: unique(
				addressesOf(mine).flatMap((address) =>
					(byAddress.get(address) ?? [])
						.map(({from}) => from)
						.filter((from) => from !== name),
				),
			),
			impostors: unique(
				toIt.flatMap(({verdict}) =>
					verdict.kind === 'wrong-host' && verdict.answeredBy !== undefined
						? [verdict.answeredBy]
						: [],
				),
			),
		};
	});
};

const known = new WeakMap<MeshContext, ReadonlyMap<string, NatConclusion>>();

/** What stands between each node and the internet, by node name. */
export const concludeNat = (
	context: MeshContext,
): ReadonlyMap<string, NatConclusion> => {
	const before = known.get(context);
	if (before !== undefined) {
		return before;
	}

	const conclusions = new Map(
		gather(context).map((signs): [string, NatConclusion] => [
			signs.node.name,
			{
				kind: kindOf(signs),
				publicAddress: publicAddressOf(signs),
				evidence: evidenceOf(signs),
				layersHint: layersHintOf(signs),
			},
		]),
	);
	known.set(context, conclusions);
	return conclusions;
};
