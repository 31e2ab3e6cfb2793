import {UserError} from '../../errors.js';
import {tailscaleControlServer} from '../../facts/control-servers.js';
import type {TailscaleFacts} from '../../facts/host-facts.js';
import {
	tailscaleAcceptRoutes,
	tailscaleLogin as loginScript,
	tailscaleStart,
	type TailscaleLogin,
} from '../../host/scripts/tailscale-login.js';
import {tailscaleStatus} from '../../host/scripts/tailscale-status.js';
import {loginFailure} from '../login-failure.js';
import {howToApproveDevice} from '../tailnet-words.js';
import {poll} from '../wait.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';
import {
	requireFit,
	requireOwnNetworks,
	requireSameServer,
} from './tailscale-fit.js';

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

/** Is it logged in, and only told to stay off? */
const isToldToStayOff = ({state, addresses}: TailscaleFacts): boolean =>
	state === 'Stopped' && addresses.length > 0;

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

/** How often a login without a wish for tags is tried. */
const attemptsWithoutWish = 3;

/**
 * Logs in with what the key gives; a machine that then lacks a tag stays logged in, as a headscale takes none back that
 * has logged out. What is still said of a wish is the answer to the attempt before, which tailscaled was at: it
 * begins anew.
 */
const attemptWithoutWish = async (
	login: Extract<TailscaleLogin['login'], {readonly kind: 'new'}>,
	action: Action,
	context: StepContext,
): Promise<Attempt> => {
	context.tell.log(
		'The control server takes no wish for tags: the key gives them.',
	);
	for (let attempts = 1; ; attempts += 1) {
		const last = await attempt({...login, tags: 'of-key'}, action, context);
		if (!refusesWish(last) || attempts === attemptsWithoutWish) {
			return last;
		}

		await context.host.run(tailscaleStart, {}, {signal: context.signal});
		await settled(context);
	}
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
