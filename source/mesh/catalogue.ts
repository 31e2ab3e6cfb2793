import type {Cluster, MeshKind} from '../cluster/schema.js';
import type {Mesh} from './mesh.js';
import {tailscaleIp} from './tailscale-ip.js';
import {tailscale} from './tailscale.js';
import {wireguardNative} from './wireguard-native.js';

/** Every way to connect nodes, in the order of the Mesh screen. */
export const meshes: ReadonlyMap<MeshKind, Mesh> = new Map(
	[wireguardNative, tailscale, tailscaleIp].map((mesh) => [mesh.kind, mesh]),
);

/** The mesh that a cluster has chosen. */
export const meshOf = (cluster: Cluster): Mesh =>
	meshes.get(cluster.mesh.kind)!;
