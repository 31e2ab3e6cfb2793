import {cidrsOverlap, isCidr} from '../cluster/addresses.js';
import type {Finding} from '../checks/finding.js';
import type {NodeSpec} from '../cluster/schema.js';
import {compareK3sVersions} from '../cluster/versions.js';
import type {HostFacts, TailscaleFacts} from '../facts/host-facts.js';
import type {MeshContext} from './mesh.js';
import {tailnetOf} from './tailnet.js';
import {list, type Say, type TailnetKind} from './tailscale-finding.js';
import {tailscaleInstall} from './tailscale-install.js';
import {needsRealKey} from './vpn-auth.js';

/** The first releases of Tailscale that have `tailscale set`, which K3s calls, and that headscale of today takes. */
const clientMinimum = {set: '1.34.0', headscale: '1.80.0'} as const;

const client = (
	{cluster}: MeshContext,
	node: NodeSpec,
	host: HostFacts,
	say: Say,
): readonly Finding[] => {
	const {name} = node;
	const {tailscale} = host;
	if (tailscale === undefined) {
		if (cluster.airgap !== undefined) {
			return [
				say(
					'tailscale.install',
					'error',
					`${name} has no Tailscale, and it would come from the internet, of which nodes get nothing here (airgap).`,
					[`Install Tailscale on ${name} by hand.`],
				),
			];
		}

		return tailscaleInstall(cluster, host) === undefined
			? [
					say(
						'tailscale.install',
						'error',
						`${name} has no Tailscale, and on ${host.os.prettyName} (${host.machine}) it can not be installed from here.`,
						[`Install Tailscale on ${name} by its own means.`],
					),
				]
			: [];
	}

	const {version} = tailscale;
	const isOlder = (minimum: string): boolean =>
		version !== undefined && compareK3sVersions(version, minimum) < 0;
	if (isOlder(clientMinimum.set)) {
		return [
			say(
				'tailscale.client',
				'error',
				`Tailscale ${version} on ${name} is too old: ${clientMinimum.set} is the first that can be told of a single setting.`,
				[`Update Tailscale on ${name}.`],
			),
		];
	}

	return tailnetOf(cluster).controlServer !== undefined &&
		isOlder(clientMinimum.headscale)
		? [
				say(
					'tailscale.client',
					'warning',
					`Tailscale ${version} on ${name} is older than ${clientMinimum.headscale}, and headscale of today refuses such.`,
					[`Update Tailscale on ${name}.`],
				),
			]
		: [];
};

const standing = (
	{name}: NodeSpec,
	tailscale: TailscaleFacts,
	say: Say,
): readonly Finding[] => [
	...(tailscale.tun
		? []
		: [
				say(
					'tailscale.tun',
					'error',
					`Tailscale on ${name} has no interface in the kernel (userspace networking), and K3s needs one.`,
					[
						`Take --tun=userspace-networking out of the flags of tailscaled on ${name} (/etc/default/tailscaled), and start it again:`,
						'systemctl restart tailscaled',
					],
				),
			]),
	...(tailscale.state === 'NeedsMachineAuth'
		? [
				say(
					'tailscale.approval',
					'error',
					`${name} is logged in to its tailnet and waits to be approved there.`,
					[`Approve ${name} in the admin console of the tailnet (Machines).`],
				),
			]
		: []),
	...(tailscale.usesExitNode
		? [
				say(
					'tailscale.exit-node',
					'error',
					`${name} sends all its traffic through another machine of the tailnet (exit node): what it is reached under and what it sends from would not be its own.`,
					['Turn it off:', 'tailscale set --exit-node='],
				),
			]
		: []),
];

const expiry = (
	{name}: NodeSpec,
	host: HostFacts,
	{keyExpiresAt}: TailscaleFacts,
	say: Say,
): readonly Finding[] => {
	if (keyExpiresAt === undefined) {
		return [];
	}

	const days = Math.floor((keyExpiresAt - host.clock.unixMs) / 86_400_000);
	const day = new Date(keyExpiresAt).toISOString().slice(0, 10);
	return [
		say(
			'tailscale.key-expiry',
			'warning',
			`The login of ${name} in the tailnet ends on ${day} (${days < 0 ? 'over' : `in ${days} days`}): the node then drops out of the cluster without a word.`,
			[
				`Turn key expiry off for ${name} in the admin console (Machines), or give it a tag: nodes with tags stay logged in.`,
			],
		),
	];
};

/** CIDRs that a node offers to the tailnet besides the pods'. */
const ownRoutes = (
	{cluster}: MeshContext,
	{advertisedRoutes}: TailscaleFacts,
): readonly string[] =>
	advertisedRoutes.filter(
		(route) =>
			!route.endsWith('/0') &&
			isCidr(route) &&
			!cluster.network.podCidr.some((pods) => cidrsOverlap(pods, route)),
	);

const preferences = (
	context: MeshContext,
	node: NodeSpec,
	tailscale: TailscaleFacts,
	kind: TailnetKind,
	say: Say,
): readonly Finding[] => {
	const {name} = node;
	const routes = ownRoutes(context, tailscale);
	const own = [
		...tailscale.ownPreferences,
		...(routes.length === 0 ? [] : [`advertise-routes=${routes.join(',')}`]),
	].map((option) => `--${option}`);
	if (own.includes('--shields-up')) {
		return [
			say(
				'tailscale.own-preferences',
				'error',
				`Tailscale on ${name} lets nobody in (--shields-up): no other node would reach it.`,
				['Turn it off:', 'tailscale set --shields-up=false'],
			),
		];
	}

	if (own.length === 0) {
		return [];
	}

	return kind === 'tailscale' && needsRealKey(context)
		? [
				say(
					'tailscale.own-preferences',
					'error',
					`Somebody has set ${list(own)} in Tailscale on ${name}, and this K3s release resets it at each start.`,
					[
						'Set k3s.version to v1.34.3 or later, which leaves a machine alone that is logged in, or use the mesh "tailscale-ip".',
					],
				),
			]
		: [
				say(
					'tailscale.own-preferences',
					own.includes('--netfilter-mode') ? 'warning' : 'info',
					`Somebody has set ${list(own)} in Tailscale on ${name}: it stays.${own.includes('--netfilter-mode') ? ' Tailscale then opens nothing for itself in a firewall of the machine.' : ''}`,
				),
			];
};

/** What speaks against the Tailscale that is on a machine, or is not: its release, its state, its login, its settings. */
export const clientFindings = (
	context: MeshContext,
	node: NodeSpec,
	host: HostFacts,
	kind: TailnetKind,
	say: Say,
): readonly Finding[] => {
	const {tailscale} = host;
	return [
		...client(context, node, host, say),
		...(tailscale === undefined
			? []
			: [
					...standing(node, tailscale, say),
					...expiry(node, host, tailscale, say),
					...preferences(context, node, tailscale, kind, say),
				]),
	];
};
