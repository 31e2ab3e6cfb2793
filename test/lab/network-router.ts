/** What the router of a site sets: its addresses, and its rules for nftables. */
import {
	gatewayOf,
	wanGatewayIpv6,
	type HostSpec,
	type SiteSpec,
	type Topology,
} from './topology.js';

/** The site that a host's card is in; undefined when it is on the wan. */
export const siteOf = (
	topology: Topology,
	host: HostSpec,
): SiteSpec | undefined =>
	host.internalIp === undefined
		? undefined
		: topology.sites.find((site) => site.name === host.site);

const hostsOf = (topology: Topology, site: SiteSpec): readonly HostSpec[] =>
	topology.hosts.filter((host) => siteOf(topology, host) === site);

const isOneToOne = ({nat = 'one-to-one'}: SiteSpec): boolean =>
	nat === 'one-to-one';

/** The `ip -batch` lines that give a router its addresses and routes. */
export const routerBatch = (topology: Topology, site: SiteSpec): string[] => {
	const external = isOneToOne(site)
		? hostsOf(topology, site).map(({externalIp}) => externalIp)
		: [];
	return [
		'link set lo up',
		'link set wan up',
		`address add ${site.routerAddress}/24 dev wan`,
		...external.map((address) => `address add ${address}/32 dev wan`),
		`route add default via ${gatewayOf(site.routerAddress)}`,
		`address add ${site.prefix}.1/24 dev lan`,
		'link set lan up',
		...(site.ipv6Prefix === undefined
			? []
			: [
					`address add ${site.routerIpv6!}/64 dev wan nodad`,
					`route add default via ${wanGatewayIpv6}`,
					`address add ${site.ipv6Prefix}1/64 dev lan nodad`,
				]),
	];
};

/** Ranges that the wan does not carry: it drops what goes there without a word, as providers do. */
const notCarried = [
	'10.0.0.0/8',
	'100.64.0.0/10',
	'172.16.0.0/12',
	'192.168.0.0/16',
];

/** The `ip -batch` lines by which the wan knows where not to send, and the IPv6 networks behind routers. */
export const wanRoutes = ({sites}: Topology): string[] => [
	...notCarried.map((range) => `route add blackhole ${range}`),
	...sites
		.filter(({ipv6Prefix}) => ipv6Prefix !== undefined)
		.map(
			({ipv6Prefix, routerIpv6}) =>
				`route add ${ipv6Prefix!}/64 via ${routerIpv6!}`,
		),
];

type NatRules = {
	readonly prerouting: readonly string[];
	readonly postrouting: readonly string[];
	/** The router's own addresses that nobody is let in on. */
	readonly closed: readonly string[];
	readonly forward: readonly string[];
};

/** Each external address is one host, in both directions. */
const oneToOne = (topology: Topology, site: SiteSpec): NatRules => {
	const hosts = hostsOf(topology, site);
	const from = site.hairpin ? '' : 'iifname "wan" ';
	return {
		prerouting: hosts.map(
			(host) => `${from}ip daddr ${host.externalIp} dnat to ${host.internalIp}`,
		),
		postrouting: [
			...hosts.map(
				(host) =>
					`ip saddr ${host.internalIp} oifname "wan" snat to ${host.externalIp}`,
			),
			...(site.hairpin
				? hosts.map(
						(host) =>
							`ip saddr ${host.internalIp} oifname "lan" ct status dnat snat to ${host.externalIp}`,
					)
				: []),
		],
		closed: hosts.map(({externalIp}) => externalIp),
		forward: [],
	};
};

/** All hosts share the router's address; answers get in, and what is forwarded. */
const shared = (site: SiteSpec): NatRules => {
	const from = site.hairpin ? '' : 'iifname "wan" ';
	return {
		prerouting: (site.forwards ?? []).map(
			({protocol, port, to, toPort}) =>
				`${from}ip daddr ${site.routerAddress} ${protocol} dport ${port} dnat to ${to}:${toPort}`,
		),
		postrouting: [
			`oifname "wan" masquerade${site.nat === 'symmetric' ? ' fully-random' : ''}`,
			...(site.hairpin ? ['oifname "lan" ct status dnat masquerade'] : []),
		],
		closed: [site.routerAddress],
		forward: ['iifname "wan" ct state new ct status & dnat == 0 drop'],
	};
};

const chain = (
	name: string,
	kind: string,
	rules: readonly string[],
): string => `	chain ${name} {
		type ${kind};
${rules.map((rule) => `\t\t${rule}\n`).join('')}	}
`;

/** The rules of a site's router. */
export const routerRules = (topology: Topology, site: SiteSpec): string => {
	const nat = isOneToOne(site) ? oneToOne(topology, site) : shared(site);
	return `table ip nat {
${chain('prerouting', 'nat hook prerouting priority dstnat', nat.prerouting)}${chain('postrouting', 'nat hook postrouting priority srcnat', nat.postrouting)}}
table ip filter {
${chain('input', 'filter hook input priority filter', [`ip daddr { ${nat.closed.join(', ')} } drop`])}${chain('forward', 'filter hook forward priority filter', nat.forward)}}
table inet passing {
${chain(
	'prerouting',
	'filter hook prerouting priority raw',
	(site.outerFilter ?? []).map((rule) => `iifname "wan" ${rule}`),
)}${chain('forward', 'filter hook forward priority filter + 10', site.filter ?? [])}}
`;
};
