import type {Topology} from '../topology.js';
import {publicHost} from './public-host.js';

const natMix: Topology = {
	name: 'nat-mix',
	about:
		'a public server; agents behind 1:1 NAT, port-restricted NAT (one alone, two together), symmetric NAT, in a carrier network and behind a router in it',
	unnamedSites: true,
	sites: [
		{
			name: 'office',
			prefix: '192.168.31',
			routerAddress: '203.0.113.30',
			hairpin: true,
		},
		{
			name: 'home',
			prefix: '192.168.40',
			routerAddress: '203.0.113.40',
			hairpin: true,
			nat: 'port-restricted',
			forwards: [
				{protocol: 'tcp', port: 2201, to: '192.168.40.11', toPort: 22},
				{protocol: 'tcp', port: 2202, to: '192.168.40.12', toPort: 22},
			],
		},
		{
			name: 'cabin',
			prefix: '192.168.45',
			routerAddress: '203.0.113.45',
			hairpin: false,
			nat: 'port-restricted',
			forwards: [
				{protocol: 'tcp', port: 2201, to: '192.168.45.11', toPort: 22},
			],
		},
		{
			name: 'hotel',
			prefix: '192.168.50',
			routerAddress: '203.0.113.50',
			hairpin: false,
			nat: 'symmetric',
			forwards: [
				{protocol: 'tcp', port: 2201, to: '192.168.50.11', toPort: 22},
			],
		},
		{
			name: 'carrier',
			prefix: '100.71.0',
			routerAddress: '203.0.113.60',
			hairpin: false,
			nat: 'symmetric',
			// Nobody logs in through a carrier: it stands for a tunnel that the hosts would hold open.
			forwards: [
				{protocol: 'tcp', port: 2201, to: '100.71.0.9', toPort: 22},
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
		publicHost('hub', 'server', '198.51.100.91'),
		{
			name: 'office1',
			role: 'agent',
			site: 'office',
			externalIp: '203.0.113.31',
			internalIp: '192.168.31.11',
		},
		{
			name: 'home1',
			role: 'agent',
			site: 'home',
			externalIp: '203.0.113.40',
			internalIp: '192.168.40.11',
			sshPort: 2201,
		},
		{
			name: 'home2',
			role: 'agent',
			site: 'home',
			externalIp: '203.0.113.40',
			internalIp: '192.168.40.12',
			sshPort: 2202,
		},
		{
			name: 'cabin1',
			role: 'agent',
			site: 'cabin',
			externalIp: '203.0.113.45',
			internalIp: '192.168.45.11',
			sshPort: 2201,
		},
		{
			name: 'hotel1',
			role: 'agent',
			site: 'hotel',
			externalIp: '203.0.113.50',
			internalIp: '192.168.50.11',
			sshPort: 2201,
		},
		{
			name: 'mobile1',
			role: 'agent',
			site: 'carrier',
			externalIp: '203.0.113.60',
			internalIp: '100.71.0.9',
			sshPort: 2201,
		},
		{
			name: 'village1',
			role: 'agent',
			site: 'village',
			externalIp: '203.0.113.60',
			internalIp: '192.168.70.11',
			sshPort: 2202,
		},
	],
};

/** Answers every connection and every packet with something of its own. */
const strangeService = String.raw`
cat >/usr/local/sbin/strange-service <<'PROGRAM'
import socketserver
class Stream(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
socketserver.ThreadingTCPServer(('0.0.0.0', 6443), Stream).serve_forever()
PROGRAM
systemd-run --unit=strange-service --property=Restart=always python3 /usr/local/sbin/strange-service
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	! ss -Hltn 'sport = :6443' | grep -q . || exit 0
	sleep 0.2
done
exit 1
`;

const forward: Topology = {
	name: 'forward',
	about:
		'two nodes behind one router whose port forwards land on the wrong one, or on a stranger; a public agent outside',
	unnamedSites: true,
	sites: [
		{
			name: 'den',
			prefix: '192.168.60',
			routerAddress: '203.0.113.60',
			hairpin: true,
			nat: 'port-restricted',
			forwards: [
				{protocol: 'tcp', port: 2201, to: '192.168.60.11', toPort: 22},
				{protocol: 'tcp', port: 2202, to: '192.168.60.12', toPort: 22},
				{protocol: 'tcp', port: 2203, to: '192.168.60.13', toPort: 22},
				{protocol: 'tcp', port: 6443, to: '192.168.60.13', toPort: 6443},
				{protocol: 'tcp', port: 10_250, to: '192.168.60.12', toPort: 10_250},
				{protocol: 'udp', port: 51_820, to: '192.168.60.11', toPort: 51_820},
			],
		},
	],
	hosts: [
		{
			name: 'den1',
			role: 'server',
			site: 'den',
			externalIp: '203.0.113.60',
			internalIp: '192.168.60.11',
			sshPort: 2201,
		},
		{
			name: 'den2',
			role: 'agent',
			site: 'den',
			externalIp: '203.0.113.60',
			internalIp: '192.168.60.12',
			sshPort: 2202,
		},
		{
			name: 'nas',
			role: 'agent',
			site: 'den',
			externalIp: '203.0.113.60',
			internalIp: '192.168.60.13',
			sshPort: 2203,
			outsider: true,
			setup: strangeService,
		},
		publicHost('out1', 'agent', '198.51.100.92'),
	],
};

const twins: Topology = {
	name: 'twins',
	about:
		'two sites with the same private network, two hosts each, one address in both; 1:1 NAT',
	unnamedSites: true,
	sites: [
		{
			name: 'north',
			prefix: '192.168.1',
			routerAddress: '203.0.113.70',
			hairpin: true,
		},
		{
			name: 'south',
			prefix: '192.168.1',
			routerAddress: '203.0.113.75',
			hairpin: true,
		},
	],
	hosts: [
		{
			name: 'north1',
			role: 'server',
			site: 'north',
			externalIp: '203.0.113.71',
			internalIp: '192.168.1.11',
		},
		{
			name: 'north2',
			role: 'agent',
			site: 'north',
			externalIp: '203.0.113.72',
			internalIp: '192.168.1.12',
		},
		{
			name: 'south1',
			role: 'agent',
			site: 'south',
			externalIp: '203.0.113.76',
			internalIp: '192.168.1.11',
		},
		{
			name: 'south2',
			role: 'agent',
			site: 'south',
			externalIp: '203.0.113.77',
			internalIp: '192.168.1.13',
		},
	],
};

/** What NAT does to nodes. */
export const natTopologies: readonly Topology[] = [natMix, forward, twins];
