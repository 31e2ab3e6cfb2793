import type {Cell, Path} from '../facts/measurements.js';
import {placeOf, stationOf, tryAll, type Run} from './run.js';
import {cellOf, unknownCell} from './verdicts.js';

/** Packets of a burst, and how many must be counted for it to have arrived: strangers knock at closed ports, too. */
const burst = {packets: 20, enough: 15} as const;

/** Sends one burst, and looks at the counter of its target before and after it. Rejects when the target can not count. */
const countOne = async (run: Run, path: Path): Promise<Cell> => {
	const {agent} = stationOf(run, path.to)!;
	const counter = path.address.includes(':') ? 'udp6' : 'udp';
	const before = await agent.count();
	let cell = unknownCell(
		path,
		`the probe on ${path.from} did not report in time`,
	);
	await tryAll(
		run,
		[
			{
				from: path.from,
				subject: path,
				makeTry: (id) => ({
					id,
					what: 'burst',
					...placeOf(path),
					count: burst.packets,
				}),
			},
		],
		(_, report) => {
			cell = cellOf(path, report, undefined);
		},
	);
	const after = await agent.count();
	return cell.verdict.kind !== 'unknown' &&
		after[counter] - before[counter] >= burst.enough
		? {...cell, verdict: {kind: 'reached'}}
		: cell;
};

/**
 * UDP towards nodes that can only count: one sender at a time for each such node, because it is one counter. Answers to
 * what a node tries itself raise the counter, too, when they come late: nothing of the kind may be under way any more.
 * What is not begun within the limit is unknown. Never throws.
 */
export const countBursts = async (
	run: Run,
	paths: readonly Path[],
	limit: AbortSignal,
	onCell: (cell: Cell) => void,
): Promise<void> => {
	const targets = new Set(paths.map(({to}) => to));
	await Promise.all(
		[...targets].map(async (to) => {
			for (const path of paths.filter((one) => one.to === to)) {
				if (limit.aborted) {
					onCell(
						unknownCell(
							path,
							`${to} can only count packets, of one sender after the other, and the time did not suffice for ${path.from}`,
						),
					);
					continue;
				}

				try {
					onCell(await countOne(run, path));
				} catch {
					onCell(
						unknownCell(
							path,
							stationOf(run, to)?.agent.problem() ?? `${to} could not count`,
						),
					);
				}
			}
		}),
	);
};
