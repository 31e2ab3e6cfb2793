import {
	clusterSchema,
	type Cluster,
	type NodeSpec,
} from '../../cluster/schema.js';
import {formatSshTarget, parseSshTarget} from '../../cluster/ssh-target.js';

/** The fields in which a node is edited, as text. */
export const nodeFields = [
	{id: 'name', label: 'Name', hint: 'also the name of the Kubernetes node'},
	{id: 'ssh', label: 'SSH', hint: '[user@]host[:port] or an alias'},
	{
		id: 'externalIp',
		label: 'External',
		hint: 'the address under which other nodes reach it; empty: ask the node',
	},
	{
		id: 'internalIp',
		label: 'Internal',
		hint: 'its address in its own network; empty: ask the node',
	},
	{
		id: 'site',
		label: 'Site',
		hint: 'nodes with the same word here share a network; empty: by their addresses',
	},
] as const;
export type NodeField = (typeof nodeFields)[number]['id'];
export type NodeFormValues = Readonly<Record<NodeField, string>>;

export const nodeFormValues = (node: NodeSpec): NodeFormValues => ({
	name: node.name,
	ssh: formatSshTarget(node.ssh),
	externalIp: node.externalIp ?? '',
	internalIp: node.internalIp ?? '',
	site: node.site ?? '',
});

export type NodeFormResult =
	| {readonly ok: true; readonly node: NodeSpec}
	| {
			readonly ok: false;
			readonly problems: Partial<Readonly<Record<NodeField, string>>>;
	  };

const nodeSchema = clusterSchema.shape.nodes.unwrap().element;

/** Reads the form. What it does not show of a node (jump hosts, key file) stays as it is. */
export const readNodeForm = (
	values: NodeFormValues,
	node: NodeSpec,
	cluster: Cluster,
): NodeFormResult => {
	const problems: Partial<Record<NodeField, string>> = {};
	const target = parseSshTarget(values.ssh);
	if (!target.ok) {
		problems.ssh = target.message;
	}

	if (
		values.name !== node.name &&
		cluster.nodes.some(({name}) => name === values.name)
	) {
		problems.name = `another node is called ${values.name}`;
	}

	const {jump, identityFile} = node.ssh;
	const optional = (id: 'externalIp' | 'internalIp' | 'site') =>
		values[id].trim() === '' ? {} : {[id]: values[id].trim()};
	const parsed = nodeSchema.safeParse({
		name: values.name.trim(),
		role: node.role,
		ssh: {
			...(target.ok ? target.target : node.ssh),
			...(jump === undefined ? {} : {jump}),
			...(identityFile === undefined ? {} : {identityFile}),
		},
		...optional('externalIp'),
		...optional('internalIp'),
		...optional('site'),
	});
	if (!parsed.success) {
		for (const issue of parsed.error.issues) {
			problems[issue.path[0] as NodeField] ??= issue.message;
		}
	}

	return parsed.success && Object.keys(problems).length === 0
		? {ok: true, node: parsed.data}
		: {ok: false, problems};
};
