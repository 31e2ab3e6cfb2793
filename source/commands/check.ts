import process from 'node:process';
import {blockers} from '../checks/finding.js';
import {exitCodes, type ExitCode} from '../errors.js';
import {checkCluster} from '../operations/check.js';
import type {CheckReport} from '../operations/operations.js';
import type {Invocation} from './arguments.js';
import {checkReportJson} from './check-json.js';
import {checkReportText} from './check-text.js';
import {failedNodesExitCode, openSession, type FailedNode} from './session.js';

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

/** `check`: facts and the whole matrix; changes nothing. */
export const check = async (
	invocation: Invocation,
	signal: AbortSignal,
): Promise<ExitCode> => {
	const session = await openSession(invocation, signal);
	try {
		const report = await checkCluster({
			cluster: session.cluster,
			fleet: session.fleet,
			ignore: invocation.ignore,
			signal,
			onEvent: () => undefined,
		});
		process.stdout.write(
			invocation.json
				? `${JSON.stringify(checkReportJson(report, session.failed, session.fleet.facts()), undefined, 2)}\n`
				: `${checkReportText(report, session.failed).join('\n')}\n`,
		);
		return checkExitCode(report, session.failed, invocation.strict);
	} finally {
		await session.close();
	}
};
