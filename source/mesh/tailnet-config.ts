import {sharesSite} from '../checks/conclusions/sites.js';
import type {NodeSpec} from '../cluster/schema.js';
import type {ValueReference} from '../plan/plan.js';
import {firstServerOf} from './first-server.js';
import {apiUrl, serverJoinUrl, type NodeWays} from './k3s-config.js';
import {usesEmbeddedEtcd} from './k3s-requirements.js';
import type {MeshContext} from './mesh.js';
import {nodeIps} from './node-ips.js';
import {tailnetFamilies} from './tailnet.js';

/** The addresses that a login gives a node, one of each family of the pods. */
const tailnetAddresses = (
	{cluster}: MeshContext,
	{name}: NodeSpec,
): readonly ValueReference[] =>
	tailnetFamilies(cluster).map((family) => ({
		reference: 'tailscale-address',
		node: name,
		family,
	}));

/** May a server join the other where etcd is: on the network that both have besides the tailnet? */
const sharesNetwork = (
	context: MeshContext,
	one: NodeSpec,
	other: NodeSpec,
): boolean =>
	one.internalIp !== undefined &&
	other.internalIp !== undefined &&
	sharesSite(context)(one.name, other.name);

/** What a node dials to join: the API's common name, else the first server's address in the tailnet. */
const joinUrl = (
	context: MeshContext,
	node: NodeSpec,
	serversJoin: 'internal' | 'tailscale',
): NodeWays['joinUrl'] => {
	const {cluster, facts} = context;
	const first = firstServerOf(cluster, facts);
	if (first === undefined || first.name === node.name) {
		return undefined;
	}

	if (node.role === 'server') {
		if (!usesEmbeddedEtcd(context)) {
			return undefined;
		}

		if (serversJoin === 'internal' && sharesNetwork(context, node, first)) {
			return serverJoinUrl(first);
		}
	} else if (cluster.apiEndpoint !== undefined) {
		return apiUrl(cluster.apiEndpoint);
	}

	return {reference: 'tailscale-api-url', node: first.name};
};

/**
 * The ways of nodes under K3s's own integration. K3s takes the addresses of the tailnet by itself and says so of a
 * `node-external-ip`, which is therefore left out; `node-ip` still tells etcd where it is.
 */
export const integratedWays = (
	context: MeshContext,
	node: NodeSpec,
): NodeWays => ({
	nodeIps: nodeIps(context.cluster, context.facts.get(node.name), node),
	externalIps: [],
	joinUrl: joinUrl(context, node, 'internal'),
	apiNames: tailnetAddresses(context, node),
});

/** The ways of nodes whose K3s is bound to the addresses of the tailnet. */
export const boundWays = (context: MeshContext, node: NodeSpec): NodeWays => {
	const addresses = tailnetAddresses(context, node);
	return {
		nodeIps: addresses,
		externalIps: [],
		joinUrl: joinUrl(context, node, 'tailscale'),
		apiNames: addresses,
	};
};
