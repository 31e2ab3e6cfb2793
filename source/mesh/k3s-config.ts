import {bracketed} from '../cluster/addresses.js';
import type {Cluster, NodeSpec} from '../cluster/schema.js';
import {serversOf} from '../cluster/sites.js';
import type {SingleValue, ValueReference} from '../plan/plan.js';
import {firstServerOf} from './first-server.js';
import {k3sPorts, usesEmbeddedEtcd} from './k3s-requirements.js';
import type {K3sConfig, MeshContext} from './mesh.js';
import {nodeExternalIps, nodeIps} from './node-ips.js';

/** The URL of the API on a host: a name or an address. */
export const apiUrl = (host: string): string =>
	`https://${bracketed(host)}:${k3sPorts.api}`;

const unique = (values: ReadonlyArray<string | undefined>): string[] => [
	...new Set(values.filter((value) => value !== undefined)),
];

/** What an agent dials: the API endpoint when the cluster has one, else the first server's external address. */
export const agentJoinUrl = (cluster: Cluster, firstServer: NodeSpec): string =>
	apiUrl(
		cluster.apiEndpoint ??
			firstServer.externalIp ??
			firstServer.internalIp ??
			firstServer.ssh.host,
	);

/** What a further server dials: the first server's internal address, which etcd uses as well. */
export const serverJoinUrl = (firstServer: NodeSpec): string =>
	apiUrl(
		firstServer.internalIp ?? firstServer.externalIp ?? firstServer.ssh.host,
	);

/** What a node dials to join, or `undefined` for one that joins nobody: the first server, and servers with a datastore in common. */
const joinUrl = (context: MeshContext, node: NodeSpec): string | undefined => {
	const first = firstServerOf(context.cluster, context.facts);
	if (first === undefined || first.name === node.name) {
		return undefined;
	}

	if (node.role === 'agent') {
		return agentJoinUrl(context.cluster, first);
	}

	return usesEmbeddedEtcd(context) ? serverJoinUrl(first) : undefined;
};

/** One value as it is, several as a list. */
const oneOrList = (
	key: string,
	[first, ...others]: readonly SingleValue[],
): K3sConfig =>
	first === undefined
		? {}
		: {[key]: others.length === 0 ? first : [first, ...others]};

/** The part of a node's keys that depends on how the nodes reach each other. */
export type NodeWays = {
	/** Addresses that K3s is told are the node's own. */
	readonly nodeIps: readonly SingleValue[];
	/** Addresses that K3s is told others reach the node under. */
	readonly externalIps: readonly SingleValue[];
	/** What the node dials to join; `undefined` for one that joins nobody. */
	readonly joinUrl: string | ValueReference | undefined;
	/** Further names of a server's API, besides those of the cluster file. */
	readonly apiNames: readonly SingleValue[];
};

/** The ways of nodes that reach each other under their external addresses. */
export const externalWays = (
	context: MeshContext,
	node: NodeSpec,
): NodeWays => {
	const facts = context.facts.get(node.name);
	return {
		nodeIps: nodeIps(context.cluster, facts, node),
		externalIps: nodeExternalIps(context.cluster, facts, node),
		joinUrl: joinUrl(context, node),
		apiNames: [],
	};
};

const nodeKeys = (node: NodeSpec, ways: NodeWays): K3sConfig => ({
	'node-name': node.name,
	...oneOrList('node-ip', ways.nodeIps),
	...oneOrList('node-external-ip', ways.externalIps),
});

const serverKey = ({joinUrl: url}: NodeWays): K3sConfig =>
	url === undefined ? {} : {server: url};

/** The keys of a server that do not depend on the backend. All servers are rendered from one model, so that they agree. */
export const serverKeys = (
	context: MeshContext,
	node: NodeSpec,
	ways: NodeWays,
): K3sConfig => {
	const {cluster} = context;
	const servers = serversOf(cluster.nodes);
	const isFirst = firstServerOf(cluster, context.facts)?.name === node.name;
	return {
		...nodeKeys(node, ways),
		token: {reference: isFirst ? 'server-token' : 'full-server-token'},
		'agent-token': {reference: 'agent-token'},
		...(isFirst && usesEmbeddedEtcd(context) ? {'cluster-init': true} : {}),
		...serverKey(ways),
		...(cluster.datastore === 'embedded'
			? {}
			: {'datastore-endpoint': {reference: 'datastore-endpoint'} as const}),
		'cluster-cidr': [...cluster.network.podCidr],
		'service-cidr': [...cluster.network.serviceCidr],
		'tls-san': [
			...unique([
				cluster.apiEndpoint,
				...servers.map(({externalIp}) => externalIp),
				...servers.map(({internalIp}) => internalIp),
			]),
			...ways.apiNames,
		],
		...(cluster.k3s.disable.length === 0
			? {}
			: {disable: [...cluster.k3s.disable]}),
	};
};

/** The keys of an agent that do not depend on the backend. */
export const agentKeys = (node: NodeSpec, ways: NodeWays): K3sConfig => ({
	...nodeKeys(node, ways),
	...serverKey(ways),
	token: {reference: 'full-agent-token'},
});
