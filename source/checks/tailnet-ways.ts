import {chosenTailnet} from '../cluster/schema.js';
import type {
	NodeNetcheck,
	TailnetPath,
	TailnetWay,
} from '../facts/tailnet-measures.js';
import {tailnetPort} from '../mesh/tailnet.js';
import {inWords, rule, type CheckContext, type Rule} from './rule.js';

const firewallPorts = 'https://tailscale.com/kb/1082/firewall-ports';

/** The nodes of the cluster of which this holds, in file order, where the mesh is one on a tailnet. */
const nodesWhere = (
	{cluster, measurements}: CheckContext,
	holds: (netcheck: NodeNetcheck) => boolean,
): readonly string[] =>
	chosenTailnet(cluster)
		? cluster.nodes
				.map(({name}) => name)
				.filter((name) =>
					measurements.netchecks.some(
						(netcheck) => netcheck.node === name && holds(netcheck),
					),
				)
		: [];

const udp = rule(
	{
		id: 'tailscale.udp',
		severity: 'warning',
		sentence: 'UDP of every node that is in the tailnet gets out.',
		source: firewallPorts,
	},
	(context, report) => {
		const nodes = nodesWhere(
			context,
			(netcheck) => !netcheck.udp && netcheck.relays.length > 0,
		);
		return nodes.length === 0
			? []
			: [
					report(
						'warning',
						`No UDP of ${inWords(nodes)} gets out to the relays of the tailnet and back: what ${nodes.length === 1 ? 'it sends' : 'they send'} in it then goes through a relay over TCP 443, slower and with longer round trips.`,
						{
							nodes,
							fixes: [
								`Let UDP of ${inWords(nodes)} out: to port 3478 of anybody, and from port ${tailnetPort} to any port.`,
							],
						},
					),
				];
	},
);

/** The kinds of ways by which a node reaches others in the tailnet. */
const waysFrom = (
	{measurements}: CheckContext,
	node: string,
): ReadonlySet<TailnetWay['kind']> =>
	new Set(
		measurements.tailnetPaths
			.filter(({from}) => from === node)
			.map(({way}) => way.kind),
	);

const relays = rule(
	{
		id: 'tailscale.relays',
		severity: 'error',
		sentence: 'Every node that is in the tailnet reaches a relay of it.',
		source: firewallPorts,
	},
	(context, report) =>
		nodesWhere(context, ({relays: answering}) => answering.length === 0)
			.map((name) => ({name, ways: waysFrom(context, name)}))
			// A relay that carries something is reached, perhaps through a proxy that Tailscale's check does not ask.
			.filter(
				({ways}) =>
					!ways.has('relayed') &&
					(ways.has('direct') || context.cluster.proxy === undefined),
			)
			.map(({name, ways}) =>
				report(
					ways.has('direct') ? 'warning' : 'error',
					`${name} reaches no relay of its tailnet (DERP), neither by UDP nor by HTTPS: nodes find each other by them, and what can not go directly goes nowhere.`,
					{
						nodes: [name],
						fixes: [
							`Let ${name} out to TCP 443 and UDP 3478 of the relays; a headscale names its own under "derp" in its configuration.`,
						],
					},
				),
			),
);

const captivePortal = rule(
	{
		id: 'tailscale.captive-portal',
		severity: 'warning',
		sentence: 'Nobody answers in the place of web servers.',
		source: 'Tailscale docs: Troubleshooting, captive portals',
	},
	(context, report) =>
		nodesWhere(context, (netcheck) => netcheck.captivePortal === true).map(
			(name) =>
				report(
					'warning',
					`Somebody answers ${name} in the place of web servers: a network that wants a login in a browser first (captive portal), or a proxy that lets nothing pass unseen. Tailscale and K3s's downloads do not get through that.`,
					{
						nodes: [name],
						fixes: [
							`Log ${name} in to that network, have it let ${name} out without, or name its proxy under proxy in the cluster file.`,
						],
					},
				),
		),
);

type RelayedPath = TailnetPath & {
	readonly way: Extract<TailnetWay, {kind: 'relayed'}>;
};

const isRelayed = (path: TailnetPath): path is RelayedPath =>
	path.way.kind === 'relayed';

/** Pairs in one sentence, the first three of many. */
const shownPairs = 3;

const relayed = rule(
	{
		id: 'tailscale.relayed',
		severity: 'info',
		sentence: 'Nodes reach each other in the tailnet without a relay.',
		source: 'https://tailscale.com/kb/1257/connection-types',
	},
	(context, report) => {
		const {cluster, measurements} = context;
		if (chosenTailnet(cluster) === undefined) {
			return [];
		}

		const pairs = new Map<string, RelayedPath>();
		for (const path of measurements.tailnetPaths) {
			if (isRelayed(path)) {
				const key = [path.from, path.to].toSorted().join(' ');
				pairs.set(key, pairs.get(key) ?? path);
			}
		}

		const paths = [...pairs.values()];
		if (paths.length === 0) {
			return [];
		}

		const named = paths
			.slice(0, shownPairs)
			.map(({from, to, way}) => `${from} and ${to} (${way.relay})`);
		const more = paths.length - named.length;
		const involved = new Set(paths.flatMap(({from, to}) => [from, to]));
		return [
			report(
				'info',
				`Packets go through a relay between ${inWords([...named, ...(more > 0 ? [`${more} more ${more === 1 ? 'pair' : 'pairs'}`] : [])])}: Tailscale finds no direct way there. All works, with longer round trips and less throughput.`,
				{
					nodes: cluster.nodes
						.map(({name}) => name)
						.filter((name) => involved.has(name)),
					fixes: [
						`A direct way needs UDP ${tailnetPort} open from outside on one node of each pair (or forwarded to it by its router), or a router that speaks UPnP or NAT-PMP.`,
					],
				},
			),
		];
	},
);

/** What is seen of the ways between nodes that are in a tailnet already. */
export const tailnetWayRules: readonly Rule[] = [
	udp,
	relays,
	captivePortal,
	relayed,
];
