import {clusterSchema, type Cluster} from '../../cluster/schema.js';

/** A setting as one line of text. */
export type SettingField = {
	readonly id: 'pods' | 'services' | 'channel' | 'version' | 'endpoint';
	readonly label: string;
	readonly hint: string;
	/** Shown when the text is empty. */
	readonly empty: string;
	readonly read: (cluster: Cluster) => string;
	/** The cluster with this text in it, before it is checked. */
	readonly write: (cluster: Cluster, text: string) => unknown;
};

const list = (text: string): string[] =>
	text
		.split(',')
		.map((part) => part.trim())
		.filter((part) => part !== '');

/** An object without a key when its text is empty. */
const optional = (
	object: Readonly<Record<string, unknown>>,
	key: string,
	text: string,
): unknown => {
	const rest = Object.fromEntries(
		Object.entries(object).filter(([name]) => name !== key),
	);
	return text.trim() === '' ? rest : {...rest, [key]: text.trim()};
};

export const settingFields: readonly SettingField[] = [
	{
		id: 'pods',
		label: 'Pod network',
		hint: 'Pods get their addresses from it; no network of yours may overlap it. IPv4, IPv6 for dual-stack.',
		empty: '',
		read: (cluster) => cluster.network.podCidr.join(', '),
		write: (cluster, text) => ({
			...cluster,
			network: {...cluster.network, podCidr: list(text)},
		}),
	},
	{
		id: 'services',
		label: 'Service network',
		hint: 'Services get their addresses from it. As many networks as for pods.',
		empty: '',
		read: (cluster) => cluster.network.serviceCidr.join(', '),
		write: (cluster, text) => ({
			...cluster,
			network: {...cluster.network, serviceCidr: list(text)},
		}),
	},
	{
		id: 'channel',
		label: 'K3s channel',
		hint: 'stable, latest, or a line such as v1.36; resolved once, all nodes get the same release.',
		empty: '',
		read: (cluster) => cluster.k3s.channel,
		write: (cluster, text) => ({
			...cluster,
			k3s: {...cluster.k3s, channel: text.trim()},
		}),
	},
	{
		id: 'version',
		label: 'K3s version',
		hint: 'An exact release such as v1.36.3+k3s1 instead of the channel; empty: by the channel.',
		empty: 'by the channel',
		read: (cluster) => cluster.k3s.version ?? '',
		write: (cluster, text) => ({
			...cluster,
			k3s: optional(cluster.k3s, 'version', text),
		}),
	},
	{
		id: 'endpoint',
		label: 'API endpoint',
		hint: 'A DNS name or address that stays when a server changes; agents and kubeconfig use it. Empty: the first server.',
		empty: "the first server's address",
		read: (cluster) => cluster.apiEndpoint ?? '',
		write: (cluster, text) => optional(cluster, 'apiEndpoint', text),
	},
];

/** The cluster with a setting changed, or what is wrong with its text. */
export const writeSetting = (
	cluster: Cluster,
	field: SettingField,
	text: string,
):
	| {readonly ok: true; readonly cluster: Cluster}
	| {readonly ok: false; readonly problem: string} => {
	const parsed = clusterSchema.safeParse(field.write(cluster, text));
	if (parsed.success) {
		return {ok: true, cluster: parsed.data};
	}

	const issue = parsed.error.issues[0]!;
	const isEmptyList = issue.code === 'too_small';
	return {
		ok: false,
		problem: isEmptyList ? 'must name a network' : issue.message,
	};
};
