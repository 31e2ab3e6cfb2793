import {chosenTailnet} from '../cluster/schema.js';
import type {Outbound, OutboundNeed} from '../facts/measurements.js';
import {isSameControlServer} from '../facts/control-servers.js';
import {tailnetPort} from '../mesh/tailnet.js';
import {failure} from './outbound.js';
import {inWords, rule, type CheckContext, type Rule} from './rule.js';

const source = 'https://tailscale.com/kb/1082/firewall-ports';

/** Did a node try for a need, and get no answer from any place? One that answers is enough: relays stand in for each other. */
const reachesNone = (tries: readonly Outbound[]): boolean =>
	tries.length > 0 && tries.every((one) => failure(one) !== undefined);

/** The nodes that get no answer for a need from any relay, what they tried, and whether another node gets one. */
const failing = (
	{cluster, measurements}: CheckContext,
	need: OutboundNeed,
): {
	readonly nodes: readonly string[];
	readonly targets: readonly string[];
	readonly hows: readonly string[];
	readonly othersReach: boolean;
} => {
	const tries = measurements.outbound.filter((one) => one.need === need);
	const nodes = cluster.nodes
		.map(({name}) => name)
		.filter((name) => reachesNone(tries.filter(({from}) => from === name)));
	const failed = tries.filter(({from}) => nodes.includes(from));
	return {
		nodes,
		targets: [...new Set(failed.map(({target}) => target))],
		hows: [...new Set(failed.map((one) => failure(one)!))],
		othersReach: tries.some(({result}) => result.kind === 'answered'),
	};
};

const reach = (nodes: readonly string[]): string =>
	`${inWords(nodes)} ${nodes.length === 1 ? 'reaches' : 'reach'}`;

const relay = rule(
	{
		id: 'outbound.tailscale-relay',
		severity: 'warning',
		sentence: 'Every node reaches relays of the tailnet by HTTPS.',
		source,
	},
	(context, report) => {
		const {nodes, targets, hows} = failing(context, 'tailscale-relay');
		return nodes.length === 0
			? []
			: [
					report(
						'warning',
						`${reach(nodes)} none of the relays of the tailnet that were tried, ${inWords(targets)} (${hows.join('; ')}): nodes find each other by them, and what can not go directly goes through them.`,
						{
							nodes,
							fixes: [
								`Let ${inWords(nodes)} out to TCP 443 of anybody: the list of relays grows, and nodes that lack one of them lose each other.`,
							],
						},
					),
				];
	},
);

const udp = rule(
	{
		id: 'outbound.tailscale-udp',
		severity: 'warning',
		sentence: 'UDP of every node gets out to relays of the tailnet.',
		source,
	},
	(context, report) => {
		const {nodes, targets, hows, othersReach} = failing(
			context,
			'tailscale-stun',
		);
		if (nodes.length === 0) {
			return [];
		}

		// Where a headscale listens for it is told to its nodes alone.
		const isUnsure =
			!othersReach &&
			!isSameControlServer(
				chosenTailnet(context.cluster)?.controlServer,
				undefined,
			);
		return [
			report(
				isUnsure ? 'info' : 'warning',
				`${inWords(nodes)} ${nodes.length === 1 ? 'gets' : 'get'} no answer by UDP from ${inWords(targets)} (${hows.join('; ')}): where no UDP gets out, a relay carries all that a node sends in the tailnet, over TCP 443, slower and with longer round trips.${isUnsure ? ' No node gets one: it may listen on another port, or nobody may let UDP in to it.' : ''}`,
				{
					nodes,
					fixes: [
						`Let UDP of ${inWords(nodes)} out: to port 3478 of anybody, and from port ${tailnetPort} to any port.`,
						...(isUnsure
							? [
									'Or let UDP 3478 in to the control server, where headscale has its relay (derp.server.stun_listen_addr).',
								]
							: []),
					],
				},
			),
		];
	},
);

/** Rules about the relays of a tailnet that nodes are to join. */
export const relayRules: readonly Rule[] = [relay, udp];
