import type {HostSpec, Topology} from '../topology.js';
import {publicHost} from './public-host.js';

const twoSites = (name: string, hairpin: boolean): Topology => ({
	name,
	about: `site home: a server and an agent behind 1:1 NAT ${hairpin ? 'with' : 'without'} hairpin; site cloud: an agent with a public address`,
	sites: [
		{
			name: 'home',
			prefix: '192.168.10',
			routerAddress: '203.0.113.10',
			hairpin,
		},
	],
	hosts: [
		{
			name: 'home1',
			role: 'server',
			site: 'home',
			externalIp: '203.0.113.11',
			internalIp: '192.168.10.11',
		},
		{
			name: 'home2',
			role: 'agent',
			site: 'home',
			externalIp: '203.0.113.12',
			internalIp: '192.168.10.12',
			sshUser: 'me',
		},
		publicHost('cloud1', 'agent', '198.51.100.31', {site: 'cloud'}),
	],
});

const ha3: Topology = {
	name: 'ha3',
	about:
		'three servers in one private network with 1:1 NAT, and an agent elsewhere with a public address',
	sites: [
		{
			name: 'rack',
			prefix: '192.168.20',
			routerAddress: '203.0.113.20',
			hairpin: true,
		},
	],
	hosts: [
		...[1, 2, 3].map((number): HostSpec => ({
			name: `rack${number}`,
			role: 'server',
			site: 'rack',
			externalIp: `203.0.113.2${number}`,
			internalIp: `192.168.20.2${number}`,
		})),
		publicHost('edge1', 'agent', '198.51.100.41', {site: 'edge'}),
	],
};

/** Private networks behind routers with 1:1 NAT. */
export const siteTopologies: readonly Topology[] = [
	twoSites('two-sites', true),
	twoSites('no-hairpin', false),
	ha3,
];
