import {cidrsOverlap, isCidr} from '../../cluster/addresses.js';
import {UserError} from '../../errors.js';
import {
	isSameControlServer,
	tailscaleControlServer,
} from '../../facts/control-servers.js';
import type {TailscaleFacts} from '../../facts/host-facts.js';
import {nodesIfKnown} from '../nodes-if-known.js';
import type {ActionOf, StepContext} from './step.js';

type Action = ActionOf<'tailscale-login'>;

const missingTags = (
	{tags}: Action,
	status: TailscaleFacts,
): readonly string[] => tags.filter((tag) => !status.tags.includes(tag));

/** Throws when the machine is logged in to another tailnet: that is its owner's to change. */
export const requireSameServer = (
	status: TailscaleFacts,
	{controlServer}: Action,
	node: string,
): void => {
	if (!isSameControlServer(status.controlServer, controlServer)) {
		throw new UserError(
			`${node} is logged in to another tailnet already, ${status.tailnet ?? 'without a name'} at ${status.controlServer ?? tailscaleControlServer}.`,
			{
				node,
				tryNext: [
					`Name that control server in the cluster file, or log ${node} out of it: tailscale logout.`,
				],
			},
		);
	}
};

/**
 * Throws when the tailnet sends the cluster's networks to a machine that is none of its nodes: before the login nobody
 * could see that, and once K3s has started they can not be changed any more.
 */
export const requireOwnNetworks = async (
	{networks, members}: Action,
	{peers}: TailscaleFacts,
	context: StepContext,
): Promise<void> => {
	const others = peers.filter(
		({addresses}) => !addresses.some((address) => members.includes(address)),
	);
	const foreign = others.flatMap(({name, addresses, allowedIps}) =>
		allowedIps
			.filter(
				(route) =>
					!route.endsWith('/0') &&
					isCidr(route) &&
					networks.some((network) => cidrsOverlap(network, route)),
			)
			.map((route) => ({name, addresses, route})),
	);
	if (foreign.length === 0) {
		return;
	}

	const nodes = await nodesIfKnown(context);
	const other = foreign.find(
		({addresses}) =>
			!nodes.some(({internalIps}) =>
				internalIps.some((address) => addresses.includes(address)),
			),
	);
	if (other !== undefined) {
		const {node} = context.step;
		throw new UserError(
			`The tailnet that ${node} has logged in to routes ${other.route} to ${other.name}, which is none of this cluster's nodes: another cluster has the same pod network, perhaps. K3s was not started on ${node}.`,
			{
				node,
				tryNext: [
					'Set network.podCidr in the cluster file to a network that no other cluster of the tailnet has, such as 10.142.0.0/16, and run the same command again.',
					`Or take that route of ${other.name} back in the administration of the tailnet, if nobody needs it.`,
				],
			},
		);
	}
};

/** Throws when the machine's own Tailscale stands against what is wanted, and is its owner's to change. */
export const requireFit = (
	status: TailscaleFacts,
	action: Action,
	node: string,
): void => {
	if (!status.tun) {
		throw new UserError(
			`Tailscale on ${node} runs without an interface in the kernel (userspace networking), and K3s needs one.`,
			{
				node,
				tryNext: [
					`Take --tun=userspace-networking out of /etc/default/tailscaled on ${node}, and restart tailscaled.`,
				],
			},
		);
	}

	requireSameServer(status, action, node);
	const missing = missingTags(action, status);
	if (missing.length > 0) {
		const has =
			status.tags.length === 0
				? 'without a tag'
				: `as ${status.tags.join(', ')}`;
		throw new UserError(
			`${node} is logged in to the tailnet ${has}, and not as ${missing.join(', ')}, which the cluster file wants.`,
			{
				node,
				tryNext: [
					'Name the tags that it has under mesh.tags in the cluster file.',
					action.controlServer === undefined
						? 'Or give the machine the tag in the administration of the tailnet.'
						: `Or give it the tag on the headscale: headscale nodes tag --identifier ${status.id ?? 'NUMBER'} --tags ${[...status.tags, ...missing].join(',')}`,
				],
			},
		);
	}
};
