import {firewallExpectation} from '../plan/expectation.js';
import {
	byHand,
	firewallRules,
	forwardingBlocked,
} from '../plan/firewall/node-firewall.js';
import {forwardOpenings} from '../plan/firewall/openings.js';
import {meshOf} from '../mesh/catalogue.js';
import {
	neededOuterMtu,
	smallestPathMtu,
	wireguardOverhead,
} from '../mesh/flannel-conf.js';
import {podFamilies} from '../mesh/node-ips.js';
import {runsK3s} from './ports.js';
import {rule, type Rule} from './rule.js';
import {thresholds} from './thresholds.js';

const forwarding = rule(
	{
		id: 'forwarding.blocked',
		severity: 'warning',
		sentence: 'The host passes packets of pods on.',
		source: 'k3s-io/k3s#2046, k3s-io/k3s#1280',
	},
	(context, report) =>
		context.cluster.nodes.flatMap((node) => {
			const host = context.facts.get(node.name);
			if (host === undefined || !forwardingBlocked(host)) {
				return [];
			}

			const {kind, active} = host.firewall;
			const fallback = host.tools.iptables ? 'iptables' : 'nftables';
			const program = active && kind !== 'none' ? kind : fallback;
			const rules = firewallRules(
				program,
				forwardOpenings(context, meshOf(context.cluster)),
				host,
				node,
			);
			// Our rules stand before what blocks.
			if (firewallExpectation(host, rules) === 'unchanged') {
				return [];
			}

			return [
				report(
					'warning',
					`${node.name} does not pass packets on (${
						host.forwarding.policy === 'drop'
							? 'the FORWARD policy is drop'
							: `FORWARD has ${host.forwarding.blockingRules[0]}`
					}): pods on it would reach nothing. The install opens it for pods.`,
					{
						nodes: [node.name],
						fixes: ['To do it by hand:', ...byHand(program, rules)],
					},
				),
			];
		}),
);

const advertisedRoute = rule(
	{
		id: 'forwarding.ipv6',
		severity: 'warning',
		sentence: 'A node keeps its IPv6 default route when it passes packets on.',
		source: 'Linux: ip-sysctl, accept_ra',
	},
	({cluster, facts}, report) =>
		podFamilies(cluster).includes(6)
			? cluster.nodes.flatMap(({name}) => {
					const host = facts.get(name);
					const route = host?.routes.find(
						({destination, advertised}) =>
							destination === '::/0' && advertised === true,
					);
					// A K3s that runs has turned forwarding on, and the route has outlived it.
					return route === undefined || runsK3s(host)
						? []
						: [
								report(
									'warning',
									`The IPv6 default route of ${name} comes from router advertisements (${route.device}). K3s turns IPv6 forwarding on for pods, and the kernel then ignores them: the route goes when its time is over.`,
									{
										nodes: [name],
										fixes: [
											'Tell the kernel to take them all the same, also after a reboot:',
											String.raw`printf 'net.ipv6.conf.%s.accept_ra = 2\n' all ${/^[\w.-]+$/.test(route.device) ? route.device : 'DEVICE'} >/etc/sysctl.d/90-accept-ra.conf && sysctl --system`,
										],
									},
								),
							];
				})
			: [],
);

const pathMtu = rule(
	{
		id: 'mtu.path',
		severity: 'warning',
		sentence: 'Packets of the mesh fit the measured path.',
		source: 'k3s-io/k3s#5101',
	},
	(context, report) => {
		// Tailscale's own MTU fits any path, and only WireGuard's is ours to set.
		if (context.cluster.mesh.kind !== 'wireguard-native') {
			return [];
		}

		return context.cluster.nodes.flatMap((node) => {
			const smallest = smallestPathMtu(context, node);
			if (
				smallest !== undefined &&
				smallest < thresholds.pathMtuBytes.warning
			) {
				return [
					report(
						'warning',
						`The path of ${node.name} carries ${smallest} bytes only: ${smallest - wireguardOverhead} are left for pods, and IPv6 and many programs want 1280.`,
						{
							nodes: [node.name],
							fixes: ['Raise the MTU of the tunnel or uplink on that path.'],
						},
					),
				];
			}

			const outer = neededOuterMtu(context, node);
			return outer === undefined
				? []
				: [
						report(
							'info',
							`The path of ${node.name} carries ${outer} bytes, less than its interface promises: the install tells flannel so, and pods get ${outer - wireguardOverhead}.`,
							{nodes: [node.name]},
						),
					];
		});
	},
);

const defaultRoute = rule(
	{
		id: 'route.default',
		severity: 'warning',
		sentence: 'A node has a default route.',
		source: 'K3s docs: Air-gap install, prerequisites',
	},
	({cluster, facts}, report) =>
		cluster.nodes
			.filter(({name}) => {
				const routes = facts.get(name)?.routes ?? [];
				return (
					routes.length > 0 &&
					!routes.some(
						({destination}) =>
							destination === '0.0.0.0/0' || destination === '::/0',
					)
				);
			})
			.map(({name}) =>
				report(
					'warning',
					`${name} has no default route; K3s needs one, even if it leads nowhere.`,
					{
						nodes: [name],
						fixes: [
							'A route through a dummy interface is enough:',
							'ip link add dummy0 type dummy && ip link set dummy0 up && ip addr add 203.0.113.254/31 dev dummy0 && ip route add default via 203.0.113.255 dev dummy0 metric 1000',
						],
					},
				),
			),
);

const nameServers = rule(
	{
		id: 'dns.none',
		severity: 'warning',
		sentence: 'A node has a name server that pods can use.',
		source: 'k3s-io/k3s pkg/agent/config',
	},
	({cluster, facts}, report) =>
		cluster.nodes
			.filter(({name}) => facts.get(name)?.dnsServers.length === 0)
			.map(({name}) =>
				report(
					'warning',
					`${name} has no name server that pods could use: K3s then gives them 8.8.8.8 without a word.`,
					{
						nodes: [name],
						fixes: [
							'Put a name server that is not on the loopback interface into /etc/resolv.conf, or name a file with one in k3s.config.resolv-conf.',
						],
					},
				),
			),
);

/** Rules about forwarding, packet sizes, routes and name servers. */
export const networkRules: readonly Rule[] = [
	forwarding,
	advertisedRoute,
	pathMtu,
	defaultRoute,
	nameServers,
];
