import type {NatKind} from '../../../source/checks/conclusions/conclusions.js';
import type {AddressKind, Protocol} from '../../../source/mesh/mesh.js';
import type {HostSpec, Topology} from '../topology.js';

/** The client's name in the matrix. */
export const clientName = 'this machine';

/** One question of the matrix: a direction, a kind of address, a port. */
export type Question = {
	readonly from: string;
	readonly to: string;
	readonly kind: AddressKind;
	readonly protocol: Protocol;
	readonly port: number;
};

/**
 * What must become of a question, in words: `open`, `reached`, `filtered`, `unknown`, `refused: REASON by ADDRESS`,
 * `wrong-host: NODE`, where a stranger is `-`.
 */
export type Answer = string;

/** A direction of one port between two nodes: `a > b external udp/51820`. */
export type OneWay =
	`${string} > ${string} ${AddressKind} ${Protocol}/${number}`;

/** What holds in a topology because of how it was built; written by hand, and never taken from the program. */
export type Truth = {
	readonly answer: (question: Question) => Answer;
	/** The nodes that share a private network. */
	readonly sites: ReadonlyArray<readonly string[]>;
	/** A node is absent, or has several kinds, where chance decides what can be seen. */
	readonly nat: Readonly<Record<string, NatKind | readonly NatKind[]>>;
	/** Pairs with one open direction. */
	readonly oneWay?: readonly OneWay[];
	/** Pairs whose mesh ports reach each other once both send at the same time, although nothing new gets in. */
	readonly portToPort?: ReadonlyArray<readonly [string, string]>;
};

/** The ports that K3s's docs name. */
export const api = 6443;
export const kubelet = 10_250;
export const wireguard = 51_820;
/** Its port over IPv6: flannel has a device for each family. */
export const wireguardIpv6 = 51_821;

const isAny = (name: string, ...names: readonly string[]): boolean =>
	names.includes(name);

/** Both ends are among the nodes of one list. */
const areTogether = ({from, to}: Question, groups: Truth['sites']): boolean =>
	groups.some((group) => group.includes(from) && group.includes(to));

/** Private addresses answer inside a site, and the wan carries them nowhere. */
const insideOnly =
	(sites: Truth['sites'], outside: (question: Question) => Answer) =>
	(question: Question): Answer =>
		question.kind === 'internal'
			? areTogether(question, sites)
				? 'open'
				: 'filtered'
			: outside(question);

const lan3: Truth = {
	answer: () => 'open',
	sites: [['fra1'], ['fra2'], ['ams1']],
	nat: {fra1: 'none', fra2: 'none', ams1: 'none'},
};

const homeAndCloud: Truth = {
	answer: () => 'open',
	sites: [['home1', 'home2'], ['cloud1']],
	nat: {home1: 'one-to-one', home2: 'one-to-one', cloud1: 'none'},
};

const noHairpin: Truth = {
	...homeAndCloud,
	answer: ({from, to, kind}) =>
		kind === 'external' &&
		isAny(from, 'home1', 'home2') &&
		isAny(to, 'home1', 'home2')
			? 'filtered'
			: 'open',
};

const ha3: Truth = {
	answer: () => 'open',
	sites: [['rack1', 'rack2', 'rack3'], ['edge1']],
	nat: {
		rack1: 'one-to-one',
		rack2: 'one-to-one',
		rack3: 'one-to-one',
		edge1: 'none',
	},
};

const natMixSites = [
	['hub'],
	['office1'],
	['home1', 'home2'],
	['cabin1'],
	['hotel1'],
	['mobile1'],
	['village1'],
];

const natMix: Truth = {
	answer(question) {
		const {from, to, kind} = question;
		if (kind === 'internal' && from === 'village1' && to === 'mobile1') {
			// Its router stands in the carrier's network, and translates on the way there.
			return 'open';
		}

		return insideOnly(natMixSites, () =>
			isAny(to, 'hub', 'office1') ? 'open' : 'filtered',
		)(question);
	},
	sites: natMixSites,
	nat: {
		hub: 'none',
		office1: 'one-to-one',
		// Both send from the same port: where the other one came first, the router has to take another.
		home1: ['port-restricted', 'symmetric'],
		home2: ['port-restricted', 'symmetric'],
		cabin1: 'port-restricted',
		hotel1: 'symmetric',
		mobile1: 'carrier-grade',
		village1: 'carrier-grade',
	},
};

/** Where the router of `forward` sends what comes to its address. */
const forwardLands: Readonly<Record<number, string>> = {
	[api]: '-',
	[kubelet]: 'den2',
	[wireguard]: 'den1',
};

const forward: Truth = {
	answer({to, kind, port}) {
		if (kind === 'internal' || to === 'out1') {
			return 'open';
		}

		const answering = forwardLands[port]!;
		return answering === to ? 'open' : `wrong-host: ${answering}`;
	},
	sites: [['den1', 'den2'], ['out1']],
	// The two send from one port through one router, and only one observer stands outside.
	nat: {out1: 'none'},
};

/** Who has the last octet of a private address at each of the two sites. */
const twinOwners: Readonly<
	Record<string, Readonly<Record<string, string | undefined>>>
> = {
	north: {'11': 'north1', '12': 'north2'},
	south: {'11': 'south1', '13': 'south2'},
};
const twinOctets: Readonly<Record<string, string>> = {
	north1: '11',
	north2: '12',
	south1: '11',
	south2: '13',
};

const twins: Truth = {
	answer({from, to, kind, port}) {
		if (kind !== 'internal') {
			return 'open';
		}

		const owner = twinOwners[from.slice(0, -1)]![twinOctets[to]!];
		if (owner === undefined) {
			return 'filtered';
		}

		if (owner === to) {
			return 'open';
		}

		// Only the server listens on the port of the API.
		return port === api
			? 'refused: connection refused'
			: `wrong-host: ${owner}`;
	},
	sites: [
		['north1', 'north2'],
		['south1', 'south2'],
	],
	nat: {
		north1: 'one-to-one',
		north2: 'one-to-one',
		south1: 'one-to-one',
		south2: 'one-to-one',
	},
};

const oneWay: Truth = {
	answer: insideOnly([], ({to, protocol}) => {
		if (to === 'valve1') {
			return 'filtered';
		}

		return to === 'mute1'
			? protocol === 'udp'
				? 'reached'
				: 'filtered'
			: 'open';
	}),
	sites: [['plaza'], ['valve1'], ['mute1']],
	// What `mute1` sends from its mesh port never gets out, so that nobody can see how it would be translated.
	nat: {plaza: 'none', valve1: 'port-restricted'},
	oneWay: [
		'valve1 > plaza external tcp/10250',
		'valve1 > plaza external udp/51820',
		'mute1 > plaza external tcp/10250',
		'valve1 > mute1 external udp/51820',
	],
};

const stateful: Truth = {
	answer: ({from, to}) => (from === to ? 'open' : 'filtered'),
	sites: [['east'], ['west']],
	nat: {east: 'none', west: 'port-restricted'},
	portToPort: [['east', 'west']],
};

const refusals: Readonly<Record<string, Answer>> = {
	'h-port': 'refused: port-unreachable by 198.51.100.96',
	'h-host': 'refused: host-prohibited by 198.51.100.97',
	'h-admin': 'refused: admin-prohibited by 198.51.100.98',
	// The router refuses what it has translated already, and so in the name of the address that was asked.
	'behind-port': 'refused: port-unreachable by 203.0.113.102',
	'behind-host': 'refused: host-prohibited by 203.0.113.104',
	'behind-admin': 'refused: admin-prohibited by 203.0.113.107',
};

const reject: Truth = {
	answer: insideOnly([], ({to}) => refusals[to] ?? 'open'),
	sites: [
		['friend'],
		['h-port'],
		['h-host'],
		['h-admin'],
		['behind-port'],
		['behind-host'],
		['behind-admin'],
	],
	nat: {
		friend: 'none',
		'h-port': 'none',
		'h-host': 'none',
		'h-admin': 'none',
		// Translated one to one, and yet nothing that was not asked for arrives.
		'behind-port': 'port-restricted',
		'behind-host': 'port-restricted',
		'behind-admin': 'port-restricted',
	},
};

const dual: Truth = {
	answer: ({to, kind}) =>
		kind === 'external-ipv6' && to === 'half' ? 'filtered' : 'open',
	sites: [['both1'], ['both2'], ['half'], ['flat1'], ['four']],
	nat: {
		both1: 'none',
		both2: 'none',
		half: 'none',
		flat1: 'one-to-one',
		four: 'none',
	},
};

const floating: Truth = {
	answer: ({to}) =>
		to === 'lost'
			? 'wrong-host: floats'
			: to === 'nowhere'
				? 'filtered'
				: 'open',
	sites: [['second'], ['floats'], ['lost'], ['nowhere']],
	// The external addresses of the last two are somewhere else, and nothing translates their own.
	nat: {second: 'none', floats: 'none', lost: 'none', nowhere: 'none'},
};

/** By name of the topology. */
export const truths: Readonly<Record<string, Truth>> = {
	lan3,
	'two-sites': homeAndCloud,
	'no-hairpin': noHairpin,
	ha3,
	'nat-mix': natMix,
	forward,
	twins,
	oneway: oneWay,
	stateful,
	reject,
	dual,
	floating,
};

const nodesOf = ({hosts}: Topology): readonly HostSpec[] =>
	hosts.filter(({outsider}) => outsider === undefined);

/**
 * All questions of a topology but those about internal addresses: K3s's ports as its docs name them, for WireGuard
 * between the nodes. The API of a server is asked for by all, the client included, and by the server itself under the
 * address that it is known by. Nodes with IPv6 ask for the same of each other's further address.
 */
export const questionsOf = (topology: Topology): readonly Question[] => {
	const nodes = nodesOf(topology);
	const questions: Question[] = [];
	for (const to of nodes) {
		for (const from of nodes) {
			const ask = (kind: AddressKind, protocol: Protocol, port: number) => {
				questions.push({from: from.name, to: to.name, kind, protocol, port});
			};

			if (to.role === 'server') {
				ask('external', 'tcp', api);
			}

			if (from === to) {
				continue;
			}

			ask('external', 'tcp', kubelet);
			ask('external', 'udp', wireguard);
			if (from.ipv6 !== undefined && to.ipv6 !== undefined) {
				if (to.role === 'server') {
					ask('external-ipv6', 'tcp', api);
				}

				ask('external-ipv6', 'tcp', kubelet);
				ask('external-ipv6', 'udp', wireguardIpv6);
			}
		}

		if (to.role === 'server') {
			questions.push({
				from: clientName,
				to: to.name,
				kind: 'external',
				protocol: 'tcp',
				port: api,
			});
		}
	}

	return questions;
};

/** The ordered pairs whose internal addresses must have been tried, as `a > b`. */
export const internalPairsOf = (topology: Topology): readonly string[] => {
	const nodes = nodesOf(topology).filter(
		({internalIp}) => internalIp !== undefined,
	);
	return nodes.flatMap(({name: from}) =>
		nodes
			.filter(({name: to}) => to !== from)
			.map(({name: to}) => `${from} > ${to}`),
	);
};
