import process from 'node:process';
import {blockers} from '../checks/finding.js';
import {UserError, exitCodes, type ExitCode} from '../errors.js';
import type {InstallEvent} from '../install/events.js';
import {openRunLog} from '../install/run-log.js';
import {startApply} from '../operations/apply.js';
import {checkCluster} from '../operations/check.js';
import type {ApplyResult, CheckReport} from '../operations/operations.js';
import {makePlan} from '../operations/plan.js';
import type {Plan} from '../plan/plan.js';
import {renderPlanText} from '../plan/render.js';
import {runLogPath} from '../store/paths.js';
import type {Invocation} from './arguments.js';
import {findingLines} from './check-text.js';
import {colorsFor} from './colors.js';
import {confirm} from './confirm.js';
import type {ApplyLine} from './json/apply-schema.js';
import {kubeconfigLines, mergeKubeconfig} from './kubeconfig.js';
import {plainProgress} from './plain-progress.js';
import {openSession, requireAllNodes, type Session} from './session.js';

const say = (lines: readonly string[]): void => {
	if (lines.length > 0) {
		process.stderr.write(`${lines.join('\n')}\n`);
	}
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
	process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** Shows events as lines: JSON on standard output, or words on standard error. */
const progressSink = (
	invocation: Invocation,
): ((event: InstallEvent) => void) => {
	if (invocation.progress === 'json') {
		return printLine;
	}

	const lines = plainProgress({verbose: invocation.verbose});
	return (event) => {
		say(lines(event));
	};
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
	signal: AbortSignal,
): Promise<ApplyResult> => {
	const {cluster, fleet, world} = session;
	const log = await openRunLog({
		path: invocation.logFile ?? runLogPath(cluster.name, world.now()),
		redact: (text) => world.redactor.redact(text),
	});
	const show = progressSink(invocation);
	try {
		const {result} = startApply({
			cluster,
			plan,
			fleet,
			world,
			signal,
			concurrency: invocation.concurrency,
			waitLimitMs: invocation.waitLimitMs,
			onEvent(event) {
				log.write(event);
				show(event);
			},
		});
		return await result;
	} finally {
		await log.close();
		say([`Log of this run: ${log.path}`]);
	}
};

/** `apply`: brings the cluster to what the file says. */
export const apply = async (
	invocation: Invocation,
	signal: AbortSignal,
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
		const result = await run(session, plan, invocation, signal);
		if (result.outcome === 'good') {
			const merged = await mergeKubeconfig(session, invocation, signal);
			if (invocation.progress === 'json') {
				printLine({type: 'kubeconfig', ...merged});
			} else {
				process.stdout.write(`${kubeconfigLines(merged).join('\n')}\n`);
			}
		}

		return exitCodeOf(result, report, invocation.strict);
	} finally {
		await session.close();
	}
};
