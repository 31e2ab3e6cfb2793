import {clusterSchema, type Cluster} from '../../cluster/schema.js';
import type {MachineSpec} from './machine.js';
import {makeSimulatedWorld, type SimulatedWorld} from './world.js';

const gibibyte = 1024 ** 3;

/**
 * The machines of the demo, a story that many know: a server at a cloud, a small computer at home behind a router
 * that maps an address of its own to it, a second cloud across the ocean whose firewall lets only SSH and WireGuard
 * in (a warning, which the plan takes care of). A fourth machine, ams2, is there to be added: it refuses SSH on port 22
 * and has it on 2222. Who logs in there as anybody but root is asked for a password by sudo, which takes any.
 */
export const demoMachines: readonly MachineSpec[] = [
	{
		hostname: 'fra1',
		dial: ['198.51.100.11', 'fra1', 'fra1.example.org'],
		externalIp: '198.51.100.11',
		rttMs: 12,
		facts: {cloud: 'hetzner', memoryBytes: 4 * gibibyte, cpuCount: 2},
	},
	{
		hostname: 'nuc',
		dial: ['nuc.lan', 'nuc', '192.168.1.4'],
		user: 'me',
		externalIp: '192.0.2.7',
		internal: {address: '192.168.1.4', network: 'home'},
		rttMs: 9,
		facts: {
			os: {id: 'ubuntu', versionId: '24.04', prettyName: 'Ubuntu 24.04.1 LTS'},
			kernel: '6.8.0-51-generic',
			memoryBytes: 16 * gibibyte,
			cpuCount: 4,
		},
	},
	{
		hostname: 'nyc1',
		dial: ['203.0.113.21', 'nyc1', 'nyc1.example.org'],
		externalIp: '203.0.113.21',
		rttMs: 84,
		facts: {
			cloud: 'digitalocean',
			firewall: {
				kind: 'ufw',
				active: true,
				defaultDeny: true,
				summary: [
					'Status: active',
					'Default: deny (incoming), allow (outgoing), disabled (routed)',
					'22/tcp                     ALLOW IN    Anywhere',
					'51820/udp                  ALLOW IN    Anywhere',
				].join('\n'),
			},
		},
		closed: [
			{protocol: 'tcp', port: 10_250, how: 'filtered', by: 'host-firewall'},
			{protocol: 'tcp', port: 6443, how: 'filtered', by: 'host-firewall'},
		],
	},
	{
		hostname: 'ams2',
		sudoPassword: 'any',
		dial: ['203.0.113.40', 'ams2', 'ams2.example.org'],
		sshPort: 2222,
		externalIp: '203.0.113.40',
		rttMs: 18,
		facts: {
			machine: 'aarch64',
			architecture: 'arm64',
			kernel: '6.1.0-28-arm64',
			memoryBytes: 8 * gibibyte,
		},
	},
];

/** The cluster that the demo begins with. */
export const demoCluster = (): Cluster =>
	clusterSchema.parse({
		version: 1,
		name: 'demo',
		nodes: [
			{
				name: 'fra1',
				role: 'server',
				ssh: 'root@198.51.100.11',
				externalIp: '198.51.100.11',
			},
			{
				name: 'nuc',
				role: 'agent',
				ssh: 'me@nuc.lan',
				externalIp: '192.0.2.7',
				internalIp: '192.168.1.4',
			},
			{
				name: 'nyc1',
				role: 'agent',
				ssh: 'root@203.0.113.21',
				externalIp: '203.0.113.21',
			},
		],
	});

/** The demo's world, with its cluster. Pace 1 goes as fast as real machines would. */
export const makeDemoWorld = (
	options: Pick<
		Parameters<typeof makeSimulatedWorld>[0],
		'pace' | 'now' | 'random'
	>,
): {readonly world: SimulatedWorld; readonly cluster: Cluster} => ({
	world: makeSimulatedWorld({...options, machines: demoMachines}),
	cluster: demoCluster(),
});
