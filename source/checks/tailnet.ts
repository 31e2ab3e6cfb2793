import {chosenTailnet, type TailnetMesh} from '../cluster/schema.js';
import type {
	KeyState,
	PolicyAnswer,
	TailnetLook,
} from '../facts/tailnet-look.js';
import {isLoggedIn} from '../mesh/tailnet.js';
import {inWords, rule, type CheckContext, type Rule} from './rule.js';

/** The settings of the tailnet and what was seen of it, where both are there. */
const known = ({
	cluster,
	measurements: {tailnet},
}: CheckContext):
	{readonly mesh: TailnetMesh; readonly look: TailnetLook} | undefined => {
	const mesh = chosenTailnet(cluster);
	return mesh === undefined || tailnet === undefined
		? undefined
		: {mesh, look: tailnet};
};

/** Will a node have to log in? Then a key matters. */
const needsLogin = ({cluster, facts}: CheckContext): boolean =>
	cluster.nodes.some(({name}) => {
		const host = facts.get(name);
		return host !== undefined && !isLoggedIn(host);
	});

const keyKind = rule(
	{
		id: 'tailscale.key-kind',
		severity: 'error',
		sentence:
			'The key that nodes log in with is one that nodes can log in with.',
		source: 'https://tailscale.com/kb/1085/auth-keys',
	},
	(context, report) => {
		const key = known(context)?.look.key;
		return key?.kind === 'unusable' && needsLogin(context)
			? [report('error', key.obstacle.message, {fixes: key.obstacle.tryNext})]
			: [];
	},
);

const unusable: Readonly<Record<Exclude<KeyState['state'], 'usable'>, string>> =
	{
		expired: 'The key that nodes are to log in with has expired.',
		revoked: 'The key that nodes are to log in with was revoked.',
		spent:
			'The key that nodes are to log in with can be used once only, and was used.',
	};

const keyState = rule(
	{
		id: 'tailscale.key-state',
		severity: 'error',
		sentence:
			'The key that nodes log in with is valid, for all of them, and for good.',
		source: 'https://tailscale.com/kb/1085/auth-keys',
	},
	(context, report) => {
		const tailnet = known(context);
		if (tailnet === undefined || !needsLogin(context)) {
			return [];
		}

		const fixes = [
			'Make another one: reusable, not ephemeral, and pre-approved.',
		];
		const {key} = tailnet.look;
		if (key.kind === 'unknown-there') {
			return [
				report(
					'error',
					`${tailnet.mesh.controlServer ?? 'Tailscale'} does not know the key that nodes are to log in with: it was deleted, or is of another tailnet, or was not copied whole.`,
					{fixes},
				),
			];
		}

		const state = key.kind === 'named' ? key.state : undefined;
		if (state === undefined) {
			return [];
		}

		if (state.state !== 'usable') {
			return [report('error', unusable[state.state], {fixes})];
		}

		if (state.isEphemeral) {
			return [
				report(
					'error',
					'The key that nodes are to log in with is ephemeral: a node that is offline for a while would vanish and come back with another address.',
					{fixes},
				),
			];
		}

		const missing = tailnet.mesh.tags.filter(
			(tag) => !state.tags.includes(tag),
		);
		return [
			...(state.isReusable || context.cluster.nodes.length === 1
				? []
				: [
						report(
							'error',
							'The key that nodes are to log in with can be used once only, and there are several nodes.',
							{fixes},
						),
					]),
			...(state.isPreApproved
				? []
				: [
						report(
							'warning',
							'The key that nodes are to log in with is not pre-approved: each node waits until it is approved by hand.',
							{fixes},
						),
					]),
			...(missing.length === 0 || state.tags.length === 0
				? []
				: [
						report(
							'error',
							`The key that nodes are to log in with gives them ${state.tags.join(', ')}, and the cluster file asks for ${missing.join(', ')}.`,
							{
								fixes: [
									'Name the tags of the key under mesh.tags, or make another key.',
								],
							},
						),
					]),
		];
	},
);

const ephemeral = rule(
	{
		id: 'tailscale.ephemeral',
		severity: 'error',
		sentence: 'The tailnet does not forget a node that is offline.',
		source: 'https://tailscale.com/kb/1111/ephemeral-nodes',
	},
	(context, report) => {
		const look = known(context)?.look.api;
		return look?.kind === 'asked'
			? context.cluster.nodes
					.filter(({name}) => {
						const own = context.facts.get(name)?.tailscale?.addresses ?? [];
						return look.devices.some(
							({isEphemeral, addresses}) =>
								isEphemeral === true &&
								addresses.some((address) => own.includes(address)),
						);
					})
					.map(({name}) =>
						report(
							'error',
							`${name} is in the tailnet as an ephemeral machine: when it is offline for a while it is forgotten there, and comes back with another address.`,
							{
								nodes: [name],
								fixes: [
									'Log it out; the next install logs it in with a key that is not ephemeral:',
									'tailscale logout',
								],
							},
						),
					)
			: [];
	},
);

const certificate = rule(
	{
		id: 'tailscale.certificate',
		severity: 'error',
		sentence:
			"Every node that is to log in trusts the control server's certificate.",
		source: 'https://headscale.net/stable/ref/tls/',
	},
	(context, report) => {
		const tailnet = known(context);
		const distrust = tailnet?.look.distrust ?? [];
		const [first] = distrust;
		if (tailnet === undefined || first === undefined) {
			return [];
		}

		const nodes = distrust.map(({node}) => node);
		return [
			report(
				'error',
				`${inWords(nodes)} ${nodes.length === 1 ? 'does' : 'do'} not trust the certificate of ${tailnet.mesh.controlServer!} (${first.said}): Tailscale does not log in there.`,
				{
					nodes,
					fixes: [
						`Put the certificate of the authority that signed it among those that ${inWords(nodes)} ${nodes.length === 1 ? 'trusts' : 'trust'}, on Debian into /usr/local/share/ca-certificates with the ending .crt, and then: update-ca-certificates`,
						'Or give the server a certificate of a public authority.',
					],
				},
			),
		];
	},
);

const api = rule(
	{
		id: 'tailscale.api',
		severity: 'warning',
		sentence:
			"The control server's API takes the credentials that the cluster file names.",
		source: 'https://tailscale.com/kb/1101/api',
	},
	(context, report) => {
		const look = known(context)?.look.api;
		return look?.kind === 'unusable'
			? [
					report('error', look.obstacle.message, {
						fixes: [
							...look.obstacle.tryNext,
							'Or take mesh.apiKeyFrom out of the cluster file, and approve routes by hand.',
						],
					}),
				]
			: [];
	},
);

const policy = rule(
	{
		id: 'tailscale.policy',
		severity: 'error',
		sentence:
			"The tailnet's policy lets nodes reach nodes and pods, and pods reach pods.",
		source: 'https://docs.k3s.io/networking/distributed-multicloud',
	},
	(context, report) => {
		const tailnet = known(context);
		const look =
			tailnet?.look.api.kind === 'asked' ? tailnet.look.api.policy : undefined;
		if (tailnet === undefined || look === undefined) {
			return [];
		}

		const needed: readonly PolicyAnswer[] = [
			look.tagDefined,
			look.nodesToNodes,
			...(tailnet.mesh.kind === 'tailscale'
				? [look.nodesToPods, look.podsToPods]
				: []),
		];
		return needed
			.filter(({answer}) => answer === 'no')
			.map(({reason}) =>
				report('error', reason, {
					fixes: [
						'Add what the cluster needs to the policy; "k3s-mesh-tui policy" prints it.',
					],
				}),
			);
	},
);

const autoApproval = rule(
	{
		id: 'tailscale.routes-approved',
		severity: 'warning',
		sentence:
			'The pod network of each node is approved as a route without anybody doing it by hand.',
		source: 'https://docs.k3s.io/networking/distributed-multicloud',
	},
	(context, report) => {
		const tailnet = known(context);
		if (tailnet?.mesh.kind !== 'tailscale') {
			return [];
		}

		const {api: look} = tailnet.look;
		if (look.kind === 'not-named') {
			return [
				report(
					'info',
					"Without credentials for the control server's API nobody can tell whether it approves the pod networks by itself; if it does not, the install waits until they are approved.",
					{
						fixes: [
							'Have them approved by the policy ("autoApprovers"; "k3s-mesh-tui policy" prints it), or be ready to approve them.',
						],
					},
				),
			];
		}

		return [];
	},
);

/** What the tailnet's control server can say against a cluster, before a node is changed. */
export const tailnetRules: readonly Rule[] = [
	keyKind,
	keyState,
	ephemeral,
	certificate,
	api,
	policy,
	autoApproval,
];
