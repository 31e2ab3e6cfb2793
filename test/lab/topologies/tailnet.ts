import type {SiteSpec, Topology} from '../topology.js';
import {publicHost} from './public-host.js';

/** A private network whose router keeps ports where it can and lets answers in only; a port leads to its host's sshd. */
const behindRouter = (
	name: string,
	prefix: string,
	routerAddress: string,
): SiteSpec => ({
	name,
	prefix,
	routerAddress,
	hairpin: false,
	nat: 'port-restricted',
	forwards: [{protocol: 'tcp', port: 2201, to: `${prefix}.11`, toPort: 22}],
});

const tailnet: Topology = {
	name: 'tailnet',
	about:
		'a headscale; a public server and an agent behind a router, both with Tailscale; an agent behind another router, without',
	tailnet: 'current',
	sites: [
		behindRouter('home', '192.168.40', '203.0.113.40'),
		behindRouter('cabin', '192.168.45', '203.0.113.45'),
	],
	hosts: [
		publicHost('hub', 'server', '198.51.100.91', {tailscale: 'installed'}),
		{
			name: 'home1',
			role: 'agent',
			site: 'home',
			externalIp: '203.0.113.40',
			internalIp: '192.168.40.11',
			sshPort: 2201,
			tailscale: 'installed',
		},
		{
			name: 'cabin1',
			role: 'agent',
			site: 'cabin',
			externalIp: '203.0.113.45',
			internalIp: '192.168.45.11',
			sshPort: 2201,
		},
	],
};

const tailnetCarrier: Topology = {
	name: 'tailnet-carrier',
	about:
		'a headscale; a public server, an agent behind a router, and one behind a router in a carrier network; all with Tailscale',
	tailnet: 'current',
	sites: [
		behindRouter('home', '192.168.40', '203.0.113.40'),
		{
			name: 'carrier',
			prefix: '100.71.0',
			routerAddress: '203.0.113.60',
			hairpin: false,
			nat: 'symmetric',
			// Nobody logs in through a carrier: it stands for a tunnel that the host would hold open.
			forwards: [
				{protocol: 'tcp', port: 2202, to: '100.71.0.20', toPort: 2202},
			],
		},
		{
			name: 'village',
			behind: 'carrier',
			prefix: '192.168.70',
			routerAddress: '100.71.0.20',
			hairpin: false,
			nat: 'port-restricted',
			forwards: [
				{protocol: 'tcp', port: 2202, to: '192.168.70.11', toPort: 22},
			],
		},
	],
	hosts: [
		publicHost('hub', 'server', '198.51.100.91', {tailscale: 'installed'}),
		{
			name: 'home1',
			role: 'agent',
			site: 'home',
			externalIp: '203.0.113.40',
			internalIp: '192.168.40.11',
			sshPort: 2201,
			tailscale: 'installed',
		},
		{
			name: 'village1',
			role: 'agent',
			site: 'village',
			externalIp: '203.0.113.60',
			internalIp: '192.168.70.11',
			sshPort: 2202,
			tailscale: 'installed',
		},
	],
};

const tailnet2: Topology = {
	name: 'tailnet2',
	about:
		'a headscale of an older line; two public hosts, one with Tailscale and one without',
	tailnet: 'older',
	sites: [],
	hosts: [
		publicHost('one', 'server', '198.51.100.93', {tailscale: 'installed'}),
		publicHost('two', 'agent', '203.0.113.94'),
	],
};

/** Hosts that a tailnet can join, with its control server. */
export const tailnetTopologies: readonly Topology[] = [
	tailnet,
	tailnetCarrier,
	tailnet2,
];
