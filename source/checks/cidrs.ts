import {
	addressFamily,
	cidrContains,
	cidrsOverlap,
	isAddress,
	isCidr,
	parseCidr,
} from '../cluster/addresses.js';
import type {Cluster} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import {hasFamily, podFamilies} from '../mesh/node-ips.js';
import {inWords, rule, type Rule} from './rule.js';

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

/** The families of networks, in words and in order. */
const familiesOf = (cidrs: readonly string[]): readonly string[] =>
	cidrs.map((cidr) => `IPv${parseCidr(cidr)?.family}`).toSorted();

const familiesAgree = ({network}: Cluster): boolean =>
	familiesOf(network.podCidr).join(' ') ===
	familiesOf(network.serviceCidr).join(' ');

const families = rule(
	{
		id: 'cidr.family',
		severity: 'error',
		sentence: 'Pods and services have networks of the same address families.',
		source: 'K3s docs: Basic network options, dual-stack',
	},
	({cluster}, report) =>
		familiesAgree(cluster)
			? []
			: [
					report(
						'error',
						`Pods have ${inWords(familiesOf(cluster.network.podCidr))} and services have ${inWords(familiesOf(cluster.network.serviceCidr))}: Kubernetes wants the same families for both.`,
						{
							fixes: [
								'Give podCidr and serviceCidr one network of each family that you want.',
							],
						},
					),
				],
);

const nodeFamilies = rule(
	{
		id: 'cidr.node-family',
		severity: 'error',
		sentence: 'Every node has an address of each family that pods have.',
		source: 'k3s-io/k3s#5781, k3s-io/k3s#11735',
	},
	({cluster, facts}, report) => {
		const wanted = podFamilies(cluster);
		// In a tailnet a node gets an address of each family by its login (`tailscale.dual-stack`).
		if (!familiesAgree(cluster) || cluster.mesh.kind !== 'wireguard-native') {
			return [];
		}

		return cluster.nodes.flatMap(({name, internalIp}) => {
			const host = facts.get(name);
			const missing =
				host === undefined
					? []
					: wanted.filter((family) => !hasFamily(host, family));
			const odd =
				internalIp !== undefined && !wanted.includes(addressFamily(internalIp));
			if (missing.length === 0 && !odd) {
				return [];
			}

			const what =
				missing.length > 0
					? `${name} has no IPv${missing.join(' and no IPv')} address on any interface`
					: `internalIp of ${name} is an IPv${addressFamily(internalIp!)} address`;
			return [
				report(
					'error',
					`${what}, and pods are to have ${inWords(wanted.map((family) => `IPv${family}`))}: K3s starts only when node and pods are of the same families.`,
					{
						nodes: [name],
						fixes: [
							'Give podCidr and serviceCidr the families that all nodes have.',
							...(missing.length > 0
								? [`Or give ${name} an address of that family.`]
								: []),
						],
					},
				),
			];
		});
	},
);

/** Rules about the networks of pods and services. */
export const cidrRules: readonly Rule[] = [overlap, families, nodeFamilies];
