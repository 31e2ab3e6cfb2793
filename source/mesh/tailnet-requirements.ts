import {concludeNat} from '../checks/conclusions/nat.js';
import type {NodeSpec} from '../cluster/schema.js';
import {serversOf} from '../cluster/sites.js';
import {k3sPorts, nodePairs, usesEmbeddedEtcd} from './k3s-requirements.js';
import type {AddressKind, MeshContext, Requirement} from './mesh.js';
import {hasDirectPods, tailnetPort} from './tailnet.js';
import {closingNats} from './wireguard-nat.js';

/** Every node reaches the API of every other server, and servers and metrics the kubelets: all of it in the tailnet. */
const k3sInside = ({cluster}: MeshContext): readonly Requirement[] =>
	nodePairs(cluster.nodes).flatMap(([from, to]) => {
		const requirement = (
			port: number,
			severity: Requirement['severity'],
			why: string,
		): Requirement => ({
			from: from.name,
			to: to.name,
			addressKind: 'tailscale',
			scope: 'all',
			protocol: 'tcp',
			port,
			severity,
			why,
		});
		return [
			...(to.role === 'server'
				? [
						requirement(
							k3sPorts.api,
							'required',
							`${from.name} and its pods reach the Kubernetes API of ${to.name} in the tailnet`,
						),
					]
				: []),
			requirement(
				k3sPorts.kubelet,
				'recommended',
				`metrics of ${to.name} (kubectl top) are read over it when metrics-server runs on ${from.name}`,
			),
		];
	});

const etcd = (
	context: MeshContext,
	addressKind: AddressKind,
): readonly Requirement[] =>
	usesEmbeddedEtcd(context)
		? nodePairs(serversOf(context.cluster.nodes)).flatMap(([from, to]) =>
				[
					[k3sPorts.etcdClient, 'clients'] as const,
					[k3sPorts.etcdPeer, 'members'] as const,
				].map(([port, who]): Requirement => ({
					from: from.name,
					to: to.name,
					addressKind,
					scope: 'all',
					protocol: 'tcp',
					port,
					severity: 'required',
					why: `etcd on ${from.name} and ${to.name} is one database: ${who}`,
				})),
			)
		: [];

/**
 * Tailscale needs no port from outside: it relays what can not go directly. A port that is open makes direct paths sure,
 * so that it is asked of all but nodes of which we know that nothing comes through to them.
 */
const directPaths = (context: MeshContext): readonly Requirement[] => {
	const conclusions = concludeNat(context);
	const isReachable = ({name, externalIp}: NodeSpec): boolean =>
		externalIp !== undefined &&
		!closingNats.has(conclusions.get(name)?.kind ?? 'unknown');
	return nodePairs(context.cluster.nodes)
		.filter(([, to]) => isReachable(to))
		.map(([from, to]) => ({
			from: from.name,
			to: to.name,
			addressKind: 'external',
			scope: 'all',
			protocol: 'udp',
			port: tailnetPort,
			severity: 'recommended',
			why: `Tailscale on ${from.name} finds a direct path to ${to.name} by it; without one a relay carries what they send`,
		}));
};

/** Flannel's VXLAN between internal addresses. It has no cipher: it never goes over other networks. */
const directPods = ({cluster}: MeshContext): readonly Requirement[] =>
	hasDirectPods(cluster)
		? nodePairs(cluster.nodes).map(([from, to]) => ({
				from: from.name,
				to: to.name,
				addressKind: 'internal',
				scope: 'all',
				protocol: 'udp',
				port: k3sPorts.vxlan,
				severity: 'required',
				why: `pods on ${from.name} and ${to.name} reach each other on the network that their nodes share`,
			}))
		: [];

/** What a mesh on a tailnet needs; `etcdOn` is the kind of address that embedded etcd takes. */
export const tailnetRequirements = (
	context: MeshContext,
	etcdOn: 'internal' | 'tailscale',
): readonly Requirement[] => [
	...k3sInside(context),
	...etcd(context, etcdOn),
	...directPods(context),
	...directPaths(context),
];
