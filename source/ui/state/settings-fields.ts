import {
	chosenTailnet,
	clusterSchema,
	type Cluster,
	type TailnetMesh,
} from '../../cluster/schema.js';
import {isSameControlServer} from '../../facts/control-servers.js';

/** A setting as one line of text. */
export type SettingField = {
	readonly id:
		| 'pods'
		| 'services'
		| 'channel'
		| 'version'
		| 'endpoint'
		| 'control-server'
		| 'authority'
		| 'user'
		| 'tags'
		| 'auth-key'
		| 'api-key'
		| 'pod-traffic';
	readonly label: string;
	readonly hint: string;
	/** Shown when the text is empty. */
	readonly empty: string;
	/** Has it a meaning in this cluster? Absent: in all. */
	readonly isFor?: (cluster: Cluster) => boolean;
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

/** A control server of one's own: a headscale. */
const hasOwnServer = ({controlServer}: TailnetMesh): boolean =>
	!isSameControlServer(controlServer, undefined);

/** One setting of the tailnet. */
const tailnetField = (
	field: Pick<SettingField, 'id' | 'label' | 'hint' | 'empty'> & {
		readonly key:
			'controlServer' | 'authorityFile' | 'user' | 'authKeyFrom' | 'apiKeyFrom';
	},
	isFor: (tailnet: TailnetMesh) => boolean = () => true,
): SettingField => ({
	...field,
	isFor(cluster) {
		const tailnet = chosenTailnet(cluster);
		return tailnet !== undefined && isFor(tailnet);
	},
	read: (cluster) => chosenTailnet(cluster)?.[field.key] ?? '',
	write: (cluster, text) => ({
		...cluster,
		mesh: optional(cluster.mesh, field.key, text),
	}),
});

const allFields: readonly SettingField[] = [
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
	tailnetField({
		id: 'control-server',
		key: 'controlServer',
		label: 'Control server',
		hint: 'The URL of your headscale, such as https://headscale.example.org. Empty: Tailscale.',
		empty: 'Tailscale',
	}),
	tailnetField(
		{
			id: 'authority',
			key: 'authorityFile',
			label: 'Its authority',
			hint: 'The certificate of the authority that signed that of your headscale, a PEM file of this machine. Empty: one that everybody knows.',
			empty: 'one that everybody knows',
		},
		hasOwnServer,
	),
	tailnetField(
		{
			id: 'user',
			key: 'user',
			label: 'User',
			hint: 'The user of headscale that makes the login keys and owns the tags. Empty: the only one that there is.',
			empty: 'the only one there',
		},
		hasOwnServer,
	),
	tailnetField({
		id: 'auth-key',
		key: 'authKeyFrom',
		label: 'Login key from',
		hint: 'Where the key that nodes log in with is read: env:NAME or file:PATH. Empty: it is asked for when a node needs it. The key itself is never saved.',
		empty: 'asked for when a node needs it',
	}),
	tailnetField({
		id: 'api-key',
		key: 'apiKeyFrom',
		label: 'API key from',
		hint: 'Where an OAuth secret or API key of the control server is read: env:NAME or file:PATH. With it login keys are made, routes approved and the policy checked for you.',
		empty: 'none: routes are approved by hand',
	}),
	{
		id: 'tags',
		label: 'Tags',
		hint: 'Tags that the nodes carry in the tailnet, such as tag:k3s. A tagged node belongs to nobody, and its login does not end.',
		empty: 'none',
		isFor: (cluster) => chosenTailnet(cluster) !== undefined,
		read: (cluster) => chosenTailnet(cluster)?.tags.join(', ') ?? '',
		write: (cluster, text) => ({
			...cluster,
			mesh: {...cluster.mesh, tags: list(text)},
		}),
	},
	{
		id: 'pod-traffic',
		label: 'Pod traffic',
		hint: 'tailnet: through the tailnet, encrypted. direct: on the private network between internal addresses, at full speed and not encrypted.',
		empty: '',
		isFor: ({mesh}) => mesh.kind === 'tailscale-ip',
		read: ({mesh}) => (mesh.kind === 'tailscale-ip' ? mesh.podTraffic : ''),
		write: (cluster, text) => ({
			...cluster,
			mesh: {...cluster.mesh, podTraffic: text.trim()},
		}),
	},
];

/** The settings that have a meaning in a cluster. */
export const settingFieldsOf = (cluster: Cluster): readonly SettingField[] =>
	allFields.filter(({isFor}) => isFor?.(cluster) ?? true);

/** How wide a column for all labels is. */
export const longestLabel = Math.max(
	...allFields.map(({label}) => label.length),
);

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
