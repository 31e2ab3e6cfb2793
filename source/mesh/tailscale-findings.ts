import type {Finding} from '../checks/finding.js';
import type {MeshContext} from './mesh.js';
import type {TailnetKind} from './tailscale-finding.js';
import {tailscaleHostFindings} from './tailscale-host-findings.js';
import {tailscaleLoginFindings} from './tailscale-login-findings.js';
import {tailscaleNetworkFindings} from './tailscale-network-findings.js';
import {releaseFindings} from './tailscale-release-findings.js';
import {tunnelFindings} from './tailscale-tunnel-findings.js';

/** What speaks against a mesh on a tailnet with these nodes. */
export const tailscaleFindings = (
	context: MeshContext,
	kind: TailnetKind,
): readonly Finding[] => [
	...(kind === 'tailscale'
		? releaseFindings(context)
		: tunnelFindings(context)),
	...tailscaleLoginFindings(context),
	...tailscaleHostFindings(context, kind),
	...tailscaleNetworkFindings(context, kind),
];
