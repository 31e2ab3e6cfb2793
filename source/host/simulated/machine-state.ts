import type {HostFacts, ListeningPort} from '../../facts/host-facts.js';
import {parseManifest} from '../../install/manifest.js';
import {flannelConfPath} from '../../mesh/flannel-conf.js';
import {manifestPath} from '../scripts/manifest.js';
import {configFilesOf} from './file-answers.js';
import type {Machine} from './machine.js';

/** What listens on a machine: its own programs, and K3s once it runs. WireGuard's socket is the kernel's. */
export const listeningOf = (machine: Machine): readonly ListeningPort[] => {
	const {k3s, facts} = machine;
	if (k3s.unit.activeState !== 'active' || k3s.installed === undefined) {
		return facts.listening;
	}

	const {role} = k3s.installed;
	const process = role === 'server' ? 'k3s-server' : 'k3s-agent';
	const tcp = role === 'server' ? [6443, 10_250] : [10_250];
	return [
		...facts.listening,
		...tcp.map((port) => ({
			protocol: 'tcp' as const,
			address: '::',
			port,
			process,
		})),
		{protocol: 'udp', address: '0.0.0.0', port: 51_820, process: undefined},
	];
};

/** What a machine says about itself now. */
export const factsNow = (
	machine: Machine,
	{
		now,
		port,
		dialed,
		rootRefused,
	}: {
		readonly now: number;
		/** The port of SSH. */
		readonly port: number;
		/** The address that we dialed. */
		readonly dialed: string;
		/** Why the login does not become root, when it does not. */
		readonly rootRefused?: string | undefined;
	},
): HostFacts => {
	const {facts, k3s, files} = machine;
	const manifestText = files.get(manifestPath)?.content;
	const flannelConfText = files.get(flannelConfPath)?.content;
	const manifest =
		manifestText === undefined ? undefined : parseManifest(manifestText);
	const onMachine = facts.addresses[0]!.address;
	return {
		...facts,
		clock: {...facts.clock, unixMs: now + facts.clock.offsetMs},
		listening: listeningOf(machine),
		firewall: {
			...facts.firewall,
			summary: [
				facts.firewall.summary,
				...machine.rules.map(({add}) => add.join(' ')),
			].join('\n'),
		},
		sshConnection: facts.sshConnection ?? {
			clientAddress: '203.0.113.200',
			clientPort: 50_000,
			serverAddress: onMachine,
			serverPort: port,
			dialedAddress: dialed,
		},
		...(rootRefused !== undefined && {privilege: 'none', rootRefused}),
		k3s:
			k3s.installed === undefined && k3s.binary === undefined
				? facts.k3s
				: {
						role: k3s.installed?.role,
						version: k3s.binary,
						unitState:
							k3s.installed === undefined
								? 'absent'
								: (k3s.unit.activeState as 'active'),
						configFiles: configFilesOf(machine),
						caHash: k3s.cluster?.caHash,
						...(flannelConfText !== undefined && {
							flannelMtu: (
								JSON.parse(flannelConfText) as {Backend: {MTU: number}}
							).Backend.MTU,
						}),
					},
		manifest: manifest && {
			cluster: manifest.cluster,
			files: manifest.files,
			appliedHash: manifest.appliedHash,
		},
	};
};
