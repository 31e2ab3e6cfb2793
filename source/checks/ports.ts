import type {HostFacts, ListeningPort} from '../facts/host-facts.js';
import type {NodeSpec} from '../cluster/schema.js';
import {k3sPorts, usesEmbeddedEtcd} from '../mesh/k3s-requirements.js';
import {rule, type CheckContext, type Rule} from './rule.js';

/** Does K3s run on the host, so that its ports are held by itself? */
export const runsK3s = (host: HostFacts | undefined): boolean =>
	host?.k3s?.unitState === 'active' || host?.k3s?.unitState === 'activating';

/** Is the program one that belongs to K3s? */
export const isK3sProcess = (process: string | undefined): boolean =>
	/^(?:k3s|containerd)/.test(process ?? '');

/** TCP ports that K3s takes on a node; those on the loopback interface alone included. */
const wantedPorts = (
	context: CheckContext,
	{role}: NodeSpec,
): ReadonlyArray<readonly [port: number, use: string]> => [
	[k3sPorts.kubelet, 'the kubelet'],
	[10_248, 'the kubelet'],
	[10_249, 'kube-proxy'],
	[10_256, 'kube-proxy'],
	[10_010, 'containerd'],
	[6444, role === 'server' ? 'the Kubernetes API' : "K3s's load balancer"],
	...(role === 'server'
		? ([
				[k3sPorts.api, 'the Kubernetes API'],
				[10_257, 'the controller manager'],
				[10_258, 'the cloud controller'],
				[10_259, 'the scheduler'],
			] as const)
		: []),
	...(role === 'server' && usesEmbeddedEtcd(context)
		? ([
				[k3sPorts.etcdClient, 'etcd'],
				[k3sPorts.etcdPeer, 'etcd'],
				[2381, 'etcd'],
			] as const)
		: []),
];

const holder = (host: HostFacts, port: number): ListeningPort | undefined =>
	host.listening.find(
		(entry) =>
			entry.protocol === 'tcp' &&
			entry.port === port &&
			!isK3sProcess(entry.process),
	);

const inUse = rule(
	{
		id: 'port.in-use',
		severity: 'error',
		sentence: 'The ports of K3s are free, or held by K3s itself.',
		source: 'K3s docs: Requirements',
	},
	(context, report) =>
		context.cluster.nodes.flatMap((node) => {
			const host = context.facts.get(node.name);
			if (host === undefined || runsK3s(host)) {
				return [];
			}

			return wantedPorts(context, node).flatMap(([port, use]) => {
				const found = holder(host, port);
				return found === undefined
					? []
					: [
							report(
								'error',
								`TCP port ${port} on ${node.name} is held by ${found.process ?? 'another program'}, and K3s needs it for ${use}.`,
								{
									nodes: [node.name],
									fixes: [
										`Stop ${found.process ?? 'that program'}, or give it another port.`,
									],
								},
							),
						];
			});
		}),
);

const web = rule(
	{
		id: 'port.web',
		severity: 'info',
		sentence: 'Ports 80 and 443 are free for Traefik, or Traefik is left out.',
		source: 'K3s docs: Networking services',
	},
	({cluster, facts}, report) =>
		['traefik', 'servicelb'].some((component) =>
			cluster.k3s.disable.includes(component),
		)
			? []
			: cluster.nodes.flatMap(({name}) => {
					const host = facts.get(name);
					const taken =
						host === undefined || runsK3s(host)
							? []
							: [80, 443].filter((port) => holder(host, port) !== undefined);
					return taken.length === 0
						? []
						: [
								report(
									'info',
									`${name} has a web server on port ${taken.join(' and ')}: K3s's Traefik takes over what comes in there from outside.`,
									{
										nodes: [name],
										fixes: [
											'Add traefik to k3s.disable, if that is not wanted.',
										],
									},
								),
							];
				}),
);

/** Rules about ports that somebody else may hold. */
export const portRules: readonly Rule[] = [inUse, web];
