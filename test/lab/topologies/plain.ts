import type {Topology} from '../topology.js';
import {noBash, noListener, noPerl, noPython} from './lacks.js';
import {publicHost} from './public-host.js';

const lan3: Topology = {
	name: 'lan3',
	about: 'three public hosts: one server, two agents',
	sites: [],
	hosts: [
		publicHost('fra1', 'server', '198.51.100.11'),
		publicHost('fra2', 'agent', '198.51.100.12', {sshUser: 'me'}),
		publicHost('ams1', 'agent', '203.0.113.21', {sshUser: 'me'}),
	],
};

const bad: Topology = {
	name: 'bad',
	about:
		'one good host, one without anything to measure with, one without sudo, one whose own K3s config contradicts',
	sites: [],
	hosts: [
		publicHost('good', 'server', '198.51.100.61'),
		publicHost('notools', 'agent', '198.51.100.62', {
			setup: noPython + noPerl + noListener + noBash,
		}),
		publicHost('nosudo', 'agent', '198.51.100.63', {
			sshUser: 'nosudo',
			setup: 'rm -f /usr/bin/sudo',
		}),
		publicHost('contrary', 'agent', '198.51.100.64', {
			setup: String.raw`
mkdir -p /etc/rancher/k3s/config.yaml.d
printf 'node-external-ip: 203.0.113.99\n' >/etc/rancher/k3s/config.yaml.d/90-mine.yaml
`,
		}),
	],
};

const wg3: Topology = {
	name: 'wg3',
	about:
		'three public hosts, meant for --vm, where the kernel has WireGuard: one server, two agents',
	sites: [],
	hosts: [
		publicHost('vm1', 'server', '198.51.100.71'),
		publicHost('vm2', 'agent', '198.51.100.72'),
		publicHost('vm3', 'agent', '203.0.113.73'),
	],
};

/** Public hosts on one network. */
export const plainTopologies: readonly Topology[] = [lan3, bad, wg3];
