import type {TailscaleFacts} from '../facts/host-facts.js';

/** Where a person administers a tailnet. */
const machinesPage = 'https://login.tailscale.com/admin/machines';

/** How a person lets a machine in, where devices are approved one by one. */
export const howToApproveDevice = (
	controlServer: string | undefined,
	node: string,
): string =>
	controlServer === undefined
		? `approve ${node} at ${machinesPage}`
		: `approve ${node} in the administration of ${controlServer}`;

/**
 * How a person approves routes of a machine. headscale's command (from 0.26 on) replaces what is approved, so that it
 * names that, too.
 */
export const howToApproveRoutes = (
	controlServer: string | undefined,
	node: string,
	routes: readonly string[],
	known: Pick<TailscaleFacts, 'id' | 'approvedRoutes'>,
): string => {
	if (controlServer === undefined) {
		return `approve it at ${machinesPage}: ${node}, "Edit route settings", ${routes.join(', ')}`;
	}

	const all = [...new Set([...known.approvedRoutes, ...routes])].join(',');
	return /^\d+$/.test(known.id ?? '')
		? `approve it on the headscale: headscale nodes approve-routes --identifier ${known.id!} --routes ${all} (this replaces what is approved for ${node})`
		: `approve it on the headscale: "headscale nodes list-routes" shows the number of ${node}, then headscale nodes approve-routes --identifier NUMBER --routes ${all} (this replaces what is approved for ${node})`;
};

/** How it is done on a headscale before 0.26, where each route has a number (headscale, cmd/headscale/cli/routes.go). */
export const approveOnOlderHeadscale =
	'A headscale before 0.26 has no "approve-routes": headscale routes list shows the number of the route, headscale routes enable --route NUMBER approves it.';

/** How routes of all nodes are approved once and for all. */
export const approveForAll =
	'A policy with the pod network under "autoApprovers" approves the routes of all nodes by itself.';
