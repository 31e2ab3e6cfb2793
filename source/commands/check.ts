import process from 'node:process';
import {setTimeout} from 'node:timers/promises';
import {blockers} from '../checks/finding.js';
import {UserError, exitCodes, type ExitCode} from '../errors.js';
import {checkCluster} from '../operations/check.js';
import {applyFixes, proposeFixes} from '../operations/fix.js';
import type {CheckReport} from '../operations/operations.js';
import type {Invocation} from './arguments.js';
import {mayBreakLock} from './break-lock.js';
import {fixAndCheck, isFixMissing} from './check-fix.js';
import {checkReportJson, type CheckOutcome} from './check-json.js';
import {checkReportText} from './check-text.js';
import {changeLines, roundTitle, watchRounds} from './check-watch.js';
import {confirm} from './confirm.js';
import {printJson, printLines} from './print.js';
import {
	failedNodesExitCode,
	openSession,
	type FailedNode,
	type Session,
} from './session.js';

/** The exit code of a check: nodes out of reach weigh most, then blocking findings, then warnings under `--strict`. */
export const checkExitCode = (
	report: CheckReport,
	failed: readonly FailedNode[],
	strict: boolean,
): ExitCode => {
	if (failed.length > 0) {
		return failedNodesExitCode(failed);
	}

	if (blockers(report.findings).length > 0) {
		return exitCodes.failed;
	}

	const warned = report.findings.some(
		({severity, ignored}) => severity === 'warning' && !ignored,
	);
	return strict && warned ? exitCodes.warnings : exitCodes.good;
};

const say = (lines: readonly string[]): void => {
	printLines(process.stderr, lines);
};

/** Measures everything between the nodes of a session. */
const measure = async (
	session: Session,
	invocation: Invocation,
	signal: AbortSignal,
): Promise<CheckOutcome> => {
	const {cluster, fleet, world, failed} = session;
	const report = await checkCluster({
		cluster,
		fleet,
		ignore: invocation.ignore,
		signal,
		onEvent: () => undefined,
	});
	const facts = fleet.facts();
	return {
		report,
		failed,
		facts,
		fixes: proposeFixes({report, facts}),
		outcomes: new Map(),
		at: world.now(),
	};
};

/** May the hosts be opened? Without a person to ask, only when the command line says so. */
const agree = async (
	invocation: Invocation,
	signal: AbortSignal,
): Promise<boolean> => {
	if (invocation.yes) {
		return true;
	}

	if (!process.stdin.isTTY) {
		throw new UserError(
			'Nobody is there to ask before firewalls are opened. Nothing was changed.',
			{
				exitCode: exitCodes.usage,
				tryNext: ['--yes runs the lines above without asking.'],
			},
		);
	}

	return confirm('Run these lines on the hosts?', signal);
};

const exitCodeOf = (outcome: CheckOutcome, {strict}: Invocation): ExitCode => {
	const code = checkExitCode(outcome.report, outcome.failed, strict);
	return isFixMissing(outcome) &&
		(code === exitCodes.good || code === exitCodes.warnings)
		? exitCodes.failed
		: code;
};

const checkOnce = async (
	invocation: Invocation,
	signal: AbortSignal,
	atOnce: AbortSignal,
): Promise<ExitCode> => {
	const session = await openSession(invocation, signal);
	try {
		const first = await measure(session, invocation, signal);
		const outcome = invocation.fix
			? await fixAndCheck(first, {
					fleet: session.fleet,
					world: session.world,
					applyFixes,
					checkCluster,
					say,
					agree: async () => agree(invocation, signal),
					ignore: invocation.ignore,
					signal,
					atOnce,
					...(invocation.breakLock && {
						mayBreakLock: async (holder) =>
							mayBreakLock(holder, invocation, signal),
					}),
				})
			: first;
		if (invocation.json) {
			printJson(process.stdout, checkReportJson(outcome), 'indented');
		} else {
			printLines(process.stdout, checkReportText(outcome));
		}

		return exitCodeOf(outcome, invocation);
	} finally {
		await session.close();
	}
};

/** Clears a terminal; a pipe keeps all rounds. */
const clear = (): string => (process.stdout.isTTY ? '\u001B[2J\u001B[H' : '');

/** Checks again and again, each time with fresh connections, so that a node that went away and came back is seen. */
const watch = async (
	invocation: Invocation,
	signal: AbortSignal,
): Promise<ExitCode> => {
	try {
		return await watchRounds({
			async round() {
				const session = await openSession(invocation, signal);
				try {
					return await measure(session, invocation, signal);
				} finally {
					await session.close();
				}
			},
			show(outcome, earlier) {
				if (invocation.json) {
					printJson(process.stdout, checkReportJson(outcome), 'line');
					return;
				}

				process.stdout.write(clear());
				printLines(process.stdout, [
					roundTitle(outcome, invocation.intervalMs / 1000),
					...checkReportText(outcome),
					'',
					...changeLines(outcome, earlier),
				]);
			},
			async pause() {
				await setTimeout(invocation.intervalMs, undefined, {signal});
			},
		});
	} catch (error) {
		if (signal.aborted) {
			return exitCodes.stopped;
		}

		throw error;
	}
};

/** `check`: facts and the whole matrix; changes nothing, unless `--fix` is told to open firewalls. */
export const check = async (
	invocation: Invocation,
	signal: AbortSignal,
	atOnce: AbortSignal,
): Promise<ExitCode> =>
	invocation.watch
		? watch(invocation, signal)
		: checkOnce(invocation, signal, atOnce);
