import type {NodeSpec} from '../cluster/schema.js';
import type {Template} from '../plan/plan.js';
import type {MeshContext} from './mesh.js';
import {releaseOf, tailnetOf} from './tailnet.js';
import {leavesLoginAlone} from './tailscale-versions.js';

/** Where K3s reads how it gets into the tailnet. */
export const vpnAuthPath = '/etc/rancher/k3s/k3s-mesh-vpn-auth';

/** K3s wants a key even where it never uses one (k3s-io/k3s#11034). */
const placeholder = 'the-node-is-logged-in-already';

/** Does K3s log the node in anew at each start, so that it must have the key itself? */
export const needsRealKey = (context: MeshContext): boolean => {
	const release = releaseOf(context);
	return release !== undefined && !leavesLoginAlone(release);
};

/**
 * What K3s is told of the tailnet. It takes values apart at `,` and `=` and stops at a second `=` (pkg/vpn). A release that
 * logs in by itself resets every preference, so that it is told those of our own login again.
 */
export const vpnAuth = (context: MeshContext, {name}: NodeSpec): Template => {
	const {controlServer, tags} = tailnetOf(context.cluster);
	const isReal = needsRealKey(context);
	const options = [
		'--accept-dns=false',
		`--hostname=${name}`,
		...(tags.length === 0 ? [] : [`--advertise-tags=${tags.join(',')}`]),
	];
	const rest = [
		...(controlServer === undefined
			? []
			: [`,controlServerURL=${controlServer}`]),
		...(isReal ? [`,extraArgs=${options.join(' ')}`] : []),
		'\n',
	].join('');
	return isReal
		? ['name=tailscale,joinKey=', {reference: 'tailnet-key'}, rest]
		: [`name=tailscale,joinKey=${placeholder}${rest}`];
};
