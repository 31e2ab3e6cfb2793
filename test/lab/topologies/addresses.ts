import type {Topology} from '../topology.js';
import {nftablesAtBoot, publicHost} from './public-host.js';

const dual: Topology = {
	name: 'dual',
	about:
		'IPv4 and IPv6: a server and an agent with both, one that drops K3s over IPv6, one behind NAT with an IPv6 address of its own, one without IPv6',
	unnamedSites: true,
	sites: [
		{
			name: 'flat',
			prefix: '192.168.110',
			routerAddress: '203.0.113.110',
			hairpin: true,
			ipv6Prefix: '2001:db8:f1a7::',
			routerIpv6: '2001:db8:1::110',
		},
	],
	hosts: [
		publicHost('both1', 'server', '198.51.100.111', {
			ipv6: '2001:db8:1::b1',
		}),
		publicHost('both2', 'agent', '198.51.100.112', {ipv6: '2001:db8:1::b2'}),
		publicHost('half', 'agent', '198.51.100.113', {
			ipv6: '2001:db8:1::b3',
			setup: nftablesAtBoot(`
	chain input {
		type filter hook input priority filter; policy accept;
		iifname "lo" accept
		meta nfproto ipv6 tcp dport { 6443, 10250 } drop
		meta nfproto ipv6 udp dport { 51820, 51821 } drop
	}
`),
		}),
		{
			name: 'flat1',
			role: 'agent',
			site: 'flat',
			externalIp: '203.0.113.111',
			internalIp: '192.168.110.11',
			ipv6: '2001:db8:f1a7::11',
		},
		publicHost('four', 'agent', '198.51.100.114'),
	],
};

const floating: Topology = {
	name: 'floating',
	about:
		'addresses besides the first: one of another network on the card, a floating one, one that floats to another node, one that nobody has',
	unnamedSites: true,
	sites: [],
	hosts: [
		publicHost('second', 'server', '203.0.113.121', {
			ownAddress: '198.51.100.121',
			moreAddresses: ['203.0.113.121/24'],
			sshAddress: '198.51.100.121',
		}),
		publicHost('floats', 'agent', '198.51.100.129', {
			ownAddress: '198.51.100.122',
			moreAddresses: ['198.51.100.129/32', '198.51.100.128/32'],
			sshAddress: '198.51.100.122',
		}),
		publicHost('lost', 'agent', '198.51.100.128', {
			ownAddress: '198.51.100.123',
			sshAddress: '198.51.100.123',
		}),
		publicHost('nowhere', 'agent', '198.51.100.127', {
			ownAddress: '198.51.100.124',
			sshAddress: '198.51.100.124',
		}),
	],
};

/** Hosts with more than one address, and addresses without their host. */
export const addressTopologies: readonly Topology[] = [dual, floating];
