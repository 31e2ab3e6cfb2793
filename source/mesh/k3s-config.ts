import {bracketed} from '../cluster/addresses.js';
import type {Cluster, NodeSpec} from '../cluster/schema.js';
import {serversOf} from '../cluster/sites.js';
import {firstServerOf} from './first-server.js';
import {k3sPorts, usesEmbeddedEtcd} from './k3s-requirements.js';
import type {K3sConfig, MeshContext} from './mesh.js';
import {nodeIps} from './node-ips.js';

const apiUrl = (host: string): string =>
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
export const joinUrl = (
	context: MeshContext,
	node: NodeSpec,
): string | undefined => {
	const first = firstServerOf(context.cluster, context.facts);
	if (first === undefined || first.name === node.name) {
		return undefined;
	}

	if (node.role === 'agent') {
		return agentJoinUrl(context.cluster, first);
	}

	return usesEmbeddedEtcd(context) ? serverJoinUrl(first) : undefined;
};

const nodeKeys = ({cluster, facts}: MeshContext, node: NodeSpec): K3sConfig => {
	const [first, ...others] = nodeIps(cluster, facts.get(node.name), node);
	return {
		'node-name': node.name,
		...(first === undefined
			? {}
			: {'node-ip': others.length === 0 ? first : [first, ...others]}),
		...(node.externalIp === undefined
			? {}
			: {'node-external-ip': node.externalIp}),
	};
};

/** The keys of a server that do not depend on the mesh. All servers are rendered from one model, so that they agree. */
export const serverKeys = (context: MeshContext, node: NodeSpec): K3sConfig => {
	const {cluster} = context;
	const servers = serversOf(cluster.nodes);
	const isFirst = firstServerOf(cluster, context.facts)?.name === node.name;
	const url = joinUrl(context, node);
	return {
		...nodeKeys(context, node),
		token: {reference: isFirst ? 'server-token' : 'full-server-token'},
		'agent-token': {reference: 'agent-token'},
		...(isFirst && usesEmbeddedEtcd(context) ? {'cluster-init': true} : {}),
		...(url === undefined ? {} : {server: url}),
		...(cluster.datastore === 'embedded'
			? {}
			: {'datastore-endpoint': {reference: 'datastore-endpoint'} as const}),
		'cluster-cidr': [...cluster.network.podCidr],
		'service-cidr': [...cluster.network.serviceCidr],
		'tls-san': unique([
			cluster.apiEndpoint,
			...servers.map(({externalIp}) => externalIp),
			...servers.map(({internalIp}) => internalIp),
		]),
		...(cluster.k3s.disable.length === 0
			? {}
			: {disable: [...cluster.k3s.disable]}),
	};
};

/** The keys of an agent that do not depend on the mesh. */
export const agentKeys = (context: MeshContext, node: NodeSpec): K3sConfig => {
	const url = joinUrl(context, node);
	return {
		...nodeKeys(context, node),
		...(url === undefined ? {} : {server: url}),
		token: {reference: 'full-agent-token'},
	};
};
