import process from 'node:process';
import {blockers} from '../checks/finding.js';
import {UserError, exitCodes, type ExitCode} from '../errors.js';
import {startApply} from '../operations/apply.js';
import {checkCluster} from '../operations/check.js';
import type {ApplyResult, CheckReport} from '../operations/operations.js';
import {makePlan} from '../operations/plan.js';
import type {Plan} from '../plan/plan.js';
import {renderPlanText} from '../plan/render.js';
import {rememberProgress} from '../store/known-progress.js';
import type {Invocation} from './arguments.js';
import {findingLines} from './check-text.js';
import {colorsFor} from './colors.js';
import {confirm} from './confirm.js';
import type {ApplyLine} from './json/apply-schema.js';
import {kubeconfigLines, mergeKubeconfig} from './kubeconfig.js';
import {printJson, printLines} from './print.js';
import {withRunOutput} from './run-output.js';
import {runSettings, type Stop} from './run-settings.js';
import {openSession, requireAllNodes, type Session} from './session.js';
import {askOnTerminal} from './terminal-answer.js';

const say = (lines: readonly string[]): void => {
	printLines(process.stderr, lines);
};

/** Stops before anything is changed when a required check speaks against it. */
const requireNoBlockers = (report: CheckReport): void => {
	const blocking = blockers(report.findings);
	if (blocking.length > 0) {
		const ids = [...new Set(blocking.map(({id}) => id))];
		throw new UserError('The checks speak against it. Nothing was changed.', {
			tryNext: [
				'Mend what is marked with ✖ above, and run the same command again.',
				`To go on all the same: ${ids.map((id) => `--ignore ${id}`).join(' ')}`,
			],
		});
	}
};

/** Shows the plan and asks, unless `--yes` has answered already. */
const requireConsent = async (
	plan: Plan,
	invocation: Invocation,
	signal: AbortSignal,
): Promise<void> => {
	if (invocation.yes) {
		return;
	}

	if (!process.stdin.isTTY) {
		throw new UserError(
			'Nobody is there to ask before changing the nodes. Nothing was changed.',
			{
				exitCode: exitCodes.usage,
				tryNext: [
					'k3s-mesh-tui plan shows what would be done; --yes does it without asking.',
				],
			},
		);
	}

	say(renderPlanText(plan, {colors: colorsFor(process.stderr)}));
	if (!(await confirm('Go ahead?', signal))) {
		throw new UserError('Nothing was changed.', {exitCode: exitCodes.stopped});
	}
};

const printLine = (line: ApplyLine): void => {
	printJson(process.stdout, line, 'line');
};

const exitCodeOf = (
	result: ApplyResult,
	report: CheckReport,
	strict: boolean,
): ExitCode => {
	switch (result.outcome) {
		case 'stopped': {
			return exitCodes.stopped;
		}

		case 'failed': {
			return exitCodes.failed;
		}

		case 'good': {
			const warned = report.findings.some(
				({severity, ignored}) => severity === 'warning' && !ignored,
			);
			return strict && warned ? exitCodes.warnings : exitCodes.good;
		}
	}
};

/** Runs a plan that has been agreed to, with its log, and hands over the kubeconfig. */
const run = async (
	session: Session,
	plan: Plan,
	invocation: Invocation,
	stop: Stop,
): Promise<ApplyResult> =>
	withRunOutput(session, invocation, async (onEvent) => {
		const {result} = startApply({
			...runSettings(session, invocation, stop),
			plan,
			askSecret: async (question) => askOnTerminal(question, stop.signal),
			onEvent,
		});
		return result;
	});

/** `apply`: brings the cluster to what the file says. */
export const apply = async (
	invocation: Invocation,
	signal: AbortSignal,
	atOnce: AbortSignal,
): Promise<ExitCode> => {
	const session = await openSession(invocation, signal);
	try {
		const {cluster, fleet} = session;
		const report = await checkCluster({
			cluster,
			fleet,
			ignore: invocation.ignore,
			signal,
			onEvent: () => undefined,
		});
		say(findingLines(report.findings));
		requireAllNodes(session.failed);
		requireNoBlockers(report);
		const plan = await makePlan({
			cluster,
			fleet,
			measurements: report.measurements,
			signal,
		});
		await requireConsent(plan, invocation, signal);
		const result = await run(session, plan, invocation, {signal, atOnce});
		if (result.outcome === 'good') {
			rememberProgress(
				{name: cluster.name, path: session.path},
				'done',
				session.world.now(),
			);
			const merged = await mergeKubeconfig(session, invocation, signal);
			if (invocation.progress === 'json') {
				printLine({type: 'kubeconfig', ...merged});
			} else {
				printLines(process.stdout, kubeconfigLines(merged));
			}
		}

		return exitCodeOf(result, report, invocation.strict);
	} finally {
		await session.close();
	}
};
