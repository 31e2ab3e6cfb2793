import {isSameControlServer} from '../facts/control-servers.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {Distrust} from '../facts/tailnet-look.js';
import type {Host} from '../host/host.js';
import {tailscaleTrust} from '../host/scripts/tailscale-trust.js';
import {chosenTailnet, type Cluster} from '../cluster/schema.js';
import {isLoggedIn} from '../mesh/tailnet.js';

/** How long a node may take to tell, in ms. */
const limitMs = 20_000;

/**
 * The nodes that have yet to log in at a control server of one's own, and do not trust its certificate. One that can not
 * tell is left out. Never throws.
 */
export const nodesWithoutTrust = async (options: {
	readonly cluster: Cluster;
	readonly facts: ReadonlyMap<string, HostFacts>;
	readonly hosts: ReadonlyMap<string, Host>;
	readonly signal: AbortSignal;
}): Promise<readonly Distrust[]> => {
	const {cluster, facts, hosts} = options;
	const url = chosenTailnet(cluster)?.controlServer;
	if (url?.startsWith('https:') !== true) {
		return [];
	}

	const signal = AbortSignal.any([
		options.signal,
		AbortSignal.timeout(limitMs),
	]);
	const answers = await Promise.all(
		[...hosts].map(async ([node, host]): Promise<readonly Distrust[]> => {
			const known = facts.get(node);
			if (
				isLoggedIn(known) &&
				isSameControlServer(known.tailscale.controlServer, url)
			) {
				return [];
			}

			try {
				const said = await host.run(tailscaleTrust, {url}, {signal});
				return said === undefined ? [] : [{node, said}];
			} catch {
				return [];
			}
		}),
	);
	return answers.flat();
};
