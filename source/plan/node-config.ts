import {knowsKey, plainKey} from '../cluster/k3s-flags.js';
import type {NodeSpec} from '../cluster/schema.js';
import type {K3sConfig, Mesh, MeshContext} from '../mesh/mesh.js';

/** Lists of ours to which the user's entries are added; any other key of ours cannot be changed by the user's. */
const joinedLists = new Set(['tls-san', 'disable']);

const asList = (value: unknown): ReadonlyArray<string | number | boolean> =>
	Array.isArray(value)
		? (value as ReadonlyArray<string | number | boolean>)
		: [value as string | number | boolean];

/** The keys that the mesh and the cluster's shape call for on a node. */
export const ownConfig = (
	context: MeshContext,
	mesh: Mesh,
	node: NodeSpec,
): K3sConfig =>
	node.role === 'server'
		? mesh.serverConfig(context, node)
		: mesh.agentConfig(context, node);

/** Does a key of the user's add to ours instead of standing against it? */
export const joinsOurs = (key: string): boolean =>
	joinedLists.has(plainKey(key));

/**
 * Everything that our drop-in tells K3s on a node: our keys, and the cluster file's `k3s.config` on every node that
 * knows them. Where both name one key ours wins (the rule `k3s.config-conflict` tells), except that `tls-san` and
 * `disable` are put together. Keys that K3s does not know at all go to the servers, where its log warns about them.
 */
export const nodeConfig = (
	context: MeshContext,
	mesh: Mesh,
	node: NodeSpec,
): K3sConfig => {
	const ours = ownConfig(context, mesh, node);
	const config: Record<string, K3sConfig[string]> = {...ours};
	for (const [key, value] of Object.entries(context.cluster.k3s.config)) {
		const known = knowsKey(node.role, key);
		const somewhere = knowsKey('agent', key) || knowsKey('server', key);
		if (!known && (somewhere || node.role === 'agent')) {
			continue;
		}

		const plain = plainKey(key);
		if (!(plain in ours)) {
			config[key] = value;
		} else if (joinsOurs(plain)) {
			config[plain] = [...new Set([...asList(ours[plain]), ...asList(value)])];
		}
	}

	return config;
};
