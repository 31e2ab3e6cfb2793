import {addressScope, sameAddress} from '../../../cluster/addresses.js';
import type {NodeSpec} from '../../../cluster/schema.js';
import {ownAddresses} from '../../../facts/external-address.js';
import type {HostFacts, InterfaceAddress} from '../../../facts/host-facts.js';
import {
	verdictArrives,
	type Cell,
	type NatObservation,
} from '../../../facts/measurements.js';
import type {Netcheck} from '../../../facts/tailnet-measures.js';
import type {MeshContext} from '../../../mesh/mesh.js';
import {groupBy} from '../group-by.js';
import {sharesSite, withoutPort} from '../sites.js';
import {isBlocked} from '../verdict.js';

/** All that is known about one node's way to the internet and back. */
export type Signs = {
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
	/** Those of them that have an address of the range that providers use behind their NAT: this node is behind it, too. */
	readonly carried: ReadonlyArray<{
		readonly name: string;
		readonly uplink: InterfaceAddress;
	}>;
	/** Other nodes that answered to what was sent to its external address. */
	readonly impostors: readonly string[];
	/** What its own Tailscale found, where it is in a tailnet. */
	readonly netcheck: Netcheck | undefined;
};

/** Values, each once. */
export const unique = <T>(values: readonly T[]): readonly T[] => [
	...new Set(values),
];

/** The observations under another address than the machine's own. */
export const translatedOf = ({own, seen}: Signs): readonly NatObservation[] =>
	seen.filter(
		({observedAddress}) =>
			!own.some(({address}) => sameAddress(address, observedAddress)),
	);

/** The interface that has the node's external address. */
export const externalDevice = ({
	node,
	own,
}: Signs): InterfaceAddress | undefined =>
	node.externalIp === undefined
		? undefined
		: own.find(({address}) => sameAddress(address, node.externalIp!));

/** The machine's own address of the range that providers use behind their NAT, on the way out. */
export const sharedUplink = (
	facts: HostFacts | undefined,
): InterfaceAddress | undefined => {
	if (facts === undefined) {
		return undefined;
	}

	const devices = new Set(
		facts.routes
			.filter(({destination}) => destination === '0.0.0.0/0')
			.map(({device}) => device),
	);
	return ownAddresses(facts).find(
		({address, device}) =>
			devices.has(device) && addressScope(address) === 'shared',
	);
};

/** Is the address of the range that providers use behind their NAT? */
export const isShared = (address: string | undefined): boolean =>
	address !== undefined && addressScope(address) === 'shared';

/** The addresses that were seen, each once. */
export const addressesOf = (observations: readonly NatObservation[]) =>
	unique(observations.map(({observedAddress}) => observedAddress));

/** The address at the other end of our connection is not the one that sshd accepted on: something translates between them. */
export const isDialedThroughNat = ({facts}: Signs): boolean => {
	const {dialedAddress, serverAddress} = facts?.sshConnection ?? {};
	return (
		dialedAddress !== undefined &&
		serverAddress !== undefined &&
		!sameAddress(dialedAddress, serverAddress)
	);
};

const portLabel = ({path}: Cell): string =>
	`${path.protocol.toUpperCase()} ${path.port}`;

/**
 * How packets of mesh ports were seen: by listeners, and where these get nothing new, by tries from port to port.
 */
const observations = ({
	measurements: {nat, portToPort},
}: MeshContext): readonly NatObservation[] => [
	...nat,
	...portToPort.flatMap(({from, to, address, port, observedSource}) => {
		const observedPort = Number(/:(\d+)$/.exec(observedSource ?? '')?.[1]);
		return observedSource === undefined || !Number.isInteger(observedPort)
			? []
			: [
					{
						from,
						to,
						address,
						localPort: port,
						observedAddress: withoutPort(observedSource),
						observedPort,
					},
				];
	}),
];

/**
 * Without what an observer's own router made of the source: a private address, although others saw a public one. That
 * tells of the observer and not of who sent.
 */
const withoutMasks = (
	seen: readonly NatObservation[],
	own: readonly InterfaceAddress[],
): readonly NatObservation[] =>
	seen.some(({observedAddress}) => addressScope(observedAddress) === 'public')
		? seen.filter(
				({observedAddress}) =>
					addressScope(observedAddress) !== 'private' ||
					own.some(({address}) => sameAddress(address, observedAddress)),
			)
		: seen;

/** Gathers what is known of every node, in file order. */
export const gatherSigns = (context: MeshContext): readonly Signs[] => {
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
	// What was measured comes as it came in; what is said of it does not change from run to run.
	const ranks = new Map([...names].map((name, index) => [name, index]));
	const rank = (name: string): number => ranks.get(name) ?? ranks.size;
	const byRank = (one: string, other: string): number =>
		rank(one) - rank(other);
	const ownOf = (name: string): readonly InterfaceAddress[] => {
		const host = facts.get(name);
		return host === undefined ? [] : ownAddresses(host);
	};

	const seen = new Map(
		[
			...groupBy(
				observations(context)
					.filter((one) => outside(one))
					.toSorted((one, other) => byRank(one.to, other.to)),
				({from}) => from,
			),
		].map(([name, mine]) => [name, withoutMasks(mine, ownOf(name))]),
	);
	const observed = [...seen.values()].flat();
	const cells = groupBy(
		measurements.cells
			.filter(({path}) => path.addressKind === 'external' && outside(path))
			.toSorted(
				(one, other) =>
					one.path.protocol.localeCompare(other.path.protocol, 'en') ||
					one.path.port - other.path.port,
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
	const byAddress = groupBy(observed, ({observedAddress}) => observedAddress);
	return cluster.nodes.map((node) => {
		const {name} = node;
		const host = facts.get(name);
		const toIt = cells.get(name) ?? [];
		const mine = seen.get(name) ?? [];
		const companions = unique(
			addressesOf(mine).flatMap((address) =>
				(byAddress.get(address) ?? [])
					.map(({from}) => from)
					.filter((from) => from !== name),
			),
		).toSorted(byRank);
		return {
			node,
			facts: host,
			own: ownOf(name),
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
							blockedPairs.has(`${from}>${to}`) &&
							blockedPairs.has(`${to}>${from}`),
					)
					.map(({from, to}) => (from === name ? to : from)),
			).toSorted(byRank),
			companions,
			carried: companions.flatMap((companion) => {
				const uplink = sharedUplink(facts.get(companion));
				return uplink === undefined ? [] : [{name: companion, uplink}];
			}),
			impostors: unique(
				toIt.flatMap(({verdict}) =>
					verdict.kind === 'wrong-host' && verdict.answeredBy !== undefined
						? [verdict.answeredBy]
						: [],
				),
			),
			netcheck: measurements.netchecks.find(({node: one}) => one === name),
		};
	});
};
