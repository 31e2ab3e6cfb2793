import type {Cluster} from '../cluster/schema.js';
import {UserError} from '../errors.js';
import {ScriptFailed} from '../host/errors.js';
import {goesDirect, proxyFor} from '../cluster/proxy.js';
import {k3sResolveVersion} from '../host/scripts/k3s-get.js';
import {proxyUrl} from '../install/proxy-url.js';
import {firstServerOf} from '../mesh/first-server.js';
import {mirrorsOf} from '../plan/releases.js';
import type {Fleet} from './operations.js';

/** The proxy through which a node asks the channel; `undefined` when it asks directly. */
const channelProxy = async (
	cluster: Cluster,
	{protocol, hostname}: URL,
	{secrets}: Fleet,
): Promise<string | undefined> => {
	const scheme = protocol === 'http:' ? 'http' : 'https';
	return proxyFor(cluster, scheme) === undefined ||
		goesDirect(cluster.proxy?.noProxy ?? [], hostname)
		? undefined
		: proxyUrl(cluster, scheme, secrets);
};

/**
 * The K3s release for all nodes: the one that the cluster file names; else the one that the cluster runs already,
 * so that applying again is no upgrade; else what the channel says, asked on a node, since it is the nodes that
 * download. Throws a `UserError` when none can find out.
 */
export const resolveVersion = async (
	cluster: Cluster,
	fleet: Fleet,
	signal: AbortSignal,
): Promise<string> => {
	if (cluster.k3s.version !== undefined) {
		return cluster.k3s.version;
	}

	const first = firstServerOf(cluster, fleet.facts());
	const present =
		first === undefined ? undefined : fleet.facts().get(first.name);
	const running = present?.k3s;
	if (running?.role === 'server' && running.version !== undefined) {
		return running.version;
	}

	const {channel} = cluster.k3s;
	const channelUrl = `${mirrorsOf(cluster).channels}/${encodeURIComponent(channel)}`;
	const proxy = await channelProxy(cluster, new URL(channelUrl), fleet);
	const hosts = fleet.hosts();
	const asked = [
		...(first === undefined ? [] : [first.name]),
		...cluster.nodes.map(({name}) => name),
	].filter((name) => hosts.has(name));
	let failure: unknown;
	for (const name of new Set(asked)) {
		try {
			const {version} = await hosts
				.get(name)!
				.run(k3sResolveVersion, {channelUrl, proxy}, {signal});
			return version;
		} catch (error) {
			signal.throwIfAborted();
			failure = error;
		}
	}

	throw new UserError(
		`The newest release of the K3s channel "${channel}" cannot be found out${failure instanceof ScriptFailed ? `: ${failure.lastLines.at(-1) ?? failure.message}` : '.'}`,
		{
			cause: failure,
			tryNext: [
				'Look whether the nodes can reach the internet, or name a version instead: k3s: {version: …}.',
			],
		},
	);
};
