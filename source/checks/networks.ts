import {
	cidrContains,
	cidrsOverlap,
	isAddress,
	isCidr,
	parseCidr,
} from '../cluster/addresses.js';
import type {HostFacts} from '../facts/host-facts.js';
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
import {inWords, rule, type Rule} from './rule.js';
import {thresholds} from './thresholds.js';

/** Interfaces that K3s itself makes: their networks are the cluster's own. */
const ownDevice =
	/^(?:cni0|flannel|kube-|veth|tailscale|lo$|cali|nodelocaldns)/;

type HostNetwork = {readonly cidr: string; readonly what: string};

const hostNetworks = (host: HostFacts): readonly HostNetwork[] => [
	...host.routes
		.filter(
			({destination, device}) =>
				isCidr(destination) &&
				parseCidr(destination)!.prefix > 0 &&
				!ownDevice.test(device),
		)
		.map(({destination, device}) => ({
			cidr: destination,
			what: `the route to ${destination} (${device})`,
		})),
	...host.addresses
		.filter(({device}) => !ownDevice.test(device))
		.map(({address, family, device}) => ({
			cidr: `${address}/${family === 4 ? 32 : 128}`,
			what: `the address ${address} (${device})`,
		})),
	...host.dnsServers
		.filter((address) => isAddress(address))
		.map((address) => ({
			cidr: `${address}/${address.includes(':') ? 128 : 32}`,
			what: `the name server ${address}`,
		})),
];

const overlap = rule(
	{
		id: 'cidr.overlap',
		severity: 'error',
		sentence:
			'The networks of pods and services overlap neither each other nor any network that a node knows.',
		source: 'k3s-io/k3s#588, k3s-io/k3s#3451',
	},
	({cluster, facts}, report) => {
		const networks = [
			...cluster.network.podCidr.map((cidr) => ({cidr, what: 'pod network'})),
			...cluster.network.serviceCidr.map((cidr) => ({
				cidr,
				what: 'service network',
			})),
		];
		const fixes = (what: string) => [
			`Choose another ${what}, such as ${what === 'pod network' ? '10.142.0.0/16' : '10.143.0.0/16'}. It cannot be changed later.`,
		];
		const among = networks.flatMap((one, index) =>
			networks
				.slice(index + 1)
				.filter((other) => cidrsOverlap(one.cidr, other.cidr))
				.map((other) =>
					report(
						'error',
						`The ${one.what} ${one.cidr} and the ${other.what} ${other.cidr} overlap.`,
						{fixes: fixes(other.what)},
					),
				),
		);
		const withHosts = networks.flatMap(({cidr, what}) =>
			cluster.nodes.flatMap(({name}) => {
				const host = facts.get(name);
				const hit =
					host === undefined
						? undefined
						: hostNetworks(host).find((known) =>
								cidrsOverlap(cidr, known.cidr),
							);
				return hit === undefined
					? []
					: [
							report(
								'error',
								`The ${what} ${cidr} overlaps ${hit.what} of ${name}.`,
								{nodes: [name], fixes: fixes(what)},
							),
						];
			}),
		);
		const withExternal = networks.flatMap(({cidr, what}) =>
			cluster.nodes
				.filter(
					({externalIp}) =>
						externalIp !== undefined && cidrContains(cidr, externalIp),
				)
				.map(({name, externalIp}) =>
					report(
						'error',
						`The ${what} ${cidr} contains the external address ${externalIp} of ${name}.`,
						{nodes: [name], fixes: fixes(what)},
					),
				),
		);
		return [...among, ...withHosts, ...withExternal];
	},
);

const families = rule(
	{
		id: 'cidr.family',
		severity: 'error',
		sentence: 'Pods and services have networks of the same address families.',
		source: 'K3s docs: Basic network options, dual-stack',
	},
	({cluster: {network}}, report) => {
		const of = (cidrs: readonly string[]) =>
			cidrs.map((cidr) => `IPv${parseCidr(cidr)?.family}`).toSorted();
		const pods = of(network.podCidr);
		const services = of(network.serviceCidr);
		return pods.join(' ') === services.join(' ')
			? []
			: [
					report(
						'error',
						`Pods have ${inWords(pods)} and services have ${inWords(services)}: Kubernetes wants the same families for both.`,
						{
							fixes: [
								'Give podCidr and serviceCidr one network of each family that you want.',
							],
						},
					),
				];
	},
);

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

const pathMtu = rule(
	{
		id: 'mtu.path',
		severity: 'warning',
		sentence: 'Packets of the mesh fit the measured path.',
		source: 'k3s-io/k3s#5101',
	},
	(context, report) =>
		context.cluster.nodes.flatMap((node) => {
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
		}),
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

/** Rules about networks, forwarding and packet sizes. */
export const networkRules: readonly Rule[] = [
	overlap,
	families,
	forwarding,
	pathMtu,
	defaultRoute,
	nameServers,
];
