import type {Topology} from '../topology.js';
import {nftablesAtBoot, publicHost} from './public-host.js';

/** An input chain that drops what is new, but for SSH. */
const dropNew = nftablesAtBoot(`
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iifname "lo" accept
		tcp dport 22 accept
	}
`);

/** The same for what comes to a site. */
const routerDropsNew = [
	'iifname "lan" accept',
	'ct state established,related accept',
	'tcp dport 22 accept',
	'drop',
];

const oneWay: Topology = {
	name: 'oneway',
	about:
		'a public server; a site whose router lets out and not in; a site whose router lets UDP in and swallows the answers',
	unnamedSites: true,
	sites: [
		{
			name: 'valve',
			prefix: '192.168.80',
			routerAddress: '203.0.113.80',
			hairpin: true,
			filter: routerDropsNew,
		},
		{
			name: 'mute',
			prefix: '192.168.85',
			routerAddress: '203.0.113.85',
			hairpin: true,
			filter: [
				'iifname "lan" udp sport 51820 drop',
				'iifname "lan" tcp sport { 6443, 10250 } drop',
			],
		},
	],
	hosts: [
		publicHost('plaza', 'server', '198.51.100.93'),
		{
			name: 'valve1',
			role: 'agent',
			site: 'valve',
			externalIp: '203.0.113.81',
			internalIp: '192.168.80.11',
		},
		{
			name: 'mute1',
			role: 'agent',
			site: 'mute',
			externalIp: '203.0.113.86',
			internalIp: '192.168.85.11',
		},
	],
};

const stateful: Topology = {
	name: 'stateful',
	about:
		'a public server and a host behind 1:1 NAT, each behind a firewall that lets in SSH and answers only, one on the host, one on the router',
	unnamedSites: true,
	sites: [
		{
			name: 'keep',
			prefix: '192.168.90',
			routerAddress: '203.0.113.90',
			hairpin: true,
			filter: routerDropsNew,
		},
	],
	hosts: [
		publicHost('east', 'server', '198.51.100.94', {setup: dropNew}),
		{
			name: 'west',
			role: 'agent',
			site: 'keep',
			externalIp: '203.0.113.91',
			internalIp: '192.168.90.11',
		},
	],
};

/** An input chain that refuses K3s's ports in some way. */
const refusing = (how: string): string =>
	nftablesAtBoot(`
	chain input {
		type filter hook input priority filter; policy accept;
		iifname "lo" accept
		tcp dport { 6443, 10250 } reject with ${how}
		udp dport 51820 reject with ${how}
	}
`);

const routerRefuses = (how: string): string[] => [
	`tcp dport { 6443, 10250 } reject with ${how}`,
	`udp dport 51820 reject with ${how}`,
];

const reject: Topology = {
	name: 'reject',
	about:
		'a public server; agents whose ports are refused in all ways: three by the host, three by the router of their site (one after translating, two before)',
	unnamedSites: true,
	sites: [
		{
			name: 'r-port',
			prefix: '192.168.101',
			routerAddress: '203.0.113.101',
			hairpin: true,
			filter: routerRefuses('icmp port-unreachable').map(
				(rule) => `iifname "wan" ${rule}`,
			),
		},
		{
			name: 'r-host',
			prefix: '192.168.104',
			routerAddress: '203.0.113.104',
			hairpin: true,
			outerFilter: routerRefuses('icmp host-prohibited'),
		},
		{
			name: 'r-admin',
			prefix: '192.168.107',
			routerAddress: '203.0.113.107',
			hairpin: true,
			outerFilter: routerRefuses('icmp admin-prohibited'),
		},
	],
	hosts: [
		publicHost('friend', 'server', '198.51.100.95'),
		publicHost('h-port', 'agent', '198.51.100.96', {
			setup: refusing('icmp port-unreachable'),
		}),
		publicHost('h-host', 'agent', '198.51.100.97', {
			setup: refusing('icmp host-prohibited'),
		}),
		publicHost('h-admin', 'agent', '198.51.100.98', {
			setup: refusing('icmp admin-prohibited'),
		}),
		{
			name: 'behind-port',
			role: 'agent',
			site: 'r-port',
			externalIp: '203.0.113.102',
			internalIp: '192.168.101.11',
		},
		{
			name: 'behind-host',
			role: 'agent',
			site: 'r-host',
			externalIp: '203.0.113.105',
			internalIp: '192.168.104.11',
		},
		{
			name: 'behind-admin',
			role: 'agent',
			site: 'r-admin',
			externalIp: '203.0.113.108',
			internalIp: '192.168.107.11',
		},
	],
};

/** Firewalls that differ in whom they let through and in what they say. */
export const barrierTopologies: readonly Topology[] = [
	oneWay,
	stateful,
	reject,
];
