import type {NodeSpec} from '../cluster/schema.js';
import {closePortsStep} from './close-ports.js';
import {deviceMtu} from './flannel-conf.js';
import {agentKeys, serverKeys} from './k3s-config.js';
import {k3sPorts} from './k3s-requirements.js';
import type {K3sConfig, Mesh, MeshContext} from './mesh.js';
import {boundWays} from './tailnet-config.js';
import {tailnetMerits} from './tailnet-merits.js';
import {tailnetRequirements} from './tailnet-requirements.js';
import {tailnetSteps} from './tailnet-steps.js';
import {
	hasDirectPods,
	tailnetFamilies,
	tailnetInterface,
	tailnetMtu,
	tailnetPort,
	vxlanOverhead,
} from './tailnet.js';
import {tailscaleFindings} from './tailscale-findings.js';

/** The device through which the pods' packets leave: the tailnet's, or the one that has the node's internal address. */
const podDevice = (
	{cluster, facts}: MeshContext,
	{name, internalIp}: NodeSpec,
): string | undefined =>
	hasDirectPods(cluster)
		? facts.get(name)?.addresses.find(({address}) => address === internalIp)
				?.device
		: tailnetInterface;

const flannelKeys = (context: MeshContext, node: NodeSpec): K3sConfig => {
	const device = podDevice(context, node);
	return device === undefined ? {} : {'flannel-iface': device};
};

/** Tailscale beside K3s: K3s is bound to the addresses of the tailnet and knows nothing else of it. */
export const tailscaleIp: Mesh = {
	kind: 'tailscale-ip',
	title: 'K3s on Tailscale addresses',
	summary:
		'For nodes that nobody reaches from outside, with any release of K3s and no route to approve: K3s listens in the tailnet only, and flannel carries the packets of pods through it or, at full speed, over a network that all nodes share.',
	requirements: (context) => tailnetRequirements(context, 'tailscale'),
	findings: (context) => tailscaleFindings(context, 'tailscale-ip'),
	merits: (context) => tailnetMerits(context, 'tailscale-ip'),
	steps: (context, node, facts) => ({
		beforeConfig: [
			...tailnetSteps(context, node, facts, false),
			...closePortsStep(context, node, facts),
		],
		afterReady: [],
	}),
	serverConfig: (context, node) => ({
		...serverKeys(context, node, boundWays(context, node)),
		'advertise-address': {
			reference: 'tailscale-address',
			node: node.name,
			family: tailnetFamilies(context.cluster)[0]!,
		},
		'flannel-backend': 'vxlan',
		...flannelKeys(context, node),
	}),
	agentConfig: (context, node) => ({
		...agentKeys(node, boundWays(context, node)),
		...flannelKeys(context, node),
	}),
	mtu(context, node) {
		const facts = context.facts.get(node.name);
		const device = hasDirectPods(context.cluster)
			? facts && deviceMtu(facts, node)
			: tailnetMtu;
		return device === undefined ? undefined : device - vxlanOverhead;
	},
	trustedInterfaces: [tailnetInterface, 'flannel.1', 'flannel-v6.1'],
	publicPorts: [{protocol: 'udp', port: tailnetPort}],
	proof: {
		interface: 'flannel.1',
		port: k3sPorts.vxlan,
		handshakes: false,
		answers: 'flannel',
		tailnet: 'addresses',
	},
};
