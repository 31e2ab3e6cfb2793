import {describeError} from '../errors.js';
import {DeadlineExceeded, HostLost} from '../host/errors.js';
import type {Host} from '../host/host.js';
import {
	firewallArm,
	firewallSettle,
	type TakenBack,
} from '../host/scripts/firewall-rollback.js';
import {firewallApply} from '../host/scripts/firewall.js';
import {failureText} from '../install/failure.js';
import {makeManifestKeeper} from '../install/manifest-keeper.js';
import {firewallChanges, rulesToList} from '../install/steps/firewall.js';
import {delay} from '../install/wait.js';
import {removalLines} from '../plan/firewall/node-firewall.js';
import type {FirewallFix, FixOutcome} from './operations.js';
import {
	msUntil,
	settleAnew,
	type SettleOptions,
	type Settled,
} from './settle-anew.js';

/** What one rule may take on a slow machine, in s: the host waits longer by it, so that its wait does not end while rules are being added. */
const secondsPerRule = 2;

/** What counting the missing rules and arming the way back may take in ms: at least so much, and so much more for each rule. */
const armMs = {least: 180_000, perRule: 3000};

/** Parts of the host's wait after which rules are no longer added, and a fresh connection is no longer tried. */
const addingEnds = 0.6;
const reachingEnds = 0.85;

/** How long one attempt of a host to take rules back may try again, in s: it waits for another program to let the firewall go. */
const patienceSeconds = 45;

/** What a host may take to take rules back, in ms, and how long we then try to reach it. */
const rollbackMs = 3000;
const reachAgainMs = 60_000;

/** What opening one host's firewall needs. */
export type FixHostOptions = SettleOptions & {
	/** Name of the cluster, for the manifest. */
	readonly cluster: string;
	readonly fix: Pick<FirewallFix, 'firewall' | 'rules'>;
	/** The open connection. */
	readonly host: Host;
	/** How long the host waits at least before it takes the rules back, in s. */
	readonly rollbackSeconds: number;
};

/** How long the host waits, in s. */
const secondsOf = ({rollbackSeconds, fix}: FixHostOptions): number =>
	rollbackSeconds + secondsPerRule * fix.rules.length;

/** What remains of lines that were taken back, and how it is removed by hand. `undefined` when nothing remains. */
const leftBehind = (
	{node}: FixHostOptions,
	{outcome, left}: TakenBack,
):
	| {readonly sentence: string; readonly tryNext: readonly string[]}
	| undefined =>
	outcome === 'rolled-back'
		? undefined
		: {
				sentence: `${left.length === 0 ? 'its lines' : left.length === 1 ? 'one line' : `${left.length} lines`} could not be taken back, for the firewall of ${node.name} still has them or does not answer; ${node.name} tries again by itself, after a boot too.`,
				tryNext: [
					`Look on ${node.name} what holds its firewall: journalctl -u k3s-mesh-rollback.`,
					...(left.length === 0 ? [] : ['By hand, there, as root:']),
					...removalLines(left),
				],
			};

/** The outcome of a change that was to be taken back: what was meant to be said is true only when nothing is left. */
const takenBack = (
	options: FixHostOptions,
	settled: Settled,
	what: string,
	clean: () => FixOutcome,
): FixOutcome => {
	if (settled.outcome === 'kept') {
		return {
			kind: 'failed',
			message: `${what} Another run has ended the change on ${options.node.name} meanwhile, and what that one wants stands there.`,
			tryNext: ['Check again.'],
		};
	}

	const remains = leftBehind(options, settled);
	return remains === undefined
		? clean()
		: {
				kind: 'stuck',
				message: `${what} Then ${remains.sentence}`,
				tryNext: remains.tryNext,
			};
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
	const {missing, earlier} = await host.run(
		firewallArm,
		{firewall, rules, seconds, patienceSeconds},
		{signal, timeoutMs: armMs.least + armMs.perRule * rules.length},
	);
	const remains = earlier && leftBehind(options, earlier);
	if (remains !== undefined) {
		return {
			kind: 'stuck',
			message: `an earlier change was not confirmed, and ${remains.sentence} Nothing was added now.`,
			tryNext: remains.tryNext,
		};
	}

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
		const ours = await rulesToList(fix, host, {signal, rollbackArmed: true});
		for (const change of firewallChanges(fix, ours)) {
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
			const settled = await host.run(firewallSettle, {keep: false}, {signal});
			progress.armed = false;
			const {message, tryNext} = failureText(error, node.name);
			return takenBack(options, settled, `${message}.`, () => ({
				kind: 'failed',
				message: `${message}. What was added has been taken back.`,
				tryNext,
			}));
		}

		cut = describeError(error);
	}

	const settled = await settleAnew(
		options,
		cut === undefined,
		after(reachingEnds),
	);
	if (settled.outcome !== 'unreached') {
		if (cut === undefined && settled.outcome === 'kept') {
			return {
				kind: 'opened',
				...(earlier && {
					earlier: `An earlier change on ${node.name} was not confirmed by a new connection: ${node.name} has taken its lines back.`,
				}),
			};
		}

		const what =
			cut ?? `${node.name} was not reached in time after the change.`;
		return takenBack(options, settled, what, () => ({
			kind: 'rolled-back',
			message: `${what} The lines have been taken back.`,
		}));
	}

	if (settled.isUnanswered && cut === undefined) {
		// The open connection is still good, so nobody has to wait.
		const back = await host.run(firewallSettle, {keep: false}, {signal});
		progress.armed = false;
		const what = `${node.name} asks for something at each login, and nobody answered, so no new connection confirmed the change.`;
		return takenBack(options, back, what, () => ({
			kind: 'failed',
			message: `${what} What was added has been taken back.`,
			tryNext: [
				'Do it again where somebody can answer: in a terminal, or in the wizard. A code for one time is asked for twice, to confirm the change and to look at the machine again.',
			],
		}));
	}

	await delay(msUntil(after(1) + rollbackMs), signal);
	const again = await settleAnew(
		options,
		false,
		performance.now() + reachAgainMs,
	);
	return again.outcome === 'unreached'
		? {
				kind: 'failed',
				message: `${node.name} was not reached after the change (${again.why}), nor when it should have taken the lines back by itself.`,
				tryNext: [
					`Look at ${node.name} by its console: journalctl -u k3s-mesh-rollback.`,
				],
			}
		: takenBack(
				options,
				again,
				`${node.name} was not reached after the change (${settled.why}).`,
				() => ({
					kind: 'rolled-back',
					message: `${node.name} was not reached after the change (${settled.why}), and took the lines back by itself.`,
				}),
			);
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
