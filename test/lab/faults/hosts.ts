import {mirrorAddress, type Topology} from '../topology.js';
import {publicHost} from '../topologies/public-host.js';

/** The name that the hosts know the lab's mirror by, in their own `/etc/hosts`. */
export const mirrorName = 'mirror.lab';

/** What the owner of a host has there before we come: each path with its content. */
export const ownFiles: ReadonlyMap<string, string> = new Map([
	[
		'/etc/rancher/k3s/config.yaml',
		'# Of the owner, with a comment.\nnode-label:\n  - "owner=somebody"\n',
	],
	['/etc/systemd/system/owner.service', '[Service]\nExecStart=/bin/true\n'],
	['/usr/local/bin/k3s-owner', '#!/bin/sh\necho mine\n'],
	['/var/lib/rancher/owner/data', 'what nobody else has\n'],
]);

/** Lets in what K3s needs by the owner's own rules, so that our own are all that there is to do. */
const firewall = `
ufw default deny incoming
ufw allow 22,6443,10250/tcp
ufw allow 51820/udp
ufw allow from 192.0.2.99 to any port 8080 comment owner
ufw --force enable
`;

const writeOwnFiles = [...ownFiles]
	.map(
		([file, content]) =>
			`mkdir -p "$(dirname ${file})"\ncat >${file} <<'CONTENT'\n${content}CONTENT\n`,
	)
	.join('');

const setup = `
echo '${mirrorAddress} ${mirrorName}' >>/etc/hosts
${writeOwnFiles}`;

/** One server and one agent with owners, firewalls and small disks of their own. */
export const faultHosts: Topology = {
	name: 'faults',
	about: 'one server and one agent, each with things of its owner',
	sites: [],
	hosts: [
		publicHost('srv', 'server', '198.51.100.91', {
			sshUser: 'me',
			diskMegabytes: 3072,
			setup: setup + firewall,
		}),
		publicHost('agt', 'agent', '203.0.113.92', {
			sshUser: 'me',
			diskMegabytes: 3072,
			setup: setup + firewall,
		}),
	],
};

/** The same as virtual machines, which have clocks of their own; without the firewall, which takes them minutes. */
export const faultMachines: Topology = {
	...faultHosts,
	about: `${faultHosts.about}, as virtual machines`,
	hosts: faultHosts.hosts.map(({diskMegabytes, ...host}) => ({
		...host,
		setup,
	})),
};

/** The same with a control server of a tailnet, and without firewalls; the agent gets its Tailscale from us. */
export const faultTailnet: Topology = {
	...faultHosts,
	name: 'faults-tailnet',
	about: `${faultHosts.about}, and a headscale`,
	tailnet: 'current',
	hosts: faultHosts.hosts.map((host) => ({
		...host,
		setup,
		...(host.role === 'server' && {tailscale: 'installed'}),
	})),
};
