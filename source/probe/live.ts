import {sameAddress} from '../cluster/addresses.js';
import type {Cluster, NodeSpec} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {LiveService, Path, Verdict} from '../facts/measurements.js';
import type {WireguardPeer} from '../host/scripts/probe-handshakes.js';
import {k3sPorts} from '../mesh/k3s-requirements.js';

/** Ports of K3s that speak TLS and show a certificate to everybody. */
const tlsPorts = new Set<number>([
	k3sPorts.api,
	k3sPorts.kubelet,
	k3sPorts.etcdClient,
	k3sPorts.etcdPeer,
]);

/**
 * May a port that another program holds be asked by a TLS handshake? Only K3s's own: anything else might be disturbed
 * by what it does not understand.
 */
export const speaksTls = (
	{port, protocol}: Pick<Path, 'port' | 'protocol'>,
	process: string | undefined,
	facts: HostFacts,
): boolean =>
	protocol === 'tcp' &&
	tlsPorts.has(port) &&
	(process === undefined
		? facts.k3s?.unitState === 'active'
		: /^(?:k3s|kubelet|etcd)/.test(process));

/** The key of what listens on a port of a node. */
export const serviceKey = (node: string, port: number): string =>
	`${node}|${port}`;

/** What judging a running service needs to know of all nodes. */
export type LiveContext = {
	readonly cluster: Cluster;
	readonly facts: ReadonlyMap<string, HostFacts>;
	/** Public keys that services show on their own machines, by `serviceKey`. */
	readonly ownKeys: ReadonlyMap<string, string>;
};

/** Can an address lead to this node, as far as the file and the machine say? */
const carries = (
	node: NodeSpec,
	facts: HostFacts | undefined,
	address: string,
): boolean =>
	[
		node.externalIp,
		node.internalIp,
		...(facts?.addresses.map((one) => one.address) ?? []),
	].some((own) => own !== undefined && sameAddress(own, address));

/**
 * What a public key that was shown on a path means. A certificate may be issued anew at any time, its key stays; but
 * servers of one cluster share the key of their API. Then an address tells nothing that two of them carry, or that is on
 * no interface of the target: a router may forward it to any of them.
 */
export const judgeKey = (
	path: Path,
	key: string,
	process: string | undefined,
	{cluster, facts, ownKeys}: LiveContext,
): Verdict => {
	const own = ownKeys.get(serviceKey(path.to, path.port));
	const held = {kind: 'in-use', process} as const;
	if (own === undefined) {
		return held;
	}

	const others = cluster.nodes.filter(
		({name}) =>
			name !== path.to && ownKeys.get(serviceKey(name, path.port)) === key,
	);
	if (key !== own) {
		return {kind: 'wrong-host', answeredBy: others[0]?.name};
	}

	const isOnTarget = facts
		.get(path.to)
		?.addresses.some(({address}) => sameAddress(address, path.address));
	if (
		others.length > 0 &&
		(!isOnTarget ||
			others.some((node) => carries(node, facts.get(node.name), path.address)))
	) {
		return held;
	}

	const names = others.map(({name}) => name).join(', ');
	return {
		...held,
		live: {
			arrives: true,
			evidence:
				others.length === 0
					? `TLS answered with the key that ${path.to} alone shows`
					: `TLS answered with the key that ${path.to} shows, and ${names} as well`,
		},
	};
};

/** WireGuard shakes hands again every two minutes while there is traffic, and drops a session after three. */
const freshSeconds = 180;

const hostOf = (endpoint: string): string =>
	endpoint.replace(/:\d+$/, '').replace(/^\[(.*)]$/, '$1');

const sayAge = (seconds: number | undefined): string =>
	seconds === undefined ? 'never' : `${seconds} s ago`;

/**
 * What the WireGuard that runs on the target shows of the sender: the peer whose endpoint is one of the sender's
 * addresses. `undefined` when it knows none, or when two nodes share the address.
 */
export const judgeHandshake = (
	path: Path,
	peers: readonly WireguardPeer[] | undefined,
	{cluster, facts}: Pick<LiveContext, 'cluster' | 'facts'>,
): LiveService | undefined => {
	const matching = (peers ?? []).filter(({endpoint}) => {
		const host = hostOf(endpoint);
		const senders = cluster.nodes.filter((node) =>
			carries(node, facts.get(node.name), host),
		);
		return senders.length === 1 && senders[0]!.name === path.from;
	});
	const [freshest] = matching.toSorted(
		(one, other) =>
			(one.ageSeconds ?? Number.POSITIVE_INFINITY) -
			(other.ageSeconds ?? Number.POSITIVE_INFINITY),
	);
	if (freshest === undefined) {
		return undefined;
	}

	const {endpoint, ageSeconds} = freshest;
	return {
		arrives: ageSeconds !== undefined && ageSeconds < freshSeconds,
		evidence: `WireGuard on ${path.to} last shook hands with ${endpoint}: ${sayAge(ageSeconds)}`,
	};
};
