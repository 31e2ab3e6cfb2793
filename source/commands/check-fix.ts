import {UserError, exitCodes} from '../errors.js';
import {pathKey} from '../facts/measurements.js';
import type {MayBreakLock} from '../install/cluster-lock.js';
import {reasonOf} from '../install/wait.js';
import type {
	ApplyFixes,
	CheckCluster,
	FirewallFix,
	FixOutcome,
	Fleet,
	World,
} from '../operations/operations.js';
import {fixOutcomeText} from '../ui/state/fix-text.js';
import type {CheckOutcome} from './check-json.js';
import {fixLines} from './check-text.js';

/** With what a fix works. */
export type FixTools = {
	readonly fleet: Fleet;
	readonly world: World;
	readonly applyFixes: ApplyFixes;
	readonly checkCluster: CheckCluster;
	/** Lines for the person. */
	readonly say: (lines: readonly string[]) => void;
	/** May the lines that were shown be run? */
	readonly agree: () => Promise<boolean>;
	readonly ignore: readonly string[];
	/** Ends the work in good order: hosts that are being opened end that first. */
	readonly signal: AbortSignal;
	/** Cuts it: hosts that wait for a fresh connection then take their lines back by themselves. */
	readonly atOnce: AbortSignal;
	/** May the lock of a run that seems to be at work be broken? */
	readonly mayBreakLock?: MayBreakLock;
};

const outcomeSigns = {good: '●', warning: '▲', bad: '✖'} as const;

const outcomeLines = (node: string, outcome: FixOutcome): readonly string[] => {
	const {tone, text, tryNext} = fixOutcomeText(node, outcome);
	return [
		`${outcomeSigns[tone]} ${text}`,
		...tryNext.map((line) => `    ${line}`),
	];
};

/** What a stop left undone; the hosts that are done have said so already. */
const stoppedLines = (
	fixes: readonly FirewallFix[],
	outcomes: ReadonlyMap<string, FixOutcome>,
): readonly string[] => {
	const open = fixes.filter(({node}) => {
		const kind = outcomes.get(node)?.kind;
		return kind !== 'opened' && kind !== 'already';
	});
	return open.length === 0
		? ['Stopped after all hosts were done; nothing was measured again.']
		: [
				`Stopped: ${open.map(({node}) => node).join(', ')} not opened. A host that was being opened takes the lines back by itself.`,
			];
};

const pathsOf = (fixes: readonly FirewallFix[]): ReadonlySet<string> =>
	new Set(fixes.flatMap(({paths}) => paths.map((path) => pathKey(path))));

/**
 * Opens what the hosts' own firewalls close: shows the lines, asks, runs them, and measures again what they should have
 * opened. Throws a `UserError` (stopped) when the answer is no. Returns what is so then.
 */
export const fixAndCheck = async (
	before: CheckOutcome,
	tools: FixTools,
): Promise<CheckOutcome> => {
	const {fleet, world, say, signal, atOnce, mayBreakLock} = tools;
	const {report, fixes} = before;
	if (fixes.length === 0) {
		say(['No firewall of a host closes a path: there is nothing to open.']);
		return before;
	}

	say(['To open:', ...fixLines(fixes)]);
	if (!(await tools.agree())) {
		throw new UserError('Nothing was changed.', {exitCode: exitCodes.stopped});
	}

	const outcomes = await tools.applyFixes({
		cluster: report.cluster,
		fixes,
		fleet,
		world,
		signal: atOnce,
		ending: signal,
		...(mayBreakLock && {mayBreakLock}),
		onOutcome(node, outcome) {
			say(outcomeLines(node, outcome));
		},
	});
	if (signal.aborted) {
		say(stoppedLines(fixes, outcomes));
		throw reasonOf(signal);
	}

	const opened = fixes.filter(
		({node}) => outcomes.get(node)?.kind === 'opened',
	);
	if (opened.length === 0) {
		return {...before, outcomes};
	}

	const affected = pathsOf(opened);
	return {
		...before,
		report: await tools.checkCluster({
			cluster: report.cluster,
			fleet,
			ignore: tools.ignore,
			signal,
			onEvent: () => undefined,
			again: {earlier: report, only: (path) => affected.has(pathKey(path))},
		}),
		facts: fleet.facts(),
		outcomes,
		at: world.now(),
	};
};

/** Did a fix that was tried not come about? */
export const isFixMissing = ({outcomes}: CheckOutcome): boolean =>
	[...outcomes.values()].some(
		({kind}) => kind === 'failed' || kind === 'rolled-back' || kind === 'stuck',
	);
