import {cidrsOverlap, isCidr} from '../../cluster/addresses.js';
import {UserError} from '../../errors.js';
import {
	isSameControlServer,
	tailscaleControlServer,
} from '../../facts/control-servers.js';
import type {TailscaleFacts} from '../../facts/host-facts.js';
import {
	tailscaleAcceptRoutes,
	tailscaleLogin as loginScript,
	tailscaleStart,
	type TailscaleLogin,
} from '../../host/scripts/tailscale-login.js';
import {tailscaleStatus} from '../../host/scripts/tailscale-status.js';
import {nodesIfKnown} from '../nodes-if-known.js';
import {loginFailure} from '../login-failure.js';
import {howToApproveDevice} from '../tailnet-words.js';
import {poll} from '../wait.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

type Action = ActionOf<'tailscale-login'>;

/** How long Tailscale itself may take to log in, in seconds. */
const loginSeconds = 30;

const statusOf = async ({
	host,
	step,
	signal,
}: StepContext): Promise<TailscaleFacts> => {
	const status = await host.run(tailscaleStatus, {}, {signal});
	if (status === undefined) {
		throw new UserError(`Tailscale is not installed on ${step.node}.`, {
			node: step.node,
			tryNext: ['Run the same command again: it installs what is missing.'],
		});
	}

	return status;
};

const missingTags = (
	{tags}: Action,
	status: TailscaleFacts,
): readonly string[] => tags.filter((tag) => !status.tags.includes(tag));

/** Is it logged in, and only told to stay off? */
const isToldToStayOff = ({state, addresses}: TailscaleFacts): boolean =>
	state === 'Stopped' && addresses.length > 0;

/** Throws when the machine is logged in to another tailnet: that is its owner's to change. */
const requireSameServer = (
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
const requireOwnNetworks = async (
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
const requireFit = (
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

/** Nothing is decided while tailscaled has only just been started. */
const settled = async (context: StepContext): Promise<TailscaleFacts> =>
	poll({
		ask: async () => statusOf(context),
		good: ({state}) => state !== 'NoState' && state !== 'Starting',
		pauseMs: Math.min(context.pollMs, 1000),
		limitMs: 10_000,
		signal: context.signal,
	});

/** A machine that nobody has approved yet waits for a person; anything else does not change by itself. */
const awaitRunning = async (
	action: Action,
	context: StepContext,
): Promise<TailscaleFacts> => {
	const {tell, step, signal, pollMs, waitLimitMs} = context;
	const deadlineAt = context.now() + waitLimitMs;
	const first = await settled(context);
	if (first.state !== 'NeedsMachineAuth') {
		return first;
	}

	const howTo = howToApproveDevice(action.controlServer, step.node);
	const last = await poll({
		ask: async () => statusOf(context),
		good: ({state}) => state !== 'NeedsMachineAuth',
		pauseMs: pollMs,
		limitMs: waitLimitMs,
		signal,
		onAnswer() {
			tell.waiting(`waits until a person lets it in: ${howTo}`, deadlineAt);
		},
	});
	if (last.state === 'NeedsMachineAuth') {
		throw new UserError(
			`${step.node} is logged in, and nobody has let it into the tailnet yet (given up after ${Math.round(waitLimitMs / 1000)} s).`,
			{
				node: step.node,
				tryNext: [
					`Now ${howTo}, and run the same command again.`,
					'A key that is pre-approved needs nobody.',
				],
			},
		);
	}

	return last;
};

const loginOf = async (
	{hostname, controlServer, tags}: Action,
	status: TailscaleFacts,
	{references, signal}: StepContext,
): Promise<TailscaleLogin['login']> =>
	isToldToStayOff(status)
		? {kind: 'known'}
		: {
				kind: 'new',
				key: await references.resolve({reference: 'tailnet-key'}, signal),
				hostname,
				controlServer: controlServer ?? tailscaleControlServer,
				tags,
			};

/** What came of one attempt. */
type Attempt = {
	readonly said: readonly string[];
	readonly status: TailscaleFacts;
};

const attempt = async (
	login: TailscaleLogin['login'],
	action: Action,
	context: StepContext,
): Promise<Attempt> => {
	const {host, tell, signal} = context;
	const {code, said, kept} = await host.run(
		loginScript,
		{login, acceptRoutes: action.acceptRoutes, seconds: loginSeconds},
		{signal},
	);
	if (kept.length > 0) {
		tell.log(`tailscale: what was set before stays: ${kept.join(' ')}`);
	}

	for (const line of code === 0 ? [] : said) {
		tell.log(`tailscale: ${line}`);
	}

	return {said, status: await awaitRunning(action, context)};
};

/** headscale from 0.28 on takes no wish for tags along with a key: there the key itself gives them. */
const refusesWish = ({said, status}: Attempt): boolean =>
	status.state !== 'Running' &&
	said.some((line) => line.includes('requested tags'));

/** Logs in with what the key gives; a machine that then lacks a tag stays logged in, as a headscale takes none back that has logged out. */
const attemptWithoutWish = async (
	login: Extract<TailscaleLogin['login'], {readonly kind: 'new'}>,
	action: Action,
	context: StepContext,
): Promise<Attempt> => {
	context.tell.log(
		'The control server takes no wish for tags: the key gives them.',
	);
	return attempt({...login, tags: 'of-key'}, action, context);
};

const logIn = async (
	action: Action,
	before: TailscaleFacts,
	context: StepContext,
): Promise<void> => {
	const {tell, step} = context;
	const login = await loginOf(action, before, context);
	if (login.kind === 'new') {
		await context.listInManifest({kind: 'tailnet-login'});
	}

	tell.now(
		login.kind === 'new'
			? `logs in to the tailnet as ${action.hostname}`
			: 'goes back into the tailnet',
	);
	const first = await attempt(login, action, context);
	const last =
		login.kind === 'new' && refusesWish(first)
			? await attemptWithoutWish(login, action, context)
			: first;
	if (last.status.state !== 'Running') {
		throw loginFailure({
			node: step.node,
			said: last.said,
			status: last.status,
			controlServer: action.controlServer,
			tags: action.tags,
		});
	}
};

const isAsWanted = (status: TailscaleFacts, action: Action): boolean =>
	status.state === 'Running' && (!action.acceptRoutes || status.acceptsRoutes);

/** Logs the machine in to its tailnet. A login that is there stays, with its name and its preferences. */
export const tailscaleLogin: StepHandler<Action> = {
	async check(action, context) {
		const status = await context.host.run(
			tailscaleStatus,
			{},
			{signal: context.signal},
		);
		if (status?.state !== 'Running') {
			return false;
		}

		requireFit(status, action, context.step.node);
		return isAsWanted(status, action);
	},
	async act(action, context) {
		const {host, signal} = context;
		let status = await settled(context);
		if (isToldToStayOff(status)) {
			requireSameServer(status, action, context.step.node);
		}

		if (status.state !== 'Running') {
			// Nobody is connected through it, and what its unit says now counts from its start on.
			context.tell.now('starts tailscaled');
			await host.run(tailscaleStart, {}, {signal});
			status = await settled(context);
		}

		if (status.state !== 'Running') {
			await logIn(action, status, context);
		}

		const now = await statusOf(context);
		requireFit(now, action, context.step.node);
		if (action.acceptRoutes) {
			await requireOwnNetworks(action, now, context);
			if (!now.acceptsRoutes) {
				await host.run(tailscaleAcceptRoutes, {}, {signal});
			}
		}

		return 'changed';
	},
	async verify(action, context) {
		const status = await statusOf(context);
		if (!isAsWanted(status, action)) {
			throw new UserError(
				`Tailscale on ${context.step.node} did not stay logged in: it is in the state ${status.state}.`,
				{
					node: context.step.node,
					tryNext: [
						`Look on ${context.step.node}: tailscale status; journalctl -u tailscaled.`,
					],
				},
			);
		}
	},
};
