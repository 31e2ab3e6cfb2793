import type {NodeSpec} from '../cluster/schema.js';
import {serversOf} from '../cluster/sites.js';
import {etcdAddressKind} from '../mesh/etcd-address.js';
import {usesEmbeddedEtcd} from '../mesh/k3s-requirements.js';
import {
	blockedEtcdWays,
	etcdObstacles,
	serverRoundTrips,
} from './conclusions/etcd.js';
import type {Finding} from './finding.js';
import {
	inWords,
	rule,
	type CheckContext,
	type Report,
	type Rule,
} from './rule.js';
import {thresholds} from './thresholds.js';

const multicloud = 'K3s docs: Distributed hybrid or multicloud cluster';

const someServer = rule(
	{
		id: 'servers.none',
		severity: 'error',
		sentence: 'A cluster has at least one server.',
		source: 'K3s docs: Architecture',
	},
	({cluster}, report) =>
		cluster.nodes.length > 0 && serversOf(cluster.nodes).length === 0
			? [
					report('error', 'No node has the role "server".', {
						fixes: ['Give one node the role "server".'],
					}),
				]
			: [],
);

const evenServers = rule(
	{
		id: 'etcd.even-servers',
		severity: 'warning',
		sentence: 'Embedded etcd runs on an odd number of servers.',
		source: 'K3s docs: High availability embedded etcd',
	},
	(context, report) => {
		const servers = serversOf(context.cluster.nodes);
		return usesEmbeddedEtcd(context) && servers.length % 2 === 0
			? [
					report(
						'warning',
						`${servers.length} servers share embedded etcd: an even number stands no more failures than one server less would.`,
						{
							nodes: servers.map(({name}) => name),
							fixes: [
								`Use ${servers.length === 2 ? '1 server' : servers.length - 1} or ${servers.length + 1} servers.`,
							],
						},
					),
				]
			: [];
	},
);

const etcdWaysOut = [
	'Use one server, and make the others agents.',
	'Or put all servers at one place, with internal addresses that reach each other.',
	'Or use an external datastore (datastore.endpointFrom).',
];

/** etcd that goes through a tailnet: it can, and K3s's docs advise against it. */
const etcdInTailnet = (
	context: CheckContext,
	servers: readonly NodeSpec[],
	report: Report,
): readonly Finding[] => {
	const nodes = servers.map(({name}) => name);
	const blocked = blockedEtcdWays(context);
	if (blocked.length > 0) {
		return [
			report(
				'error',
				`Servers that share embedded etcd do not reach each other in the tailnet (TCP 2379 and 2380): ${[...new Set(blocked.map(([from, to]) => `${from} → ${to}`))].join(', ')}.`,
				{nodes: [...new Set(blocked.flat())], fixes: etcdWaysOut},
			),
		];
	}

	const slowest = Math.max(
		0,
		...serverRoundTrips(context).map(({medianMs}) => medianMs),
	);
	return [
		report(
			'warning',
			`Embedded etcd of ${servers.length} servers goes through the tailnet here${slowest > 0 ? `, where a round trip takes ${slowest.toFixed(1)} ms` : ''}: each write waits for it, a path through a relay makes it worse, and K3s supports etcd at one place only.`,
			{nodes, fixes: etcdWaysOut},
		),
	];
};

const privateNetwork = rule(
	{
		id: 'etcd.private-network',
		severity: 'error',
		sentence:
			'Servers that share embedded etcd reach each other on internal addresses, at one place.',
		source: multicloud,
	},
	(context, report) => {
		if (!usesEmbeddedEtcd(context)) {
			return [];
		}

		const servers = serversOf(context.cluster.nodes);
		if (etcdAddressKind(context) === 'tailscale') {
			return etcdInTailnet(context, servers, report);
		}

		const without = servers.filter(({internalIp}) => internalIp === undefined);
		if (without.length > 0) {
			return [
				report(
					'error',
					`${servers.length} servers share embedded etcd, which uses internal addresses only, and ${inWords(without.map(({name}) => name))} ${without.length === 1 ? 'has' : 'have'} none.`,
					{
						nodes: without.map(({name}) => name),
						fixes: [
							'Set internalIp of each server to its address in the network that the servers share.',
							...etcdWaysOut,
						],
					},
				),
			];
		}

		const blocked = blockedEtcdWays(context);
		if (blocked.length > 0) {
			return [
				report(
					'error',
					`Servers that share embedded etcd do not reach each other on internal addresses (TCP 2379 and 2380): ${[...new Set(blocked.map(([from, to]) => `${from} → ${to}`))].join(', ')}.`,
					{nodes: [...new Set(blocked.flat())], fixes: etcdWaysOut},
				),
			];
		}

		const obstacleOf = etcdObstacles(context);
		return servers.some((one) =>
			servers.some(
				(other) => one !== other && obstacleOf(one, other) === 'elsewhere',
			),
		)
			? [
					report(
						'warning',
						`The servers are at different places (${servers.map(({name, site}) => `${name}: ${site ?? 'no site'}`).join(', ')}), and K3s supports embedded etcd at one place only.`,
						{nodes: servers.map(({name}) => name), fixes: etcdWaysOut},
					),
				]
			: [];
	},
);

const roleOf = (context: CheckContext, name: string) =>
	context.cluster.nodes.find((node) => node.name === name)?.role;

const serverLatency = rule(
	{
		id: 'latency.server-server',
		severity: 'error',
		sentence: 'Servers that share embedded etcd are near to each other.',
		source: multicloud,
	},
	(context, report) => {
		if (!usesEmbeddedEtcd(context)) {
			return [];
		}

		const {warning, error} = thresholds.serverLatencyMs;
		return serverRoundTrips(context)
			.filter(
				({medianMs, from, to}, index, all) =>
					medianMs > warning &&
					all.findIndex(
						(one) =>
							[one.from, one.to].toSorted().join(' ') ===
								[from, to].toSorted().join(' ') && one.medianMs > warning,
					) === index,
			)
			.map(({from, to, medianMs, addressKind}) =>
				report(
					medianMs > error ? 'error' : 'warning',
					`${from} and ${to} are ${medianMs.toFixed(1)} ms apart on ${addressKind} addresses; embedded etcd wants less than ${warning} ms, and above ${error} ms it is not allowed without an override.`,
					{nodes: [from, to], fixes: etcdWaysOut},
				),
			);
	},
);

const agentLatency = rule(
	{
		id: 'latency.agent-server',
		severity: 'warning',
		sentence: 'Agents are not too far from their servers.',
		source: multicloud,
	},
	(context, report) =>
		context.measurements.latencies
			.filter(
				({from, to, addressKind, medianMs}) =>
					addressKind ===
						(context.cluster.mesh.kind === 'wireguard-native'
							? 'external'
							: 'tailscale') &&
					roleOf(context, from) === 'agent' &&
					roleOf(context, to) === 'server' &&
					medianMs > thresholds.agentLatencyMs.warning,
			)
			.map(({from, to, medianMs}) =>
				report(
					'warning',
					`${from} and ${to} are ${Math.round(medianMs)} ms apart: above ${thresholds.agentLatencyMs.warning} ms logs, exec and starting pods feel slow.`,
					{
						nodes: [from, to],
						fixes: ['Choose a server that is nearer to most of the nodes.'],
					},
				),
			),
);

const loss = rule(
	{
		id: 'path.loss',
		severity: 'warning',
		sentence: 'Hardly any packet is lost between two nodes.',
		source: 'our own measure',
	},
	({measurements}, report) =>
		measurements.latencies
			.filter(({loss: lost}) => lost > thresholds.loss.warning)
			.map(({from, to, address, loss: lost, samples}) =>
				report(
					'warning',
					`${Math.round(lost * 100)} % of ${samples} packets from ${from} to ${to} (${address}) got lost.`,
					{nodes: [from, to], fixes: ['Look at the uplink of both nodes.']},
				),
			),
);

/** Rules about servers, their datastore and distances. */
export const serverRules: readonly Rule[] = [
	someServer,
	evenServers,
	privateNetwork,
	serverLatency,
	agentLatency,
	loss,
];
