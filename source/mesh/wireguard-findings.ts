import {sharesSite} from '../checks/conclusions/sites.js';
import type {Finding} from '../checks/finding.js';
import {
	addressFamily,
	addressScope,
	sameAddress,
} from '../cluster/addresses.js';
import type {NodeSpec} from '../cluster/schema.js';
import {k3sPorts, wireguardPort} from './k3s-requirements.js';
import type {MeshContext} from './mesh.js';
import {furtherIpv6, hasFamily, podFamilies} from './node-ips.js';
import {finding} from './wireguard-finding.js';
import {natFindings} from './wireguard-nat.js';

const list = (names: readonly string[]): string =>
	new Intl.ListFormat('en', {type: 'conjunction'}).format(names);

const missingAddresses = ({cluster, facts}: MeshContext): Finding[] =>
	cluster.nodes
		.filter(({externalIp}) => externalIp === undefined)
		.map((node) => {
			const candidate = facts
				.get(node.name)
				?.addresses.find(({address}) => addressScope(address) === 'public');
			return finding('wireguard.external-ip-required', 'error', {
				message: `${node.name} has no external address. WireGuard between nodes needs one address of each node that all others can reach.`,
				nodes: [node.name],
				fixes: [
					candidate === undefined
						? `Set externalIp of ${node.name} to the public address under which it is reached.`
						: `Set externalIp of ${node.name} to ${candidate.address}, which its ${candidate.device} has.`,
				],
			});
		});

const sharedAddresses = ({cluster, facts}: MeshContext): Finding[] => {
	const groups: NodeSpec[][] = [];
	for (const node of cluster.nodes) {
		if (node.externalIp === undefined) {
			continue;
		}

		const group = groups.find((one) =>
			sameAddress(one[0]!.externalIp!, node.externalIp!),
		);
		if (group === undefined) {
			groups.push([node]);
		} else {
			group.push(node);
		}
	}

	return groups
		.filter((group) => group.length > 1)
		.map((group) => {
			const address = group[0]!.externalIp!;
			const owner = group.find(({name}) =>
				facts
					.get(name)
					?.addresses.some((one) => sameAddress(one.address, address)),
			);
			const others = group
				.filter((node) => node !== owner)
				.map(({name}) => name);
			return finding('wireguard.external-ip-unique', 'error', {
				message: `${list(group.map(({name}) => name))} share the external address ${address}: WireGuard cannot tell them apart.`,
				nodes: group.map(({name}) => name),
				fixes: [
					owner === undefined
						? 'Give each node a public address of its own.'
						: `It is on an interface of ${owner.name}: set externalIp of ${list(others)} to ${others.length === 1 ? 'its own address' : 'their own addresses'}.`,
					'Or keep one of these nodes in the cluster and leave the others out: one public address carries one node.',
				],
			});
		});
};

const mixedFamilies = ({cluster}: MeshContext): Finding[] => {
	const having = cluster.nodes.filter(
		({externalIp}) => externalIp !== undefined,
	);
	const ipv6 = having.filter(
		({externalIp}) => addressFamily(externalIp!) === 6,
	);
	if (ipv6.length === 0 || ipv6.length === having.length) {
		return [];
	}

	const fewer =
		ipv6.length * 2 <= having.length
			? ipv6
			: having.filter((node) => !ipv6.includes(node));
	return [
		finding('wireguard.address-family', 'error', {
			message: `${list(fewer.map(({name}) => name))} ${fewer.length === 1 ? 'has' : 'have'} an ${fewer === ipv6 ? 'IPv6' : 'IPv4'} external address and the other nodes an ${fewer === ipv6 ? 'IPv4' : 'IPv6'} one: they cannot reach each other.`,
			nodes: fewer.map(({name}) => name),
			fixes: ['Use external addresses of one family on all nodes.'],
		}),
	];
};

/** Flannel sends packets of each family of the pods between addresses of that family alone. */
const podFamiliesWithoutAddress = (context: MeshContext): Finding[] => {
	const {cluster, facts} = context;
	const families = podFamilies(cluster);
	const {nodes} = cluster;
	if (nodes.length < 2 || families.length === 0) {
		return [];
	}

	const together = sharesSite(context);
	return nodes.flatMap((node) => {
		const host = facts.get(node.name);
		if (node.externalIp === undefined || host === undefined) {
			return [];
		}

		const family = addressFamily(node.externalIp);
		if (family === 6 && !families.includes(6)) {
			return [
				finding('wireguard.address-family', 'error', {
					message: `The external address of ${node.name} is one of IPv6, and pods have IPv4 alone: flannel sends their packets between IPv4 addresses only.`,
					nodes: [node.name],
					fixes: [
						`Give podCidr and serviceCidr networks of IPv6, or set externalIp of ${node.name} to an IPv4 address.`,
					],
				}),
			];
		}

		const lacksIpv6 =
			family === 4 &&
			families.includes(6) &&
			// One that has none at all is a matter of `cidr.node-family`.
			hasFamily(host, 6) &&
			furtherIpv6(node, host) === undefined;
		return lacksIpv6 && nodes.some(({name}) => !together(name, node.name))
			? [
					finding('wireguard.address-family', 'error', {
						message: `${node.name} has no public IPv6 address, and pods are to have IPv6: flannel sends their packets of IPv6 between IPv6 addresses only, and other sites cannot reach ${node.name} so.`,
						nodes: [node.name],
						fixes: [
							`Give ${node.name} a public IPv6 address, or podCidr and serviceCidr networks of IPv4 only.`,
						],
					}),
				]
			: [];
	});
};

/** As long as the external addresses are of two families, nothing that the pods have of them matters. */
const familyFindings = (context: MeshContext): readonly Finding[] => {
	const mixed = mixedFamilies(context);
	return mixed.length > 0 ? mixed : podFamiliesWithoutAddress(context);
};

const kernelFixes = (osId: string): string[] => {
	if (['rhel', 'centos', 'rocky', 'almalinux', 'ol', 'fedora'].includes(osId)) {
		return [
			'Install the extra kernel modules, then reboot:',
			'dnf install -y kernel-modules-extra',
		];
	}

	if (osId === 'ubuntu') {
		return [
			'Install the extra kernel modules:',
			'apt-get install -y linux-modules-extra-$(uname -r)',
		];
	}

	return [
		'Use a kernel of 5.6 or later, which has WireGuard in it, or install the WireGuard module of the distribution.',
	];
};

const kernelSupport = ({cluster, facts}: MeshContext): Finding[] =>
	cluster.nodes.flatMap(({name}) => {
		const host = facts.get(name);
		if (host === undefined || host.wireguard === 'available') {
			return [];
		}

		return [
			finding(
				'wireguard.kernel',
				host.wireguard === 'missing' ? 'error' : 'warning',
				{
					message:
						host.wireguard === 'missing'
							? `The kernel of ${name} (${host.kernel}) has no WireGuard.`
							: `It could not be told whether the kernel of ${name} (${host.kernel}) has WireGuard.`,
					nodes: [name],
					fixes: kernelFixes(host.os.id),
				},
			),
		];
	});

const takenPorts = ({cluster, facts}: MeshContext): Finding[] =>
	cluster.nodes.flatMap((node) => {
		const host = facts.get(node.name);
		const ports = new Set([
			wireguardPort(node),
			...(podFamilies(cluster).includes(6) ? [k3sPorts.wireguardIpv6] : []),
		]);
		const holder = host?.listening.find(
			(entry) => entry.protocol === 'udp' && ports.has(entry.port),
		);
		const ownMesh =
			host?.k3s?.unitState === 'active' ||
			host?.k3s?.unitState === 'activating' ||
			holder?.process?.startsWith('k3s') === true;
		return holder === undefined || ownMesh
			? []
			: [
					finding('wireguard.port-in-use', 'error', {
						message: `UDP port ${holder.port} on ${node.name} is held by ${holder.process ?? 'a WireGuard interface or another part of the kernel'}, and K3s needs it.`,
						nodes: [node.name],
						fixes: [
							holder.process === undefined
								? 'See which interface it is, and give that one another port:'
								: `Stop ${holder.process}, or give it another port.`,
							...(holder.process === undefined
								? ['wg show all listen-port']
								: []),
						],
					}),
				];
	});

/** What speaks against WireGuard with these nodes. */
export const wireguardFindings = (context: MeshContext): readonly Finding[] => [
	...missingAddresses(context),
	...sharedAddresses(context),
	...familyFindings(context),
	...natFindings(context),
	...kernelSupport(context),
	...takenPorts(context),
];
