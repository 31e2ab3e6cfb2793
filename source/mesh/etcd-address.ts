import type {AddressKind, MeshContext} from './mesh.js';
import {releaseOf} from './tailnet.js';
import {etcdAddress} from './tailscale-versions.js';

/** The kind of address that embedded etcd listens on and that its members reach each other under. */
export const etcdAddressKind = (
	context: Pick<MeshContext, 'cluster' | 'facts'>,
): Extract<AddressKind, 'internal' | 'tailscale'> => {
	switch (context.cluster.mesh.kind) {
		case 'wireguard-native': {
			return 'internal';
		}

		case 'tailscale': {
			return etcdAddress(releaseOf(context));
		}

		case 'tailscale-ip': {
			return 'tailscale';
		}
	}
};
