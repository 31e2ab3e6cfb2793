import {
	linkedCardLines,
	linkedPortLines,
	linkedHosts,
	linkRouterLines,
	linkRouterRules,
} from './relay/links.js';
import {run, runOrFail, type RunOptions, type Result} from './run.js';
import {namespacePath} from './state.js';
import {routerBatch, routerRules, siteOf, wanRoutes} from './network-router.js';
import {
	addressOf,
	clientAddress,
	controlAddress,
	gatewayOf,
	mirrorAddress,
	otherClientAddress,
	wanGatewayIpv6,
	wanGateways,
	type HostSpec,
	type SiteSpec,
	type Topology,
} from './topology.js';

/** The namespaces of an instance: `kml-ID-NAME`. */
export const namespaceOf = (id: string, name: string): string =>
	`kml-${id}-${name}`;

/** Names of all namespaces that a topology needs. */
export const namespacesOf = (topology: Topology, id: string): string[] =>
	[
		'wan',
		'client',
		'client2',
		'mirror',
		...(topology.tailnet === undefined ? [] : ['headscale']),
		...topology.sites.map((site) => `router-${site.name}`),
		...topology.hosts.map((host) => host.name),
	].map((name) => namespaceOf(id, name));

/** Puts a command into a network namespace, and into nothing else. */
export const inNamespace = (
	namespace: string,
	argv: readonly string[],
): string[] => ['nsenter', `--net=${namespacePath(namespace)}`, '--', ...argv];

/** Runs a command in a network namespace. */
export const runIn = async (
	namespace: string,
	argv: readonly string[],
	options?: RunOptions,
): Promise<Result> => run(inNamespace(namespace, argv), options);

const batch = async (
	namespace: string | undefined,
	lines: readonly string[],
	signal?: AbortSignal,
): Promise<void> => {
	await runOrFail(
		[
			'ip',
			...(namespace === undefined ? [] : ['-netns', namespace]),
			'-batch',
			'-',
		],
		{input: lines.join('\n') + '\n', signal},
	);
};

/**
 * Makes a namespace a router. Where the kernel filters bridged frames by IP rules, that is turned off: a frame that
 * NAT sends back to where it came from would be bridged, and a bridge never does that.
 */
const routerSetup = `
echo 1 >/proc/sys/net/ipv4/ip_forward
[ ! -e /proc/sys/net/ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
for filter in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$filter" ] || echo 0 >"$filter"
done
`;

const makeRouter = async (namespace: string): Promise<void> => {
	await runOrFail(inNamespace(namespace, ['sh', '-c', routerSetup]));
};

/** What a machine with one card sets at boot. */
const cardLines = (address: string, gateway: string): string[] => [
	'link set lo up',
	'link set eth0 up',
	`address add ${address}/24 dev eth0`,
	`route add default via ${gateway}`,
];

/** Where a host sends what is not its own: its site's router, or the wan. */
export const gatewayOfHost = (topology: Topology, host: HostSpec): string => {
	const site = siteOf(topology, host);
	return site ? `${site.prefix}.1` : gatewayOf(addressOf(host));
};

const gatewayIpv6Of = (topology: Topology, host: HostSpec): string => {
	const prefix = siteOf(topology, host)?.ipv6Prefix;
	return prefix === undefined ? wanGatewayIpv6 : `${prefix}1`;
};

/** The `ip -batch` lines that configure a host's card. */
export const hostNetworkBatch = (topology: Topology, host: HostSpec): string =>
	[
		...(host.link === undefined
			? cardLines(addressOf(host), gatewayOfHost(topology, host))
			: linkedCardLines(host)),
		...(host.moreAddresses ?? []).map(
			(address) => `address add ${address} dev eth0`,
		),
		// No other machine can have it, and one that looks for it first has none at boot.
		...(host.ipv6 === undefined
			? []
			: [
					`address add ${host.ipv6}/64 dev eth0 nodad`,
					`route add default via ${gatewayIpv6Of(topology, host)}`,
				]),
	].join('\n') + '\n';

const makeSite = async (
	topology: Topology,
	id: string,
	site: SiteSpec,
	signal?: AbortSignal,
): Promise<void> => {
	const router = namespaceOf(id, `router-${site.name}`);
	await batch(router, routerBatch(topology, site), signal);
	await makeRouter(router);
	await runOrFail(inNamespace(router, ['nft', '--file', '-']), {
		input: routerRules(topology, site),
		signal,
	});
};

type Cable = {
	/** Name of the namespace that has the switch, without the instance's prefix, and of the bridge that it is. */
	readonly switch: string;
	readonly bridge: string;
	/** Name of the namespace at the other end, which is the port's name, too. */
	readonly to: string;
	/** Name of the network card there. */
	readonly card: string;
	readonly cardAddress?: string;
};

/** A card keeps its hardware address when its host boots again, so that its neighbours need not learn a new one. */
const cardAddressOf = (host: HostSpec): string =>
	[
		'02',
		'00',
		...addressOf(host)
			.split('.')
			.map((part) => Number(part).toString(16).padStart(2, '0')),
	].join(':');

/** The switch on the outer side of a site's router, or of a host that is in no site: of another site, or of the wan. */
const switchOf = (
	site: string | undefined,
): Pick<Cable, 'switch' | 'bridge'> =>
	site === undefined
		? {switch: 'wan', bridge: 'br-wan'}
		: {switch: `router-${site}`, bridge: 'lan'};

const hostCable = (topology: Topology, host: HostSpec): Cable => ({
	...switchOf(siteOf(topology, host)?.name),
	to: host.name,
	card: 'eth0',
	cardAddress: cardAddressOf(host),
});

/** Both ends are made inside namespaces: nothing ever appears in the machine's own. */
const cableLine = (id: string, cable: Cable): string =>
	[
		`link add ${cable.card}`,
		cable.cardAddress === undefined ? '' : `address ${cable.cardAddress}`,
		`netns ${namespaceOf(id, cable.to)} type veth`,
		`peer name ${cable.to} netns ${namespaceOf(id, cable.switch)}`,
	].join(' ');

/** The `ip -batch` lines that put the switch's end of a cable to use. */
const portLines = (
	topology: Topology,
	cable: Cable,
	host?: HostSpec,
): readonly string[] =>
	host?.link
		? linkedPortLines(topology, host)
		: [`link set dev ${cable.to} master ${cable.bridge} up`];

/** What a host that boots again needs to get a fresh network stack with the same cable. */
export type Recabling = {
	/** `ip -batch` lines that make its namespace and its cable. */
	readonly batch: string;
	readonly switchNamespace: string;
	/** `ip -batch` lines for the other end of the cable, in that namespace. */
	readonly portBatch: string;
};

/** How to make a host's namespace again, as a machine's network stack is made again at boot. */
export const recabling = (
	topology: Topology,
	id: string,
	host: HostSpec,
): Recabling => {
	const cable = hostCable(topology, host);
	return {
		batch: `netns add ${namespaceOf(id, host.name)}\n${cableLine(id, cable)}\n`,
		switchNamespace: namespaceOf(id, cable.switch),
		portBatch: portLines(topology, cable, host).join('\n') + '\n',
	};
};

/** Makes all namespaces, cables and routers of a topology; hosts configure their own card when they boot. */
export const makeNetwork = async (
	topology: Topology,
	id: string,
	signal?: AbortSignal,
): Promise<void> => {
	const namespace = (name: string) => namespaceOf(id, name);
	await batch(
		undefined,
		namespacesOf(topology, id).map((name) => `netns add ${name}`),
		signal,
	);
	const switches = [
		['wan', 'br-wan'],
		...topology.sites.map((site) => [`router-${site.name}`, 'lan']),
	] as const;
	for (const [where, bridge] of switches) {
		await batch(
			namespace(where),
			// Its own address: otherwise it has a port's, and another one when that host boots again, which hosts notice late.
			[
				`link add ${bridge} address 02:00:00:00:00:01 type bridge forward_delay 0 mcast_snooping 0`,
			],
			signal,
		);
	}

	const wan = switchOf(undefined);
	const cables: readonly Cable[] = [
		{...wan, to: 'client', card: 'eth0'},
		{...wan, to: 'client2', card: 'eth0'},
		{...wan, to: 'mirror', card: 'eth0'},
		...(topology.tailnet === undefined
			? []
			: [{...wan, to: 'headscale', card: 'eth0'}]),
		...topology.sites.map((site) => ({
			...switchOf(site.behind),
			to: `router-${site.name}`,
			card: 'wan',
		})),
		...topology.hosts.map((host) => hostCable(topology, host)),
	];
	await batch(
		undefined,
		cables.map((cable) => cableLine(id, cable)),
		signal,
	);
	const linked = linkedHosts(topology);
	for (const [where, bridge] of switches) {
		await batch(
			namespace(where),
			cables
				.filter(
					(cable) =>
						cable.switch === where &&
						!linked.some(({name}) => name === cable.to),
				)
				.map((cable) => `link set dev ${cable.to} master ${bridge} up`),
			signal,
		);
	}

	await batch(
		namespace('wan'),
		[
			'link set lo up',
			...wanGateways.map((address) => `address add ${address}/24 dev br-wan`),
			`address add ${wanGatewayIpv6}/64 dev br-wan nodad`,
			'link set br-wan up',
			...wanRoutes(topology),
		],
		signal,
	);
	await makeRouter(namespace('wan'));
	if (linked.length > 0) {
		await batch(
			namespace('wan'),
			[
				...linkRouterLines(topology),
				...linked.flatMap((host) => linkedPortLines(topology, host)),
			],
			signal,
		);
		await runOrFail(inNamespace(namespace('wan'), ['nft', '--file', '-']), {
			input: linkRouterRules(topology),
			signal,
		});
	}

	for (const [client, address] of [
		['client', clientAddress],
		['client2', otherClientAddress],
	] as const) {
		await batch(
			namespace(client),
			cardLines(address, gatewayOf(address)),
			signal,
		);
	}

	await batch(
		namespace('mirror'),
		cardLines(mirrorAddress, gatewayOf(mirrorAddress)),
		signal,
	);
	if (topology.tailnet !== undefined) {
		await batch(
			namespace('headscale'),
			cardLines(controlAddress, gatewayOf(controlAddress)),
			signal,
		);
	}

	for (const site of topology.sites) {
		await makeSite(topology, id, site, signal);
	}
};
