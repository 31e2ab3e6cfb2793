import type {NodeSpec} from '../cluster/schema.js';
import {flannelConfPath, flannelMtu, neededOuterMtu} from './flannel-conf.js';
import {agentKeys, externalWays, serverKeys} from './k3s-config.js';
import {
	k3sPorts,
	k3sRequirements,
	wireguardRequirements,
} from './k3s-requirements.js';
import type {K3sConfig, Mesh, MeshContext} from './mesh.js';
import {wireguardFindings} from './wireguard-findings.js';
import {wireguardMerits} from './wireguard-merits.js';

const flannelKeys = (context: MeshContext, node: NodeSpec): K3sConfig =>
	neededOuterMtu(context, node) === undefined
		? {}
		: {'flannel-conf': flannelConfPath};

/** K3s's embedded multicloud solution: flannel's WireGuard backend between external addresses. */
export const wireguardNative: Mesh = {
	kind: 'wireguard-native',
	title: 'WireGuard (built into K3s)',
	summary:
		'Nothing else to install and full speed, when every node can be reached from outside under an address of its own.',
	requirements: (context) => [
		...k3sRequirements(context),
		...wireguardRequirements(context),
	],
	findings: wireguardFindings,
	merits: wireguardMerits,
	steps: () => ({beforeConfig: [], afterReady: []}),
	serverConfig: (context, node) => ({
		...serverKeys(context, node, externalWays(context, node)),
		'flannel-backend': 'wireguard-native',
		'flannel-external-ip': true,
		...flannelKeys(context, node),
	}),
	agentConfig: (context, node) => ({
		...agentKeys(node, externalWays(context, node)),
		...flannelKeys(context, node),
	}),
	mtu: flannelMtu,
	trustedInterfaces: ['flannel-wg', 'flannel-wg-v6'],
	publicPorts: [],
	proof: {
		interface: 'flannel-wg',
		port: k3sPorts.wireguardIpv4,
		handshakes: true,
		answers: 'flannel',
		tailnet: 'none',
	},
};
