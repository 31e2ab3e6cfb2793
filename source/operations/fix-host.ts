import type {NodeSpec} from '../cluster/schema.js';
import {withDeadline} from '../deadline.js';
import {describeError} from '../errors.js';
import {DeadlineExceeded, HostLost} from '../host/errors.js';
import type {Host} from '../host/host.js';
import {
	firewallArm,
	firewallSettle,
} from '../host/scripts/firewall-rollback.js';
import {firewallApply} from '../host/scripts/firewall.js';
import {failureText} from '../install/failure.js';
import {makeManifestKeeper} from '../install/manifest-keeper.js';
import {firewallChanges} from '../install/steps/firewall.js';
import {delay} from '../install/wait.js';
import type {FirewallFix, FixOutcome, World} from './operations.js';

/** What one rule may take on a slow machine, in s: the host waits longer by it, so that its wait does not end while rules are being added. */
const secondsPerRule = 2;

/** What counting the missing rules and arming the way back may take in ms: at least so much, and so much more for each rule. */
const armMs = {least: 180_000, perRule: 3000};

/** Parts of the host's wait after which rules are no longer added, and a fresh connection is no longer tried. */
const addingEnds = 0.6;
const reachingEnds = 0.85;

/** What a host may take to take rules back, in ms, and how long we then try to reach it. */
const rollbackMs = 3000;
const reachAgainMs = 60_000;

/** One attempt to connect, in ms. */
const attemptMs = 20_000;

/** Between two attempts, in ms. */
const pauseMs = {real: 1000, demo: 250};

/** What opening one host's firewall needs. */
export type FixHostOptions = {
	/** Name of the cluster, for the manifest. */
	readonly cluster: string;
	readonly node: NodeSpec;
	readonly fix: Pick<FirewallFix, 'firewall' | 'rules'>;
	/** The open connection. */
	readonly host: Host;
	readonly world: World;
	readonly signal: AbortSignal;
	/** How long the host waits at least before it takes the rules back, in s. */
	readonly rollbackSeconds: number;
};

/** Whole ms until a time of `performance.now()`, 1 when it is over. */
const msUntil = (time: number): number =>
	Math.max(Math.round(time - performance.now()), 1);

/** How long the host waits, in s. */
const secondsOf = ({rollbackSeconds, fix}: FixHostOptions): number =>
	rollbackSeconds + secondsPerRule * fix.rules.length;

type Settled = {readonly rolledBack: boolean};

/**
 * Connects anew until it succeeds or the time is over, and ends the change over that connection. Returns the last
 * failure in words when it did not succeed.
 */
const settleAnew = async (
	{node, world, signal}: FixHostOptions,
	keep: boolean,
	/** By `performance.now()`. */
	until: number,
): Promise<Settled | string> => {
	for (;;) {
		const limitMs = Math.min(attemptMs, msUntil(until));
		let fresh: Host | undefined;
		try {
			const limited = withDeadline(signal, limitMs);
			fresh = await world.connect(
				{name: node.name, ssh: node.ssh},
				{
					signal: limited,
					questions: {
						// Its key is known from the connection that is open: any other is another machine.
						trustHostKey: async () => false,
					},
				},
			);
			return await fresh.run(firewallSettle, {keep}, {signal: limited});
		} catch (error) {
			signal.throwIfAborted();
			if (performance.now() + pauseMs.real >= until) {
				return describeError(error);
			}
		} finally {
			await fresh?.close();
		}

		await delay(world.demo ? pauseMs.demo : pauseMs.real, signal);
	}
};

/** Does the host have something to take back? */
type Progress = {armed: boolean};

const openFirewall = async (
	options: FixHostOptions,
	progress: Progress,
): Promise<FixOutcome> => {
	const {node, fix, host, signal} = options;
	const {firewall, rules} = fix;
	const seconds = secondsOf(options);
	const {missing} = await host.run(
		firewallArm,
		{firewall, rules, seconds},
		{signal, timeoutMs: armMs.least + armMs.perRule * rules.length},
	);
	if (missing === 0) {
		return {kind: 'already'};
	}

	progress.armed = true;
	const armedAt = performance.now();
	const after = (part: number) => armedAt + part * seconds * 1000;
	let cut: string | undefined;
	try {
		const keeper = makeManifestKeeper({
			cluster: options.cluster,
			name: node.name,
			role: node.role,
		});
		for (const change of firewallChanges(fix)) {
			await keeper.add(host, change, signal);
		}

		await host.run(
			firewallApply,
			{firewall, rules, checkOnly: false, rollbackArmed: true},
			{
				signal,
				timeoutMs: msUntil(after(addingEnds)),
			},
		);
	} catch (error) {
		signal.throwIfAborted();
		if (!(error instanceof HostLost || error instanceof DeadlineExceeded)) {
			await host.run(firewallSettle, {keep: false}, {signal});
			progress.armed = false;
			const {message, tryNext} = failureText(error, node.name);
			return {
				kind: 'failed',
				message: `${message}. What was added has been taken back.`,
				tryNext,
			};
		}

		cut = describeError(error);
	}

	const settled = await settleAnew(
		options,
		cut === undefined,
		after(reachingEnds),
	);
	if (typeof settled !== 'string') {
		return cut === undefined && !settled.rolledBack
			? {kind: 'opened'}
			: {
					kind: 'rolled-back',
					message: `${cut ?? `${node.name} was not reached in time after the change.`} The lines have been taken back.`,
				};
	}

	await delay(msUntil(after(1) + rollbackMs), signal);
	const again = await settleAnew(
		options,
		false,
		performance.now() + reachAgainMs,
	);
	return typeof again === 'string'
		? {
				kind: 'failed',
				message: `${node.name} was not reached after the change (${again}), nor when it should have taken the lines back by itself.`,
				tryNext: [
					`Look at ${node.name} by its console: journalctl -u k3s-mesh-rollback.`,
				],
			}
		: {
				kind: 'rolled-back',
				message: `${node.name} was not reached after the change (${settled}), and took the lines back by itself.`,
			};
};

/**
 * Opens the firewall of one host. The host takes the lines back by itself, unless a fresh connection succeeds after the
 * change: one that was open before may live on where no new one gets through. Never throws.
 */
export const fixHost = async (options: FixHostOptions): Promise<FixOutcome> => {
	const progress: Progress = {armed: false};
	try {
		return await openFirewall(options, progress);
	} catch (error) {
		const {name} = options.node;
		const {message, tryNext} = options.signal.aborted
			? {message: 'stopped', tryNext: []}
			: failureText(error, name);
		return {
			kind: 'failed',
			message: progress.armed
				? `${message.replace(/\.$/, '')}; ${name} takes back by itself, within ${secondsOf(options)} s, what was added`
				: message,
			tryNext,
		};
	}
};
