import process from 'node:process';
import {blockers} from '../checks/finding.js';
import {exitCodes, type ExitCode} from '../errors.js';
import {checkCluster} from '../operations/check.js';
import {makePlan} from '../operations/plan.js';
import {planToJson, renderPlanText} from '../plan/render.js';
import type {Invocation} from './arguments.js';
import {findingLines} from './check-text.js';
import {colorsFor} from './colors.js';
import type {PlanJson} from './json/plan-schema.js';
import {printJson, printLines} from './print.js';
import {openSession, requireAllNodes} from './session.js';

/** `plan`: what `apply` would do, with secrets masked; changes nothing. */
export const plan = async (
	invocation: Invocation,
	signal: AbortSignal,
): Promise<ExitCode> => {
	const session = await openSession(invocation, signal);
	try {
		requireAllNodes(session.failed);
		const {cluster, fleet} = session;
		const report = await checkCluster({
			cluster,
			fleet,
			ignore: invocation.ignore,
			signal,
			onEvent: () => undefined,
		});
		const blocking = blockers(report.findings);
		if (blocking.length > 0) {
			printLines(process.stderr, [
				...findingLines(blocking),
				'apply would not begin before this is mended or overridden.',
				'',
			]);
		}

		const made = await makePlan({
			cluster,
			fleet,
			measurements: report.measurements,
			signal,
		});
		if (invocation.json) {
			const json: PlanJson = {
				format: 'k3s-mesh-tui/plan/1',
				...planToJson(made),
			};
			printJson(process.stdout, json, 'indented');
		} else {
			printLines(
				process.stdout,
				renderPlanText(made, {colors: colorsFor(process.stdout)}),
			);
		}

		return exitCodes.good;
	} finally {
		await session.close();
	}
};
