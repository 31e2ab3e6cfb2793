import type {NodeSpec} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import {isSameControlServer} from '../facts/control-servers.js';
import {fileExpectation} from '../plan/expectation.js';
import {unitName} from '../plan/paths.js';
import type {Step, Template} from '../plan/plan.js';
import type {MeshContext, MeshStep} from './mesh.js';
import {isLoggedIn, tailnetOf} from './tailnet.js';
import {
	k3sDropIn,
	k3sUnit,
	tailscaledDropIn,
	tailscaledUnit,
} from './tailnet-units.js';
import {tailscaleInstall} from './tailscale-install.js';

const fileName = (path: string): string =>
	path.slice(path.lastIndexOf('/') + 1);

/** A file of the mesh, to be written as it is. */
export const fileStep = (
	facts: HostFacts,
	path: string,
	mode: number,
	content: Template,
	what = fileName(path),
): MeshStep => ({
	stage: 'prepare',
	what,
	title: `write ${path}`,
	action: {kind: 'write-file', path, mode, content, quoting: 'plain'},
	expectation: fileExpectation(facts, path),
});

const expectation = (isAsWanted: boolean): Step['expectation'] =>
	isAsWanted ? 'unchanged' : 'change';

/**
 * What every mesh on a tailnet does to a node before K3s is told anything: Tailscale is installed where it is missing,
 * and the node logged in. The drop-in comes first, so that tailscaled never runs without it.
 */
export const tailnetSteps = (
	{cluster, facts: all}: MeshContext,
	{name, role}: NodeSpec,
	facts: HostFacts,
	acceptRoutes: boolean,
): readonly MeshStep[] => {
	const {controlServer, tags} = tailnetOf(cluster);
	const {podCidr, serviceCidr} = cluster.network;
	const install =
		facts.tailscale === undefined
			? tailscaleInstall(cluster, facts)
			: undefined;
	return [
		fileStep(
			facts,
			tailscaledDropIn,
			0o644,
			[tailscaledUnit(cluster, facts)],
			'tailscaled-unit',
		),
		...(install === undefined
			? []
			: [
					{
						stage: 'prepare',
						what: 'tailscale-install',
						title: 'install Tailscale',
						action: install,
						expectation: 'change',
					} as const,
				]),
		{
			stage: 'prepare',
			what: 'tailscale-login',
			title: `log in to the tailnet as ${name}`,
			action: {
				kind: 'tailscale-login',
				hostname: name,
				controlServer,
				tags: [...tags],
				acceptRoutes,
				networks: [...podCidr, ...serviceCidr],
				members: cluster.nodes.flatMap(
					(one) => all.get(one.name)?.tailscale?.addresses ?? [],
				),
			},
			expectation: expectation(
				isLoggedIn(facts) &&
					isSameControlServer(facts.tailscale.controlServer, controlServer) &&
					(facts.tailscale.acceptsRoutes || !acceptRoutes),
			),
		},
		fileStep(
			facts,
			k3sDropIn(unitName(role)),
			0o644,
			[k3sUnit(cluster)],
			'k3s-unit',
		),
	];
};
