import type {Outbound, OutboundNeed} from '../facts/measurements.js';
import {groupBy} from './conclusions/group-by.js';
import type {Finding, Severity} from './finding.js';
import {
	inWords,
	rule,
	type CheckContext,
	type Rule,
	type RuleText,
} from './rule.js';

/** A try that did not get through; `undefined` for one that did, and for what is not known. */
export const failure = ({result}: Outbound): string | undefined => {
	switch (result.kind) {
		case 'refused': {
			return `refused: ${result.reason}`;
		}

		case 'silent': {
			return 'no answer came';
		}

		case 'unresolved': {
			return 'the name has no address there';
		}

		default: {
			return undefined;
		}
	}
};

/** Tries for a need that failed, by what was asked: nodes that fail alike are told of together. */
const failures = (
	{cluster, measurements}: CheckContext,
	need: OutboundNeed,
): ReadonlyArray<{
	readonly target: string;
	readonly how: string;
	readonly nodes: readonly string[];
}> =>
	[
		...groupBy(
			measurements.outbound.filter((one) => one.need === need),
			(one) => `${one.target} ${failure(one) ?? ''}`,
		).values(),
	].flatMap((group) => {
		const how = failure(group[0]!);
		return how === undefined
			? []
			: [
					{
						target: group[0]!.target,
						how,
						nodes: cluster.nodes
							.map(({name}) => name)
							.filter((name) => group.some(({from}) => from === name)),
					},
				];
	});

/** `fra1 does not reach`, `fra1 and nuc do not reach`, or `No node reaches`. */
const lacks = (
	{cluster}: CheckContext,
	nodes: readonly string[],
	verb: string,
): string => {
	if (nodes.length > 1 && nodes.length === cluster.nodes.length) {
		return `No node ${verb}${verb.endsWith('ch') ? 'es' : 's'}`;
	}

	return `${inWords(nodes)} ${nodes.length === 1 ? 'does' : 'do'} not ${verb}`;
};

/** The nodes as those who must get out. */
const whom = ({cluster}: CheckContext, nodes: readonly string[]): string =>
	nodes.length > 1 && nodes.length === cluster.nodes.length
		? 'the nodes'
		: inWords(nodes);

/** Makes the rule of one need. */
const outboundRule = (
	text: RuleText,
	need: OutboundNeed,
	say: (
		failed: ReturnType<typeof failures>[number],
		context: CheckContext,
	) => ReadonlyArray<{
		readonly severity: Severity;
		readonly nodes: readonly string[];
		readonly message: string;
		readonly fixes: readonly string[];
	}>,
): Rule =>
	rule(text, (context, report): readonly Finding[] =>
		failures(context, need).flatMap((failed) =>
			say(failed, context)
				.filter(({nodes}) => nodes.length > 0)
				.map(({severity, message, nodes, fixes}) =>
					report(severity, message, {nodes, fixes}),
				),
		),
	);

/**
 * Does a node need the download? Not when it has the very release; one with another release of ours needs it only
 * when the channel has moved on.
 */
const downloadSeverity = (
	{cluster, facts}: CheckContext,
	name: string,
): Severity | undefined => {
	const present = facts.get(name)?.k3s?.version;
	if (present === undefined) {
		return 'error';
	}

	if (cluster.k3s.version === undefined) {
		return 'warning';
	}

	return present === cluster.k3s.version ? undefined : 'error';
};

const download = outboundRule(
	{
		id: 'outbound.k3s-download',
		severity: 'error',
		sentence: 'Every node reaches the place that K3s is downloaded from.',
		source: 'K3s docs: Air-gap install',
	},
	'k3s-download',
	({target, how, nodes}, context) =>
		(['error', 'warning'] as const).map((severity) => {
			const concerned = nodes.filter(
				(name) => downloadSeverity(context, name) === severity,
			);
			return {
				severity,
				nodes: concerned,
				message:
					severity === 'error'
						? `${lacks(context, concerned, 'reach')} ${target} (${how}), and each node downloads K3s by itself.`
						: `${lacks(context, concerned, 'reach')} ${target} (${how}): with the release that is there the install goes on, and a newer one cannot be had.`,
				fixes: [
					`Let ${whom(context, concerned)} out to ${target}.`,
					context.cluster.proxy === undefined
						? 'Or name a mirror that the nodes reach, as mirrors.installScript and mirrors.releases of the cluster file, or the proxy through which they get out, as proxy.'
						: 'Or correct proxy in the cluster file; what is reached without it stands in proxy.noProxy.',
				],
			};
		}),
);

/** Keys that tell K3s to take its images from elsewhere. */
const registryKeys = ['system-default-registry', 'private-registry'];

const registry = outboundRule(
	{
		id: 'outbound.registry',
		severity: 'warning',
		sentence: 'Every node reaches the container registry.',
		source: 'K3s docs: Private registry configuration; Air-gap install',
	},
	'registry',
	({target, how, nodes}, context) =>
		registryKeys.some((key) => key in context.cluster.k3s.config)
			? []
			: [
					{
						severity: 'warning',
						nodes,
						message: `${lacks(context, nodes, 'reach')} the container registry ${target} (${how}): without its images CoreDNS and all other pods wait there.`,
						fixes: [
							`Let ${whom(context, nodes)} out to ${target}.`,
							'Or name a registry of your own in /etc/rancher/k3s/registries.yaml, or put the images of the release into /var/lib/rancher/k3s/agent/images/ on each node.',
						],
					},
				],
);

const names = outboundRule(
	{
		id: 'outbound.dns',
		severity: 'warning',
		sentence: 'Every node can resolve names of the internet.',
		source: 'K3s docs: Requirements',
	},
	'dns',
	({target, how, nodes}, context) => [
		{
			severity: 'warning',
			nodes,
			message: `${lacks(context, nodes, 'resolve')} ${target} (${how}); pods ask the same name servers.`,
			fixes: [
				`Look at /etc/resolv.conf of ${whom(context, nodes)}, and whether UDP and TCP 53 get out to the name servers in it.`,
			],
		},
	],
);

const time = outboundRule(
	{
		id: 'outbound.ntp',
		severity: 'info',
		sentence: 'A time server answers, or the clock is kept in another way.',
		source: 'k3s-io/k3s#2112',
	},
	'ntp',
	({target, how, nodes}, context) => {
		// Virtual machines often take the time from their host.
		const unkept = nodes.filter(
			(name) => context.facts.get(name)?.clock.synchronized !== true,
		);
		return [
			{
				severity: 'info',
				nodes: unkept,
				message: `${lacks(context, unkept, 'get')} the time from ${target} (${how}), and no time service says that the clock is right.`,
				fixes: [`Let ${whom(context, unkept)} out to ${target} (UDP).`],
			},
		];
	},
);

const tailscale = outboundRule(
	{
		id: 'outbound.tailscale',
		severity: 'error',
		sentence: 'Where Tailscale is asked about, its control server is reached.',
		source: 'Tailscale docs: What firewall ports should I open',
	},
	'tailscale-control',
	({target, how, nodes}, context) => {
		const isMesh = context.cluster.mesh.kind !== 'wireguard-native';
		return [
			{
				severity: isMesh ? 'error' : 'info',
				nodes,
				message: `${lacks(context, nodes, 'reach')} ${target} (${how}): Tailscale does not come up there.`,
				fixes: [
					`Let ${whom(context, nodes)} out to ${target}, and to UDP 3478 and TCP 443 of its relays.`,
					...(isMesh
						? [
								'Or name the control server that the nodes reach, as mesh.controlServer of the cluster file.',
							]
						: []),
				],
			},
		];
	},
);

/** Rules about what nodes need of the internet. */
export const outboundRules: readonly Rule[] = [
	download,
	registry,
	names,
	time,
	tailscale,
];
