import type {MeshProof} from '../../mesh/mesh.js';
import type {Proof} from '../events.js';

/**
 * What to try where a mesh of VXLAN carries pings and not what pods say: some kernels and network cards write wrong
 * checksums into such packets, and the far side drops them without a word (flannel docs: Troubleshooting;
 * k3s-io/k3s#6255, k3s-io/k3s#5013). Setting that everywhere would slow down all others, so it is only told.
 */
export const vxlanHint = (
	bad: readonly Proof[],
	{interface: device}: Pick<MeshProof, 'interface'>,
): readonly string[] =>
	device === 'flannel.1' &&
	bad.some(({kind}) => kind === 'pod-to-pod' || kind === 'dns') &&
	!bad.some(({kind}) => kind === 'mesh-ping')
		? [
				`Or packets of pods have wrong checksums, and are dropped for it: try "ethtool -K ${device} tx-checksum-ip-generic off" on both nodes, and check again.`,
			]
		: [];
