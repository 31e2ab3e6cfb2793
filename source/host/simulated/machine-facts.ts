import type {HostFacts} from '../../facts/host-facts.js';

const gibibyte = 1024 ** 3;

/** What a plain Debian server without firewall and without K3s says about itself. */
export const makeMachineFacts = (
	facts: Partial<HostFacts> & {readonly hostname: string},
): HostFacts => ({
	machineId: '',
	os: {
		id: 'debian',
		versionId: '12',
		prettyName: 'Debian GNU/Linux 12 (bookworm)',
	},
	machine: 'x86_64',
	architecture: 'amd64',
	kernel: '6.1.0-28-amd64',
	init: 'systemd',
	cpuCount: 2,
	memoryBytes: 4 * gibibyte,
	disks: [
		{path: '/usr/local/bin', freeBytes: 30 * gibibyte, readOnly: false},
		{path: '/var/lib/rancher', freeBytes: 30 * gibibyte, readOnly: false},
		{path: '/etc', freeBytes: 30 * gibibyte, readOnly: false},
	],
	addresses: [],
	routes: [],
	dnsServers: ['9.9.9.9'],
	clock: {unixMs: 0, offsetMs: 0, synchronized: true},
	cgroup: {version: 2, memory: true},
	wireguard: 'available',
	listening: [{protocol: 'tcp', address: '0.0.0.0', port: 22, process: 'sshd'}],
	firewall: {kind: 'none', active: false, defaultDeny: false, summary: ''},
	forwarding: {ipv4: false, policy: 'accept', blockingRules: []},
	selinux: 'disabled',
	k3s: undefined,
	cloud: undefined,
	sshConnection: undefined,
	tools: {
		curl: true,
		wget: true,
		'systemd-run': true,
		wg: true,
		ufw: facts.firewall?.kind === 'ufw',
		'firewall-cmd': facts.firewall?.kind === 'firewalld',
		nft: true,
		iptables: true,
		sha256sum: true,
		socat: false,
		perl: true,
		ping: true,
	},
	python: '/usr/bin/python3',
	probeTools: {perl: '/usr/bin/perl', bash: '/usr/bin/bash'},
	privilege: 'root',
	runningSteps: [],
	manifest: undefined,
	...facts,
});
