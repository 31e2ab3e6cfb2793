import type {Cluster, NodeSpec} from '../../cluster/schema.js';
import {formatSshTarget} from '../../cluster/ssh-target.js';
import {
	proposeExternalAddress,
	proposeInternalAddress,
	type AddressProposal,
} from '../../facts/external-address.js';
import type {HostFacts} from '../../facts/host-facts.js';
import {formatMs} from '../format.js';
import type {NodeContacts} from './nodes-model.js';
import type {Failure} from './work.js';

/** A row of the Nodes screen, as text. */
export type NodeRow = {
	readonly name: string;
	readonly state: 'working' | 'ready' | 'failed';
	readonly role: string;
	readonly ssh: string;
	readonly external: string;
	readonly internal: string;
	readonly host: string;
	readonly rtt: string;
	readonly failure: Failure | undefined;
	/** More about the node, for when it is selected. */
	readonly details: readonly string[];
};

const nothing = '–';

const systemNames: Readonly<Record<string, string>> = {
	debian: 'Debian',
	ubuntu: 'Ubuntu',
	fedora: 'Fedora',
	rocky: 'Rocky',
	almalinux: 'Alma',
	centos: 'CentOS',
	rhel: 'RHEL',
	arch: 'Arch',
	alpine: 'Alpine',
	'opensuse-leap': 'Leap',
	'opensuse-tumbleweed': 'Tumbleweed',
	'sle-micro': 'SLE Micro',
	raspbian: 'Raspbian',
	amzn: 'Amazon',
};

/** The system of a machine, short: `Debian 12 amd64`. */
export const hostText = ({os, machine, architecture}: HostFacts): string =>
	[systemNames[os.id] ?? os.id, os.versionId, architecture ?? machine]
		.filter((part) => part !== '')
		.join(' ');

const gibibyte = 1024 ** 3;

const addressLine = (
	kind: 'external' | 'internal',
	chosen: string | undefined,
	proposal: AddressProposal,
): string => {
	if (chosen === undefined) {
		return proposal.address === undefined
			? `no ${kind} address: ${proposal.reason}`
			: `no ${kind} address is set; the node suggests ${proposal.address}`;
	}

	return chosen === proposal.address
		? `${kind} ${chosen}: ${proposal.origin}`
		: `${kind} ${chosen}: set by you${proposal.address === undefined ? '' : `; the node suggests ${proposal.address}`}`;
};

const detailLines = (
	node: NodeSpec,
	facts: HostFacts,
	external: AddressProposal,
): readonly string[] => {
	const {k3s} = facts;
	return [
		addressLine('external', node.externalIp, external),
		addressLine('internal', node.internalIp, proposeInternalAddress(facts)),
		[
			// What decides stands first: a narrow terminal cuts the end off.
			k3s === undefined
				? 'no K3s'
				: `K3s ${k3s.version ?? ''} ${k3s.role ?? ''} (${k3s.unitState})`,
			...(facts.firewall.active ? [facts.firewall.kind] : []),
			...(facts.cloud === undefined ? [] : [facts.cloud]),
			`${facts.cpuCount} CPU`,
			`${(facts.memoryBytes / gibibyte).toFixed(1)} GB`,
			facts.os.prettyName,
			`kernel ${facts.kernel}`,
		].join(' · '),
	];
};

/** The rows of the Nodes screen. */
export const nodeRows = (
	cluster: Cluster,
	{contacts, lastFacts}: NodeContacts,
): readonly NodeRow[] =>
	cluster.nodes.map((node): NodeRow => {
		const contact = contacts.get(node.name);
		const ssh = formatSshTarget(node.ssh);
		const base = {name: node.name, role: node.role, ssh};
		const facts =
			contact?.state === 'ready' ? contact.facts : lastFacts.get(ssh);
		if (contact?.state === 'failed') {
			return {
				...base,
				state: 'failed',
				external: node.externalIp ?? nothing,
				internal: node.internalIp ?? nothing,
				host: nothing,
				rtt: nothing,
				failure: contact,
				details: [],
			};
		}

		if (facts === undefined) {
			return {
				...base,
				state: 'working',
				external:
					node.externalIp ??
					(contact?.state === 'asking' ? 'asking…' : 'connecting…'),
				internal: node.internalIp ?? '',
				host: '',
				rtt: '',
				failure: undefined,
				details: [],
			};
		}

		const proposal = proposeExternalAddress(node.ssh, facts);
		const isNat =
			proposal.nat === 'behind-nat' && proposal.address === node.externalIp;
		return {
			...base,
			state: contact?.state === 'ready' ? 'ready' : 'working',
			external: `${node.externalIp ?? nothing}${isNat ? ' NAT' : ''}`,
			internal: node.internalIp ?? nothing,
			host: hostText(facts),
			rtt:
				contact?.state === 'ready' ? `${formatMs(contact.host.rttMs)}ms` : '',
			failure: undefined,
			details: detailLines(node, facts, proposal),
		};
	});
