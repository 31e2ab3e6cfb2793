import type {Cell, Path} from '../../facts/measurements.js';
import {chooseRung} from '../../facts/rungs.js';
import {isK3sProcess, runsK3s} from '../ports.js';
import {rule, type CheckContext} from '../rule.js';
import {askedCells} from './look.js';
import {describePath} from './words.js';

/** Is the program that holds the port K3s itself, as far as we can tell? */
const heldByK3s = (context: CheckContext, {path, verdict}: Cell): boolean =>
	verdict.kind === 'in-use' &&
	(runsK3s(context.facts.get(path.to)) || isK3sProcess(verdict.process));

/** Could every path be measured? */
export const unknown = rule(
	{
		id: 'path.unknown',
		severity: 'warning',
		sentence: 'Every path that the cluster needs could be measured.',
		source: 'our own measure',
	},
	(context, report) => {
		// A machine that was not reached or has nothing to measure with is told about once, elsewhere.
		const canMeasure = (name: string): boolean => {
			const host = context.facts.get(name);
			return host !== undefined && chooseRung(host) !== undefined;
		};

		const groups = new Map<string, Path[]>();
		for (const {cell, requirement} of askedCells(context)) {
			const {path, verdict} = cell;
			if (
				requirement.severity === 'required' &&
				canMeasure(path.from) &&
				canMeasure(path.to) &&
				(verdict.kind === 'unknown' ||
					(verdict.kind === 'in-use' &&
						verdict.live === undefined &&
						!heldByK3s(context, cell)))
			) {
				const key =
					verdict.kind === 'unknown'
						? verdict.reason
						: `${verdict.process ?? 'another program'} holds the port on ${path.to}`;
				groups.set(key, [...(groups.get(key) ?? []), path]);
			}
		}

		return [...groups].map(([reason, paths]) =>
			report(
				'warning',
				paths.length === 1
					? `${describePath(paths[0]!)} could not be measured: ${reason}.`
					: `${paths.length} paths could not be measured, the first ${describePath(paths[0]!)}: ${reason}.`,
				{
					nodes: [...new Set(paths.flatMap(({from, to}) => [from, to]))],
					fixes: ['Mend that and measure again, or go on without knowing.'],
				},
			),
		);
	},
);
