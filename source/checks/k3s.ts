import {compareK3sVersions, meetsMinimum} from '../cluster/versions.js';
import type {HostFacts} from '../facts/host-facts.js';
import {configPath} from '../plan/paths.js';
import {inWords, rule, type Rule} from './rule.js';

/** Is K3s there, and not only a binary or a config file? */
const isInstalled = (host: HostFacts | undefined): boolean =>
	host?.k3s !== undefined && host.k3s.unitState !== 'absent';

const alreadyInstalled = rule(
	{
		id: 'k3s.already-installed',
		severity: 'error',
		sentence: 'A node has no K3s yet, or one in the same role.',
		source: 'K3s docs: Uninstalling K3s',
	},
	({cluster, facts}, report) =>
		cluster.nodes.flatMap(({name, role}) => {
			const host = facts.get(name);
			const k3s = host?.k3s;
			if (k3s === undefined || !isInstalled(host)) {
				return [];
			}

			const uninstall = `${k3s.role === 'server' ? 'k3s-uninstall.sh' : 'k3s-agent-uninstall.sh'}`;
			if (k3s.role !== undefined && k3s.role !== role) {
				return [
					report(
						'error',
						`${name} runs K3s as ${k3s.role} now and is to be ${role === 'agent' ? 'an agent' : 'a server'}.`,
						{
							nodes: [name],
							fixes: [
								`Give ${name} the role "${k3s.role}", or uninstall K3s there first (all its data goes):`,
								uninstall,
							],
						},
					),
				];
			}

			// A run of ours that was cut off has written its file before K3s came, and its manifest not yet.
			const ours =
				host?.manifest !== undefined ||
				k3s.configFiles.some(({path}) => path === configPath);
			return ours
				? []
				: [
						report(
							'error',
							`${name} has K3s ${k3s.version ?? ''} already, installed by somebody else. Taking it over writes its service anew: flags and variables that stand in the unit file or its .env are lost.`.replace(
								'  ',
								' ',
							),
							{
								nodes: [name],
								fixes: [
									'To take it over, move such settings to /etc/rancher/k3s/config.yaml first, then override this check.',
									'To begin anew instead, uninstall it first (all its data goes):',
									uninstall,
								],
							},
						),
					];
		}),
);

const otherCluster = rule(
	{
		id: 'k3s.other-cluster',
		severity: 'error',
		sentence: 'No node belongs to another cluster.',
		source: 'k3s-io/k3s#3727',
	},
	({cluster, facts}, report) => {
		const named = cluster.nodes.flatMap(({name}) => {
			const host = facts.get(name);
			const other = host?.manifest?.cluster;
			return other === undefined || other === cluster.name || !isInstalled(host)
				? []
				: [
						report(
							'error',
							`${name} belongs to the cluster "${other}" of k3s-mesh-tui.`,
							{
								nodes: [name],
								fixes: [
									`Remove it from "${other}" first, or leave it out here.`,
								],
							},
						),
					];
		});
		const byAuthority = new Map<string, string[]>();
		for (const {name} of cluster.nodes) {
			const host = facts.get(name);
			const hash = isInstalled(host) ? host?.k3s?.caHash : undefined;
			if (hash !== undefined) {
				byAuthority.set(hash, [...(byAuthority.get(hash) ?? []), name]);
			}
		}

		const groups = [...byAuthority.values()];
		return groups.length < 2
			? named
			: [
					...named,
					report(
						'error',
						`These nodes run K3s in different clusters: ${groups.map((names) => inWords(names)).join('; ')}.`,
						{
							nodes: groups.flat(),
							fixes: [
								'Uninstall K3s on the nodes that are to join the other cluster, or leave them out.',
							],
						},
					),
				];
	},
);

const downgrade = rule(
	{
		id: 'k3s.downgrade',
		severity: 'error',
		sentence: 'No node goes back to an older K3s.',
		source: 'Kubernetes: Version skew policy',
	},
	({cluster, facts}, report) =>
		cluster.nodes.flatMap(({name}) => {
			const host = facts.get(name);
			const present = isInstalled(host) ? host?.k3s?.version : undefined;
			const wanted = cluster.k3s.version;
			return present === undefined ||
				wanted === undefined ||
				compareK3sVersions(wanted, present) >= 0
				? []
				: [
						report(
							'error',
							`${name} has K3s ${present}, and the cluster file asks for the older ${wanted}.`,
							{
								nodes: [name],
								fixes: [`Set k3s.version to ${present} or later.`],
							},
						),
					];
		}),
);

/** First releases with `flannel-external-ip` that also tell metrics-server about it. */
const externalIpReleases = ['v1.24.8+k3s1', 'v1.25.4+k3s1'];

const tooOld = rule(
	{
		id: 'k3s.version',
		severity: 'error',
		sentence: 'The K3s release knows what the mesh needs.',
		source: 'k3s-io/k3s#6180, k3s-io/k3s#6326',
	},
	({cluster}, report) =>
		cluster.mesh.kind !== 'wireguard-native' ||
		cluster.k3s.version === undefined ||
		meetsMinimum(cluster.k3s.version, externalIpReleases)
			? []
			: [
					report(
						'error',
						`K3s ${cluster.k3s.version} is too old for WireGuard between external addresses; ${externalIpReleases.join(' or ')} is the first that can.`,
						{fixes: ['Set k3s.channel to stable, and take k3s.version out.']},
					),
				],
);

/** Rules about K3s that is there already, and its release. */
export const k3sRules: readonly Rule[] = [
	alreadyInstalled,
	otherCluster,
	downgrade,
	tooOld,
];
