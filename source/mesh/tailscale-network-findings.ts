import {groupBy} from '../checks/conclusions/group-by.js';
import {sharesSite} from '../checks/conclusions/sites.js';
import type {Finding} from '../checks/finding.js';
import {addressFamily, cidrsOverlap, isCidr} from '../cluster/addresses.js';
import {meetsMinimum} from '../cluster/versions.js';
import {keepsOut} from './close-ports.js';
import {nodePairs} from './k3s-requirements.js';
import type {MeshContext} from './mesh.js';
import {
	hasDirectPods,
	isLoggedIn,
	releaseOf,
	tailnetFamilies,
	tailnetInterface,
	tailnetMtu,
	vxlanOverhead,
} from './tailnet.js';
import {finding, list, type TailnetKind} from './tailscale-finding.js';
import {keyUnusedReleases} from './tailscale-versions.js';

/** A machine of the tailnet that is none of the cluster's, and a network that others send to it. */
type ForeignRoute = {
	/** Of the machine. */
	readonly name: string;
	readonly route: string;
	/** The nodes that send to it; empty where only the control server tells of it. */
	readonly nodes: readonly string[];
};

/** Routes of machines that are none of the cluster's, as the nodes and the control server know them. */
const foreignRoutes = (
	{cluster, facts, measurements}: MeshContext,
	kind: TailnetKind,
): readonly ForeignRoute[] => {
	const own = new Set(
		cluster.nodes.flatMap(
			({name}) => facts.get(name)?.tailscale?.addresses ?? [],
		),
	);
	const isForeign = ({
		addresses,
	}: {
		readonly addresses: readonly string[];
	}): boolean => !addresses.some((address) => own.has(address));
	const seen = cluster.nodes.flatMap(({name: node}) => {
		const tailscale = facts.get(node)?.tailscale;
		// Who takes no routes sends nothing by them.
		return tailscale === undefined ||
			(kind === 'tailscale-ip' && !tailscale.acceptsRoutes)
			? []
			: tailscale.peers
					.filter((peer) => isForeign(peer))
					.flatMap((peer) =>
						peer.allowedIps
							.filter((route) => !peer.addresses.includes(route.split('/')[0]!))
							.map((route) => ({name: peer.name, route, nodes: [node]})),
					);
	});
	const look = measurements.tailnet?.api;
	const told =
		kind === 'tailscale' && look?.kind === 'asked'
			? look.devices
					.filter((device) => isForeign(device))
					.flatMap(({name, routes}) =>
						routes.map((route) => ({name, route, nodes: []})),
					)
			: [];
	const label = ({name, route}: ForeignRoute): string =>
		`${name.split('.')[0]!} ${route}`;
	return [...groupBy([...seen, ...told], label).values()].map((group) => ({
		...group[0]!,
		nodes: [...new Set(group.flatMap(({nodes}) => nodes))],
	}));
};

/** Other machines of the tailnet that are sent packets for the cluster's networks. */
const routesConflict = (
	context: MeshContext,
	kind: TailnetKind,
): readonly Finding[] => {
	const {network} = context.cluster;
	const networks = [
		...network.podCidr.map((cidr) => ['pod network', cidr] as const),
		...network.serviceCidr.map((cidr) => ['service network', cidr] as const),
	];
	const routes = foreignRoutes(context, kind).filter(
		({route}) => !route.endsWith('/0') && isCidr(route),
	);
	return networks.flatMap(([what, cidr]) => {
		const overlapping = routes.filter(({route}) => cidrsOverlap(route, cidr));
		// One sentence for each machine, whatever number of its routes.
		return [...groupBy(overlapping, ({name}) => name).values()].map(
			([first, ...others]) =>
				finding('tailscale.routes-conflict', 'error', {
					message: `The tailnet routes ${first!.route} to ${first!.name}, which is none of this cluster's nodes, and the ${what} ${cidr} overlaps it: another cluster in the same tailnet, perhaps.`,
					nodes: [...new Set([first!, ...others].flatMap(({nodes}) => nodes))],
					fixes: [
						`Choose another ${what}, such as ${what === 'pod network' ? '10.142.0.0/16' : '10.143.0.0/16'}. It cannot be changed later.`,
						`Or take that route of ${first!.name} back in the administration of the tailnet, if nobody needs it.`,
					],
				}),
		);
	});
};

/** Nodes that are in the tailnet without an address of a family that the pods have. */
const missingFamilies = ({cluster, facts}: MeshContext): readonly Finding[] =>
	cluster.nodes.flatMap(({name}) => {
		const host = facts.get(name);
		const missing = isLoggedIn(host)
			? tailnetFamilies(cluster).filter(
					(family) =>
						!host.tailscale.addresses.some(
							(address) => addressFamily(address) === family,
						),
				)
			: [];
		return missing.length === 0
			? []
			: [
					finding('tailscale.dual-stack', 'error', {
						message: `${name} has no IPv${missing.join(' and no IPv')} address in the tailnet, and pods are to have that family.`,
						nodes: [name],
						fixes: [
							'Give podCidr and serviceCidr the families that the tailnet gives its machines.',
							`Or let the control server give ${name} an address of that family, and let its kernel have it (sysctl net.ipv6.conf.all.disable_ipv6).`,
						],
					}),
				];
	});

/** The least that a link must carry for IPv6, in bytes (RFC 8200): the kernel has no IPv6 on a smaller one. */
const ipv6Minimum = 1280;

/** Flannel's tunnel inside of the tailnet's is too narrow for IPv6. */
const narrowTunnel = ({cluster}: MeshContext): readonly Finding[] =>
	hasDirectPods(cluster) ||
	!tailnetFamilies(cluster).includes(6) ||
	tailnetMtu - vxlanOverhead >= ipv6Minimum
		? []
		: [
				finding('tailscale.dual-stack', 'error', {
					message: `Pods can have no IPv6 here: flannel's tunnel through the tailnet carries packets of ${tailnetMtu - vxlanOverhead} bytes, and IPv6 needs ${ipv6Minimum}, so that flannel does not start.`,
					nodes: [],
					fixes: [
						'Give podCidr and serviceCidr networks of IPv4 only.',
						'Or use the mesh "tailscale", which carries packets of pods as they are; or podTraffic: direct, where all nodes share a network.',
					],
				}),
			];

/** K3s's integration with pods of both families. */
const bothFamilies = (context: MeshContext): readonly Finding[] => {
	const release = releaseOf(context);
	if (tailnetFamilies(context.cluster).length < 2 || release === undefined) {
		return [];
	}

	const fixes = ['Give podCidr and serviceCidr networks of IPv4 only.'];
	return meetsMinimum(release, keyUnusedReleases)
		? [
				finding('tailscale.dual-stack', 'warning', {
					message: `Pods of both families over K3s's Tailscale integration have failed to start in releases before ("::/0 advertised without its IPv4 counterpart"); nothing is known against ${release}.`,
					nodes: [],
					fixes,
				}),
			]
		: [
				finding('tailscale.dual-stack', 'error', {
					message: `K3s ${release} does not start with pods of both families over its Tailscale integration ("::/0 advertised without its IPv4 counterpart").`,
					nodes: [],
					fixes: [
						'Set k3s.version to v1.34.8, v1.35.5 or v1.36.1 at least.',
						...fixes,
					],
				}),
			];
};

/** The family of the first `node-ip` must be one that the node has in the tailnet (pkg/vpn). */
const oddInternal = ({cluster}: MeshContext): readonly Finding[] =>
	cluster.nodes
		.filter(
			({internalIp}) =>
				internalIp !== undefined &&
				!tailnetFamilies(cluster).includes(addressFamily(internalIp)),
		)
		.map(({name, internalIp}) =>
			finding('tailscale.dual-stack', 'error', {
				message: `internalIp of ${name} is an IPv${addressFamily(internalIp!)} address, and pods are to have IPv${tailnetFamilies(cluster)[0]!}: K3s refuses that ("address family mismatch").`,
				nodes: [name],
				fixes: [
					`Set internalIp of ${name} to an address of the pods' family, or leave it out.`,
				],
			}),
		);

const directPods = (context: MeshContext): readonly Finding[] => {
	const {cluster} = context;
	if (!hasDirectPods(cluster)) {
		return [];
	}

	const fixes = ['Set mesh.podTraffic to tailnet.'];
	const without = cluster.nodes
		.filter(({internalIp}) => internalIp === undefined)
		.map(({name}) => name);
	if (without.length > 0) {
		return [
			finding('tailscale.direct-pods', 'error', {
				message: `Packets between pods are to take the ordinary network (mesh.podTraffic: direct), and ${list(without)} ${without.length === 1 ? 'has' : 'have'} no internal address there.`,
				nodes: without,
				fixes: [
					'Set internalIp of each node to its address in the network that all share.',
					...fixes,
				],
			}),
		];
	}

	const together = sharesSite(context);
	const apart = nodePairs(cluster.nodes).find(
		([one, other]) => !together(one.name, other.name),
	);
	return apart === undefined
		? []
		: [
				finding('tailscale.direct-pods', 'error', {
					message: `Packets between pods are to take the ordinary network (mesh.podTraffic: direct), and ${apart[0].name} and ${apart[1].name} share none, as far as is known. Flannel does not encrypt there, so that it must not go over others' networks.`,
					nodes: apart.map(({name}) => name),
					fixes,
				}),
			];
};

const closing = ({cluster, facts}: MeshContext): readonly Finding[] =>
	cluster.nodes.flatMap(({name}) => {
		const host = facts.get(name);
		return host === undefined || keepsOut(host) || host.tools.nft
			? []
			: [
					finding('tailscale.close-ports', 'error', {
						message: `No firewall of ${name} keeps out what nothing names, and without nft the ports of K3s can not be closed there outside of the tailnet.`,
						nodes: [name],
						fixes: [
							`Install nftables on ${name}.`,
							'Or have a firewall in front of it that keeps TCP 2379, 2380, 6443, 10250 and UDP 8472 out, and override this check.',
						],
					}),
				];
	});

/** What a firewall of the machine can and can not do where Tailscale is. */
const firewalls = ({cluster, facts}: MeshContext): readonly Finding[] => {
	const names = cluster.nodes.flatMap(({name}) => {
		const firewall = facts.get(name)?.firewall;
		return firewall?.active === true && firewall.kind !== 'firewalld'
			? [name]
			: [];
	});
	const isUfw = names.some((name) => facts.get(name)?.firewall.kind === 'ufw');
	return names.length === 0
		? []
		: [
				finding('tailscale.firewall', 'info', {
					message: `The firewall of ${list(names)} keeps K3s's ports closed to others, but can not limit the tailnet: Tailscale lets in all that comes by ${tailnetInterface} before any other rule is asked. Who may do what there is a matter of the tailnet's policy.`,
					nodes: names,
					fixes: isUfw
						? [
								`The install opens ${tailnetInterface} all the same. The lines of the usual recipe are needed only where Tailscale makes no rules (--netfilter-mode=off):`,
								`ufw allow in on ${tailnetInterface} to any port 6443 proto tcp`,
								`ufw allow in on ${tailnetInterface} to any port 10250 proto tcp`,
							]
						: [],
				}),
			];
};

/** What the networks of the nodes and of the tailnet say against it. */
export const tailscaleNetworkFindings = (
	context: MeshContext,
	kind: TailnetKind,
): readonly Finding[] => [
	...routesConflict(context, kind),
	...missingFamilies(context),
	...firewalls(context),
	...(kind === 'tailscale'
		? [...bothFamilies(context), ...oddInternal(context)]
		: [...narrowTunnel(context), ...directPods(context), ...closing(context)]),
];
