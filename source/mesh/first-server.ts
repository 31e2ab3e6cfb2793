import type {Cluster, NodeSpec} from '../cluster/schema.js';
import {serversOf} from '../cluster/sites.js';
import type {HostFacts} from '../facts/host-facts.js';

/** Has a cluster been started on this server before, so that its data lies there? */
const hasCluster = (facts: HostFacts | undefined): boolean =>
	facts?.k3s?.role === 'server' &&
	(facts.k3s.caHash !== undefined || facts.k3s.unitState === 'active');

/** Does its configuration tell it to join another server? */
const joins = (facts: HostFacts | undefined): boolean =>
	(facts?.k3s?.configFiles ?? []).some(({text}) => /^server\s*:/m.test(text));

/**
 * The server that starts first and that all others join: one that holds the cluster already (rather the one that
 * joined nobody), else the first in the file. `undefined` when the cluster has no server.
 */
export const firstServerOf = (
	cluster: Cluster,
	facts: ReadonlyMap<string, HostFacts>,
): NodeSpec | undefined => {
	const servers = serversOf(cluster.nodes);
	const holding = servers.filter(({name}) => hasCluster(facts.get(name)));
	return (
		holding.find(({name}) => !joins(facts.get(name))) ??
		holding[0] ??
		servers[0]
	);
};
