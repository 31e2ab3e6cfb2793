import {sameData} from './same-data.js';
import {emptyCluster, type Cluster, type NodeSpec} from './schema.js';
import {formatSshTarget, parseSshTarget, type SshTarget} from './ssh-target.js';

/** Plain data as it stands in YAML. */
export type Data =
	| string
	| number
	| boolean
	| undefined
	| readonly Data[]
	| {readonly [key in string]: Data};

export type DataMap = Readonly<Record<string, Data>>;

/** Is it a mapping? */
export const isDataMap = (data: Data): data is DataMap =>
	typeof data === 'object' && !Array.isArray(data);

const withoutUndefined = (map: DataMap): DataMap =>
	Object.fromEntries(
		Object.entries(map).filter(([, value]) => value !== undefined),
	);

/** A login as it stands in the file: text when text can say it all, else a mapping. */
export const sshInput = (target: SshTarget): Data => {
	const text = formatSshTarget(target);
	const parsed = parseSshTarget(text);
	const plain = withoutUndefined({...target});
	return parsed.ok && sameData({...parsed.target}, plain) ? text : plain;
};

/** A node as it stands in the file. */
export const nodeInput = (node: NodeSpec): DataMap =>
	withoutUndefined({...node, ssh: sshInput(node.ssh)});

/** The whole cluster as it stands in a file that leaves nothing out. */
export const clusterInput = (cluster: Cluster): DataMap =>
	withoutUndefined({
		...(cluster as unknown as DataMap),
		k3s: withoutUndefined(cluster.k3s),
		mirrors: withoutUndefined(cluster.mirrors),
		nodes: cluster.nodes.map((node) => nodeInput(node)),
	});

/** The defaults of the fields that a file may leave out. */
export const defaultInput = (): DataMap => clusterInput(emptyCluster('x'));
