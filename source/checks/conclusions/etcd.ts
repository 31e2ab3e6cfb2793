import type {NodeSpec} from '../../cluster/schema.js';
import {serversOf} from '../../cluster/sites.js';
import {etcdAddressKind} from '../../mesh/etcd-address.js';
import {k3sPorts, usesEmbeddedEtcd} from '../../mesh/k3s-requirements.js';
import type {CheckContext} from '../rule.js';
import {thresholds} from '../thresholds.js';
import type {EtcdConclusion} from './conclusions.js';
import {internalViews, sharesSite} from './sites.js';
import {isBlocked} from './verdict.js';

/** What keeps two servers from sharing embedded etcd. */
export type EtcdObstacle =
	/** One of them has no internal address. */
	| 'no-address'
	/** A port of etcd is shown to be closed between them. */
	| 'blocked'
	/** A round trip takes longer than etcd stands. */
	| 'far'
	/** They are at different places, as far as is known. */
	| 'elsewhere';

const ports = new Set<number>([k3sPorts.etcdClient, k3sPorts.etcdPeer]);

/** Round trips between servers, in ms: on the addresses that etcd uses; others tell only when these were not measured. */
export const serverRoundTrips = (
	context: CheckContext,
): CheckContext['measurements']['latencies'] => {
	const {cluster, measurements} = context;
	const kind = etcdAddressKind(context);
	const names = new Set(serversOf(cluster.nodes).map(({name}) => name));
	const between = measurements.latencies.filter(
		({from, to}) => from !== to && names.has(from) && names.has(to),
	);
	const own = between.filter(({addressKind}) => addressKind === kind);
	return own.length > 0 ? own : between;
};

/** Ways between servers on which a port of etcd is shown to be closed on the addresses that it uses. */
export const blockedEtcdWays = (
	context: CheckContext,
): ReadonlyArray<readonly [from: string, to: string]> => {
	const {cluster, measurements} = context;
	const kind = etcdAddressKind(context);
	const names = new Set(serversOf(cluster.nodes).map(({name}) => name));
	return measurements.cells
		.filter(
			({path, verdict}) =>
				path.from !== path.to &&
				names.has(path.from) &&
				names.has(path.to) &&
				path.addressKind === kind &&
				ports.has(path.port) &&
				isBlocked(verdict),
		)
		.map(({path}) => [path.from, path.to] as const);
};

const pairOf = (one: string, other: string): string =>
	[one, other].toSorted().join(' ');

/** Asks what keeps two servers from sharing embedded etcd; `undefined` when nothing that is known does. */
export const etcdObstacles = (
	context: CheckContext,
): ((one: NodeSpec, other: NodeSpec) => EtcdObstacle | undefined) => {
	const blocked = new Set(
		blockedEtcdWays(context).map(([from, to]) => pairOf(from, to)),
	);
	const far = new Set(
		serverRoundTrips(context)
			.filter(({medianMs}) => medianMs > thresholds.serverLatencyMs.error)
			.map(({from, to}) => pairOf(from, to)),
	);
	const together = sharesSite(context);
	const viewOf = internalViews(context);
	const isInside = etcdAddressKind(context) === 'tailscale';
	return (one, other) => {
		if (
			!isInside &&
			(one.internalIp === undefined || other.internalIp === undefined)
		) {
			return 'no-address';
		}

		const pair = pairOf(one.name, other.name);
		if (blocked.has(pair)) {
			return 'blocked';
		}

		if (far.has(pair)) {
			return 'far';
		}

		return !isInside &&
			!together(one.name, other.name) &&
			(one.site !== other.site || viewOf(one.name, other.name) === 'apart')
			? 'elsewhere'
			: undefined;
	};
};

/** The largest group that grows from one of the servers, each fitting all that are in it; the first of equal ones. */
const largestGroup = (
	servers: readonly NodeSpec[],
	fit: (one: NodeSpec, other: NodeSpec) => boolean,
): readonly NodeSpec[] => {
	let best: readonly NodeSpec[] = [];
	for (const first of servers) {
		const group = [first];
		for (const server of servers) {
			if (
				server !== first &&
				group.every((member) => fit(member, server) && fit(server, member))
			) {
				group.push(server);
			}
		}

		if (group.length > best.length) {
			best = group;
		}
	}

	return best.length > 1
		? servers.filter((server) => best.includes(server))
		: [];
};

const list = (names: readonly string[]): string =>
	new Intl.ListFormat('en', {type: 'conjunction'}).format(names);

const obstacleText: Readonly<
	Record<EtcdObstacle, (one: string, other: string, where: string) => string>
> = {
	'no-address': (one, other) =>
		`${one} and ${other} do not both have an internal address, and etcd uses no others`,
	blocked: (one, other, where) =>
		`${one} and ${other} do not reach each other's etcd ${where}`,
	far: (one, other) =>
		`${one} and ${other} are more than ${thresholds.serverLatencyMs.error} ms apart`,
	elsewhere: (one, other) => `${one} and ${other} are at different places`,
};

/** May the servers keep embedded etcd between them, and if not all, which? */
export const concludeEtcd = (
	context: CheckContext,
): EtcdConclusion | undefined => {
	if (!usesEmbeddedEtcd(context)) {
		return undefined;
	}

	const servers = serversOf(context.cluster.nodes);
	const obstacleOf = etcdObstacles(context);
	const among = largestGroup(
		servers,
		(one, other) => obstacleOf(one, other) === undefined,
	).map(({name}) => name);
	const where =
		etcdAddressKind(context) === 'tailscale'
			? 'in the tailnet'
			: 'on internal addresses';
	const first = servers
		.flatMap((one, index) =>
			servers.slice(index + 1).map((other) => {
				const obstacle = obstacleOf(one, other);
				return obstacle === undefined
					? undefined
					: obstacleText[obstacle](one.name, other.name, where);
			}),
		)
		.find((text) => text !== undefined);
	if (first !== undefined) {
		return {
			allowed: false,
			reason: `${first}${among.length > 0 ? `; ${list(among)} could share it` : ''}.`,
			among,
		};
	}

	const slowest = Math.max(
		0,
		...serverRoundTrips(context).map(({medianMs}) => medianMs),
	);
	return {
		allowed: true,
		reason:
			slowest > 0
				? `${list(among)} share a ${etcdAddressKind(context) === 'tailscale' ? 'tailnet' : 'private network'}, at most ${slowest.toFixed(1)} ms apart.`
				: `${list(among)} are at one place, as far as is known; nothing was measured between them.`,
		among,
	};
};
