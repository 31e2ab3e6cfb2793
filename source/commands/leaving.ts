import process from 'node:process';
import {UserError, exitCodes, type ExitCode} from '../errors.js';
import {startLeaving} from '../operations/leaving.js';
import type {ApplyResult} from '../operations/operations.js';
import type {LeavingPlan} from '../plan/leaving/leaving.js';
import {renderLeavingText} from '../plan/leaving/render.js';
import type {Invocation} from './arguments.js';
import {colorsFor} from './colors.js';
import {confirm} from './confirm.js';
import type {LeavingLine} from './json/leaving-schema.js';
import {printJson, printLines} from './print.js';
import {withRunOutput} from './run-output.js';
import {runSettings, type Stop} from './run-settings.js';
import {failedNodeLines, type Session} from './session.js';

/** Prints one line of what `remove` and `uninstall` tell other programs. */
export const printLeavingLine = (line: LeavingLine): void => {
	printJson(process.stdout, line, 'line');
};

/** Is there a step at all? */
export const hasWork = ({plan}: LeavingPlan): boolean =>
	plan.nodes.some(({steps}) => steps.length > 0);

/**
 * Shows the whole plan, with what is deleted for good, and asks, unless `--yes` has answered already: then what is
 * deleted is still said.
 */
export const requireConsent = async (
	leaving: LeavingPlan,
	session: Session,
	invocation: Invocation,
	signal: AbortSignal,
): Promise<void> => {
	printLines(process.stderr, [
		...failedNodeLines(
			session.failed.filter(({node}) => leaving.unreached.includes(node)),
		),
		...renderLeavingText(leaving, {colors: colorsFor(process.stderr)}),
	]);
	if (invocation.progress === 'json') {
		const {plan, losses, notes, unreached} = leaving;
		printLeavingLine({
			type: 'plan',
			purpose: plan.purpose === 'remove' ? 'remove' : 'uninstall',
			cluster: plan.cluster,
			nodes: plan.nodes.map(({node, role, steps}) => ({
				name: node,
				role,
				steps: steps.map(({id, stage, title}) => ({id, stage, title})),
			})),
			losses,
			notes,
			unreached,
		});
	}

	if (invocation.yes) {
		return;
	}

	if (!process.stdin.isTTY) {
		throw new UserError(
			'Nobody is there to ask before anything is taken away. Nothing was changed.',
			{
				exitCode: exitCodes.usage,
				tryNext: ['--yes does what is shown above without asking.'],
			},
		);
	}

	if (
		!(await confirm(
			leaving.losses.length === 0
				? 'Go ahead?'
				: 'Go ahead, and delete what is said above for good?',
			signal,
		))
	) {
		throw new UserError('Nothing was changed.', {exitCode: exitCodes.stopped});
	}
};

/** Runs what has been agreed to, with its log. */
export const runLeaving = async (
	leaving: LeavingPlan,
	session: Session,
	invocation: Invocation,
	stop: Stop,
): Promise<ApplyResult> =>
	withRunOutput(session, invocation, async (onEvent) => {
		const {result} = startLeaving({
			...runSettings(session, invocation, stop),
			leaving,
			onEvent,
		});
		return result;
	});

/** The exit code of a run. */
export const exitCodeOf = ({outcome}: ApplyResult): ExitCode => {
	switch (outcome) {
		case 'stopped': {
			return exitCodes.stopped;
		}

		case 'failed': {
			return exitCodes.failed;
		}

		case 'good': {
			return exitCodes.good;
		}
	}
};
