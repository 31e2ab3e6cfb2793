import {
	clusterSchema,
	type Cluster,
	type ClusterInput,
} from '../../source/cluster/schema.js';
import type {FirewallFacts, HostFacts} from '../../source/facts/host-facts.js';
import {
	noMeasurements,
	type Cell,
	type Measurements,
	type Verdict,
} from '../../source/facts/measurements.js';
import {meshOf} from '../../source/mesh/catalogue.js';
import type {MeshContext} from '../../source/mesh/mesh.js';

/** A good machine: Debian on a public address, nothing installed. */
export const makeFacts = (
	name: string,
	address: string,
	overrides: Partial<HostFacts> = {},
): HostFacts => ({
	hostname: name,
	machineId: `id-of-${name}`,
	os: {
		id: 'debian',
		versionId: '12',
		prettyName: 'Debian GNU/Linux 12 (bookworm)',
	},
	machine: 'x86_64',
	architecture: 'amd64',
	kernel: '6.1.0-30-cloud-amd64',
	init: 'systemd',
	cpuCount: 2,
	memoryBytes: 4_000_000_000,
	disks: [
		{path: '/usr/local/bin', freeBytes: 20_000_000_000, readOnly: false},
		{path: '/var/lib/rancher', freeBytes: 20_000_000_000, readOnly: false},
		{path: '/etc', freeBytes: 20_000_000_000, readOnly: false},
	],
	addresses: [
		{device: 'lo', address: '127.0.0.1', prefix: 8, family: 4, mtu: 65_536},
		{device: 'eth0', address, prefix: 24, family: 4, mtu: 1500},
	],
	routes: [
		{
			destination: '0.0.0.0/0',
			via: '198.51.100.254',
			device: 'eth0',
			source: address,
		},
	],
	dnsServers: ['192.0.2.53'],
	clock: {unixMs: 1_800_000_000_000, offsetMs: 3, synchronized: true},
	cgroup: {version: 2, memory: true},
	wireguard: 'available',
	listening: [{protocol: 'tcp', address: '0.0.0.0', port: 22, process: 'sshd'}],
	firewall: {kind: 'none', active: false, defaultDeny: false, summary: ''},
	forwarding: {ipv4: true, policy: 'accept', blockingRules: []},
	selinux: 'disabled',
	k3s: undefined,
	tailscale: undefined,
	cloud: undefined,
	sshConnection: undefined,
	tools: {
		curl: true,
		wget: true,
		'systemd-run': true,
		wg: true,
		ufw: false,
		'firewall-cmd': false,
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
	...overrides,
});

/** A cluster from what a file would hold. */
export const makeCluster = (
	nodes: ClusterInput['nodes'],
	rest: Omit<ClusterInput, 'version' | 'name' | 'nodes'> = {},
): Cluster => clusterSchema.parse({version: 1, name: 'home', ...rest, nodes});

/** Three public machines: a server and two agents. */
export const lan3 = (): Cluster =>
	makeCluster([
		{
			name: 'fra1',
			role: 'server',
			ssh: 'root@198.51.100.11',
			externalIp: '198.51.100.11',
		},
		{
			name: 'nuc',
			role: 'agent',
			ssh: 'root@198.51.100.12',
			externalIp: '198.51.100.12',
		},
		{
			name: 'pi4',
			role: 'agent',
			ssh: 'root@198.51.100.13',
			externalIp: '198.51.100.13',
		},
	]);

/** Three servers at one place and an agent elsewhere. */
export const ha3 = (): Cluster =>
	makeCluster([
		...['s1', 's2', 's3'].map((name, index) => ({
			name,
			role: 'server' as const,
			ssh: `root@198.51.100.${21 + index}`,
			externalIp: `198.51.100.${21 + index}`,
			internalIp: `192.168.7.${1 + index}`,
			site: 'dc',
		})),
		{
			name: 'far',
			role: 'agent',
			ssh: 'root@203.0.113.9',
			externalIp: '203.0.113.9',
		},
	]);

/** Good facts of every node, changed by name where a test says so. */
export const factsOf = (
	cluster: Cluster,
	overrides: Readonly<Record<string, Partial<HostFacts>>> = {},
): ReadonlyMap<string, HostFacts> =>
	new Map(
		cluster.nodes.map((node) => {
			const facts = makeFacts(node.name, node.externalIp ?? '192.168.99.9');
			return [
				node.name,
				{
					...facts,
					addresses:
						node.internalIp === undefined
							? facts.addresses
							: [
									...facts.addresses,
									{
										device: 'eth1',
										address: node.internalIp,
										prefix: 24,
										family: 4 as const,
										mtu: 1500,
									},
								],
					...overrides[node.name],
				},
			];
		}),
	);

/** Every path that the cluster needs with a verdict; `open` when none is said. */
export const measured = (
	cluster: Cluster,
	verdictOf: (cell: Cell['path']) => Verdict | undefined = () => undefined,
): Measurements => ({
	...noMeasurements,
	cells: meshOf(cluster)
		.requirements({cluster, facts: new Map(), measurements: noMeasurements})
		.map(({from, to, addressKind, protocol, port}): Cell => {
			const target = cluster.nodes.find(({name}) => name === to)!;
			const path = {
				from,
				to,
				addressKind,
				address:
					(addressKind === 'external'
						? target.externalIp
						: target.internalIp) ?? '192.0.2.200',
				protocol,
				port,
			};
			const verdict = verdictOf(path) ?? {kind: 'open', rttMs: 2};
			return {
				path,
				verdict,
				sent: 5,
				answered: verdict.kind === 'open' ? 5 : 0,
				observedSource: undefined,
			};
		}),
});

export const makeContext = (
	cluster: Cluster,
	overrides: Readonly<Record<string, Partial<HostFacts>>> = {},
	measurements: Measurements = noMeasurements,
): MeshContext => ({cluster, facts: factsOf(cluster, overrides), measurements});

/** An active firewall that lets nothing in that no rule names. */
export const denying = (
	kind: Exclude<FirewallFacts['kind'], 'none'>,
	summary = '',
): Partial<HostFacts> => ({
	firewall: {kind, active: true, defaultDeny: true, summary},
	forwarding: {ipv4: true, policy: 'drop', blockingRules: []},
});
