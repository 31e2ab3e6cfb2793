import {parseDocument} from 'yaml';
import {
	isSecretKey,
	knownK3sKeys,
	knowsKey,
	plainKey,
} from '../cluster/k3s-flags.js';
import {nearest} from '../cluster/nearest.js';
import {compareK3sVersions, meetsMinimum} from '../cluster/versions.js';
import type {HostFacts, K3sConfigFile} from '../facts/host-facts.js';
import {meshOf} from '../mesh/catalogue.js';
import {joinsOurs, nodeConfig, ownConfig} from '../plan/node-config.js';
import {configPath} from '../plan/paths.js';
import {isReference} from '../plan/plan.js';
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

/** A value as K3s takes it: every list element by itself, commas split. */
const elements = (value: unknown): readonly string[] =>
	(Array.isArray(value) ? (value as readonly unknown[]) : [value])
		.flatMap((item) => String(item).split(','))
		.map((item) => item.trim())
		.toSorted();

const sameSetting = (one: unknown, other: unknown): boolean =>
	elements(one).join('\n') === elements(other).join('\n');

const readKeys = ({text}: K3sConfigFile): Readonly<Record<string, unknown>> => {
	const document = parseDocument(text, {uniqueKeys: false});
	if (document.errors.length > 0) {
		return {};
	}

	const data: unknown = document.toJS();
	return typeof data === 'object' && data !== null
		? (data as Readonly<Record<string, unknown>>)
		: {};
};

/** Is the file read behind ours, so that its values replace ours? */
const isLater = (path: string): boolean => {
	const folder = configPath.slice(0, configPath.lastIndexOf('/') + 1);
	return path.startsWith(folder) && path > configPath;
};

const short = (value: unknown): string => {
	const text = Array.isArray(value) ? value.join(', ') : String(value);
	return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

const configConflict = rule(
	{
		id: 'k3s.config-conflict',
		severity: 'error',
		sentence:
			"Neither the machine's own K3s config files nor k3s.config contradict what the cluster needs.",
		source: 'K3s docs: Configuration options, configuration file',
	},
	(context, report) => {
		const {cluster, facts} = context;
		const mesh = meshOf(cluster);
		const inFile = cluster.nodes.flatMap((node) => {
			const ours = ownConfig(context, mesh, node);
			return Object.entries(cluster.k3s.config).filter(([key, value]) => {
				const own = ours[plainKey(key)];
				return (
					knowsKey(node.role, key) &&
					own !== undefined &&
					!joinsOurs(key) &&
					(isReference(own) || !sameSetting(own, value))
				);
			});
		});
		const onHosts = cluster.nodes.flatMap((node) => {
			const ours = nodeConfig(context, mesh, node);
			return (facts.get(node.name)?.k3s?.configFiles ?? [])
				.filter(({path}) => path !== configPath)
				.flatMap((file) =>
					Object.entries(readKeys(file)).flatMap(([key, value]) => {
						const plain = plainKey(key);
						const own = ours[plain];
						const later = isLater(file.path);
						const appends = later && key.endsWith('+');
						if (own === undefined || appends) {
							return [];
						}

						if (isReference(own) || isSecretKey(plain)) {
							// A secret cannot be compared from here; one that is read earlier is replaced by ours.
							return later
								? [{file: file.path, key, later, values: 'its own value'}]
								: [];
						}

						return sameSetting(own, value)
							? []
							: [
									{
										file: file.path,
										key,
										later,
										values: `${short(value)} instead of ${short(own)}`,
									},
								];
					}),
				)
				.map(({file, key, later, values}) =>
					report(
						'error',
						`${file} on ${node.name} sets ${key} (${values}). ${
							later
								? 'K3s reads it behind our file, so that it would win.'
								: 'Our file would replace it.'
						}`,
						{
							nodes: [node.name],
							fixes: [
								`Take ${key} out of ${file}${later ? '' : ', or override this check: ours wins then'}.`,
							],
						},
					),
				);
		});
		const names = [...new Set(inFile.map(([key]) => key))];
		return [
			...names.map((key) =>
				report(
					'error',
					`k3s.config.${key} in the cluster file contradicts what this program sets for the mesh; its value would not be used.`,
					{fixes: [`Take ${key} out of k3s.config.`]},
				),
			),
			...onHosts,
		];
	},
);

const unknownKeys = rule(
	{
		id: 'k3s.config-unknown',
		severity: 'warning',
		sentence: 'K3s knows every key of k3s.config.',
		source: 'K3s docs: CLI tools, server and agent',
	},
	({cluster}, report) =>
		Object.keys(cluster.k3s.config)
			.filter((key) => !knowsKey('server', key) && !knowsKey('agent', key))
			.map((key) => {
				const near = nearest(plainKey(key), knownK3sKeys);
				return report(
					'warning',
					`K3s does not know k3s.config.${key}: it leaves it out with no more than a line in its log.`,
					{
						fixes: [
							near === undefined
								? `Take ${key} out of k3s.config.`
								: `Did you mean ${near}?`,
						],
					},
				);
			}),
);

/** Rules about K3s that is there already, its release and its configuration. */
export const k3sRules: readonly Rule[] = [
	alreadyInstalled,
	otherCluster,
	downgrade,
	tooOld,
	configConflict,
	unknownKeys,
];
