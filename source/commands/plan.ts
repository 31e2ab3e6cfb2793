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
			process.stderr.write(
				`${[...findingLines(blocking), 'apply would not begin before this is mended or overridden.', ''].join('\n')}\n`,
			);
		}

		const made = await makePlan({
			cluster,
			fleet,
			measurements: report.measurements,
			signal,
		});
		const json: PlanJson = {
			format: 'k3s-mesh-tui/plan/1',
			...planToJson(made),
		};
		process.stdout.write(
			invocation.json
				? `${JSON.stringify(json, undefined, 2)}\n`
				: `${renderPlanText(made, {colors: colorsFor(process.stdout)}).join('\n')}\n`,
		);
		return exitCodes.good;
	} finally {
		await session.close();
	}
};
