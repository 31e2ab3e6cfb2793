import type {Finding} from '../checks/finding.js';
import {meetsMinimum} from '../cluster/versions.js';
import type {MeshContext} from './mesh.js';
import {hasDirectPods, releaseOf} from './tailnet.js';
import {finding} from './tailscale-finding.js';

/** The first releases whose flannel makes its interface again when the one below it went away (k3s-io/k3s#12436). */
const restoringReleases = [
	'v1.33.13+k3s1',
	'v1.34.9+k3s1',
	'v1.35.6+k3s1',
	'v1.36.2+k3s1',
] as const;

/** What the K3s release says against flannel's tunnel through a tailnet. */
export const tunnelFindings = (context: MeshContext): readonly Finding[] => {
	const release = releaseOf(context);
	return release === undefined ||
		hasDirectPods(context.cluster) ||
		meetsMinimum(release, restoringReleases)
		? []
		: [
				finding('tailscale.lost-tunnel', 'warning', {
					message: `With K3s ${release} a node's pods are cut off from those of other nodes each time Tailscale is started again there, as by an update: flannel's interface goes away with Tailscale's, and comes back only with the next start of K3s.`,
					nodes: [],
					fixes: [
						'Set k3s.version to v1.33.13, v1.34.9, v1.35.6 or v1.36.2 at least.',
						'Or start K3s again on a node whenever Tailscale was: systemctl restart k3s (k3s-agent on agents).',
					],
				}),
			];
};
