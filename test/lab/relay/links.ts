/**
 * Routed links: a host with `link` has a cable of its own to the router of the wan. Distances between such hosts are
 * made by a relay in user space, because the kernel may lack netem: the router sends what goes from one to another
 * into a TUN device, and the relay writes it back late or not at all.
 */
import {
	clientAddress,
	gatewayOf,
	type HostSpec,
	type Topology,
} from '../topology.js';

/** The TUN device of the relay, in the namespace of the wan. */
export const relayDevice = 'relay';
const relayTable = 100;
const narrowTable = 200;

/** The hosts that have a routed link. */
export const linkedHosts = (topology: Topology): readonly HostSpec[] =>
	topology.hosts.filter(({link}) => link !== undefined);

const mtuOf = (host: HostSpec): number => host.link?.mtu ?? 1500;

/** The `ip -batch` lines that configure the card of a host with a link. */
export const linkedCardLines = (host: HostSpec): readonly string[] => {
	const gateway = gatewayOf(host.externalIp);
	return [
		'link set lo up',
		`link set eth0 mtu ${mtuOf(host)} up`,
		`address add ${host.externalIp}/32 dev eth0`,
		`route add ${gateway} dev eth0`,
		`route add default via ${gateway}`,
	];
};

/** The `ip -batch` lines for the router's end of a link; they are needed again after the host's cable was made again. */
export const linkedPortLines = (
	topology: Topology,
	host: HostSpec,
): readonly string[] => {
	const toHost = `${host.externalIp} dev ${host.name}`;
	const {narrow} = host.link!;
	const told = narrow?.told ? ` mtu ${narrow.bytes}` : '';
	return [
		`link set dev ${host.name} mtu ${mtuOf(host)} up`,
		`route add ${toHost}${told}`,
		// What narrow hosts send meets their own limit first.
		...linkedHosts(topology).flatMap((other, index) =>
			other.link?.narrow?.told && other !== host
				? [
						`route add ${toHost} table ${narrowTable + index} mtu ${Math.min(other.link.narrow.bytes, narrow?.told ? narrow.bytes : 65_535)}`,
					]
				: [],
		),
		...(topology.distances === undefined
			? []
			: [
					`route replace ${host.externalIp} dev ${relayDevice} table ${relayTable}`,
				]),
	];
};

/** The `ip -batch` lines that the router of the wan needs once, before any link is up. */
export const linkRouterLines = (topology: Topology): readonly string[] => [
	...(topology.distances === undefined
		? []
		: [
				`tuntap add dev ${relayDevice} mode tun`,
				`link set ${relayDevice} up`,
				...linkedHosts(topology).map(
					({name}) => `rule add iif ${name} lookup ${relayTable}`,
				),
			]),
	...linkedHosts(topology).flatMap(({name, link}, index) =>
		link?.narrow?.told
			? [`rule add iif ${name} lookup ${narrowTable + index}`]
			: [],
	),
];

/** The router's nftables rules: black holes that swallow what is too big without a word. The client's SSH passes. */
export const linkRouterRules = (topology: Topology): string => {
	const holes = linkedHosts(topology).filter(
		({link}) => link?.narrow?.told === false,
	);
	return `table ip links {
	chain forward {
		type filter hook forward priority filter;
		ip saddr ${clientAddress} accept
		ip daddr ${clientAddress} accept
${holes
	.flatMap(({name, link}) =>
		['iifname', 'oifname'].map(
			(side) => `\t\t${side} "${name}" ip length > ${link!.narrow!.bytes} drop`,
		),
	)
	.join('\n')}
	}
}
`;
};
