import {parseDocument} from 'yaml';
import {
	isFixedKey,
	isSecretKey,
	knownK3sKeys,
	knowsKey,
	plainKey,
} from '../cluster/k3s-flags.js';
import {nearest} from '../cluster/nearest.js';
import type {K3sConfigFile} from '../facts/host-facts.js';
import {meshOf} from '../mesh/catalogue.js';
import {joinsOurs, nodeConfig, ownConfig} from '../plan/node-config.js';
import {configPath} from '../plan/paths.js';
import {isReference} from '../plan/plan.js';
import {maskedReference} from '../plan/template.js';
import {rule, type Rule} from './rule.js';

/** One value as text; one that is still open by its name. */
const inText = (value: unknown): string =>
	isReference(value) ? maskedReference(value) : String(value);

/** A value as K3s takes it: every list element by itself, commas split. */
const elements = (value: unknown): readonly string[] =>
	(Array.isArray(value) ? (value as readonly unknown[]) : [value])
		.flatMap((item) => inText(item).split(','))
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
	const text = Array.isArray(value)
		? (value as readonly unknown[]).map((item) => inText(item)).join(', ')
		: inText(value);
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

/** What K3s does when a key that must not move anything is not set; the same value in a file moves nothing. */
const usualValues: Readonly<Record<string, readonly string[]>> = {
	'data-dir': ['/var/lib/rancher/k3s', '/var/lib/rancher/k3s/'],
	'https-listen-port': ['6443'],
	'bind-address': ['0.0.0.0', '::', ''],
};

const movedPlaces = rule(
	{
		id: 'k3s.config-moved',
		severity: 'error',
		sentence:
			"The machine's own K3s config files leave data and API in their usual places.",
		source: 'our own measure',
	},
	({cluster, facts}, report) =>
		cluster.nodes.flatMap(({name, role}) =>
			(facts.get(name)?.k3s?.configFiles ?? [])
				.filter(({path}) => path !== configPath)
				.flatMap((file) =>
					Object.entries(readKeys(file))
						.filter(
							([key, value]) =>
								isFixedKey(key) &&
								knowsKey(role, key) &&
								!usualValues[plainKey(key)]!.includes(String(value)),
						)
						.map(([key, value]) =>
							report(
								'error',
								`${file.path} on ${name} sets ${key} (${short(value)}). This program looks for K3s's data in /var/lib/rancher/k3s and for its API on port 6443 of every address, and would find neither.`,
								{
									nodes: [name],
									fixes: [`Take ${key} out of ${file.path}.`],
								},
							),
						),
				),
		),
);

/** Rules about K3s's configuration: the cluster file's and the machine's own. */
export const k3sConfigRules: readonly Rule[] = [
	configConflict,
	movedPlaces,
	unknownKeys,
];
