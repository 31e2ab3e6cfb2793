import {agentKeys, serverKeys} from './k3s-config.js';
import type {Mesh} from './mesh.js';
import {integratedWays} from './tailnet-config.js';
import {tailnetMerits} from './tailnet-merits.js';
import {tailnetRequirements} from './tailnet-requirements.js';
import {fileStep, tailnetSteps} from './tailnet-steps.js';
import {
	releaseOf,
	tailnetInterface,
	tailnetMtu,
	tailnetPort,
} from './tailnet.js';
import {tailscaleFindings} from './tailscale-findings.js';
import {etcdAddress} from './tailscale-versions.js';
import {vpnAuth, vpnAuthPath} from './vpn-auth.js';

const vpnAuthKey = {'vpn-auth-file': vpnAuthPath};

/** K3s's own integration: it has Tailscale route the pod network of each node, without a tunnel in the tunnel. */
export const tailscale: Mesh = {
	kind: 'tailscale',
	title: "Tailscale (K3s's own integration)",
	summary:
		'For nodes that nobody reaches from outside: Tailscale carries the packets of pods as they are. The pod network of each node must be approved as a route in the tailnet.',
	requirements: (context) =>
		tailnetRequirements(context, etcdAddress(releaseOf(context))),
	findings: (context) => tailscaleFindings(context, 'tailscale'),
	merits: (context) => tailnetMerits(context, 'tailscale'),
	steps: (context, node, facts) => ({
		beforeConfig: [
			...tailnetSteps(context, node, facts, true),
			fileStep(facts, vpnAuthPath, 0o600, vpnAuth(context, node), 'vpn-auth'),
		],
		afterReady: [
			{
				stage: 'ready',
				what: 'routes',
				title: 'wait until the tailnet routes its pods',
				action: {kind: 'await-routes', nodeName: node.name},
				expectation: 'unchanged',
			},
		],
	}),
	serverConfig: (context, node) => ({
		...serverKeys(context, node, integratedWays(context, node)),
		...vpnAuthKey,
	}),
	agentConfig: (context, node) => ({
		...agentKeys(node, integratedWays(context, node)),
		...vpnAuthKey,
	}),
	mtu: () => tailnetMtu,
	trustedInterfaces: [tailnetInterface],
	publicPorts: [{protocol: 'udp', port: tailnetPort}],
	proof: {
		interface: tailnetInterface,
		port: undefined,
		handshakes: false,
		answers: 'cni0',
		tailnet: 'routes',
	},
};
