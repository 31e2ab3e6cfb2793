import {groupBy} from '../checks/conclusions/group-by.js';
import type {Finding} from '../checks/finding.js';
import type {NodeSpec} from '../cluster/schema.js';
import {
	isSameControlServer,
	tailscaleControlServer,
} from '../facts/control-servers.js';
import type {TailscaleFacts} from '../facts/host-facts.js';
import type {MeshContext} from './mesh.js';
import {isLoggedIn, tailnetOf} from './tailnet.js';
import {finding, list} from './tailscale-finding.js';

type Member = {readonly node: NodeSpec; readonly tailscale: TailscaleFacts};

/** Nodes that have a login, whether they are in the tailnet now or were told to stay off. */
const members = ({cluster, facts}: MeshContext): readonly Member[] =>
	cluster.nodes.flatMap((node) => {
		const tailscale = facts.get(node.name)?.tailscale;
		return tailscale !== undefined &&
			['Running', 'Starting', 'Stopped', 'NeedsMachineAuth'].includes(
				tailscale.state,
			)
			? [{node, tailscale}]
			: [];
	});

const otherServers = (
	{cluster}: MeshContext,
	known: readonly Member[],
): readonly Member[] => {
	const {controlServer} = tailnetOf(cluster);
	return known.filter(
		({tailscale}) =>
			tailscale.controlServer !== undefined &&
			!isSameControlServer(tailscale.controlServer, controlServer),
	);
};

const wrongServer = (
	{cluster}: MeshContext,
	{node: {name}, tailscale}: Member,
): Finding =>
	finding('tailscale.other-tailnet', 'error', {
		message: `${name} is logged in at ${tailscale.controlServer!}${tailscale.tailnet === undefined ? '' : ` (tailnet ${tailscale.tailnet})`}, and the cluster is to use ${tailnetOf(cluster).controlServer ?? tailscaleControlServer}.`,
		nodes: [name],
		fixes: [
			`Set mesh.controlServer to ${tailscale.controlServer!}, if that tailnet is meant.`,
			`Or log ${name} out there, if nothing else needs it:`,
			'tailscale logout',
		],
	});

/** Nodes whose tailnet is not that of most. */
const otherTailnets = (known: readonly Member[]): readonly Finding[] => {
	const named = known.filter(({tailscale}) => tailscale.tailnet !== undefined);
	const groups = [
		...groupBy(named, ({tailscale}) => tailscale.tailnet!).entries(),
	].toSorted(([, one], [, other]) => other.length - one.length);
	const [main, ...others] = groups;
	return others.map(([tailnet, group]) => {
		const names = group.map(({node}) => node.name);
		return finding('tailscale.other-tailnet', 'error', {
			message: `${list(names)} ${names.length === 1 ? 'is' : 'are'} in the tailnet ${tailnet}, and ${list(main![1].map(({node}) => node.name))} in ${main![0]}: they do not reach each other.`,
			nodes: names,
			fixes: [
				`Log ${list(names)} out of ${tailnet}, if nothing else needs it:`,
				'tailscale logout',
			],
		});
	});
};

const tags = (
	{cluster}: MeshContext,
	known: readonly Member[],
): readonly Finding[] =>
	known.flatMap(({node: {name}, tailscale}) => {
		const missing = tailnetOf(cluster).tags.filter(
			(tag) => !tailscale.tags.includes(tag),
		);
		return missing.length === 0
			? []
			: [
					finding('tailscale.tags', 'error', {
						message: `${name} is logged in without ${list(missing)}, which the cluster file wants.`,
						nodes: [name],
						fixes: [
							`Give ${name} the tag in the admin console (Machines), or take it out of mesh.tags.`,
						],
					}),
				];
	});

const names = (known: readonly Member[]): readonly Finding[] =>
	known.flatMap(({node: {name}, tailscale: {dnsName}}) => {
		const called = dnsName?.split('.')[0];
		return called === undefined || called === name
			? []
			: [
					finding('tailscale.hostname', 'info', {
						message: `${name} is called ${called} in the tailnet, and keeps that name there.`,
						nodes: [name],
						fixes: [],
					}),
				];
	});

/** A login without a tag is that of a person, and ends; a headscale lets none end unless it is told to. */
const endingLogins = ({cluster, facts}: MeshContext): readonly Finding[] => {
	const {controlServer, tags: wanted} = tailnetOf(cluster);
	const without = cluster.nodes
		.filter(({name}) => {
			const host = facts.get(name);
			return host !== undefined && !isLoggedIn(host);
		})
		.map(({name}) => name);
	return wanted.length > 0 ||
		without.length === 0 ||
		controlServer !== undefined
		? []
		: [
				finding('tailscale.key-expiry', 'info', {
					message: `Without tags the login of ${list(without)} ends by itself, after 180 days where the tailnet says nothing else.`,
					nodes: without,
					fixes: [
						'Name a tag in mesh.tags that the key has, such as tag:k3s, or turn key expiry off for each node in the admin console.',
					],
				}),
			];
};

/** What the logins that nodes have already mean for the cluster. */
export const tailscaleLoginFindings = (
	context: MeshContext,
): readonly Finding[] => {
	const known = members(context);
	const elsewhere = otherServers(context, known);
	const here = known.filter((member) => !elsewhere.includes(member));
	return [
		...elsewhere.map((member) => wrongServer(context, member)),
		...otherTailnets(here),
		...tags(context, here),
		...names(here),
		...endingLogins(context),
	];
};
