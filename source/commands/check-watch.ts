import {pathKey} from '../facts/measurements.js';
import {verdictText} from '../ui/state/verdict-text.js';
import type {CheckOutcome} from './check-json.js';

/** Runs rounds until it is stopped; a round begins this long after the one before it has ended. Never ends by itself. */
export const watchRounds = async (options: {
	readonly round: () => Promise<CheckOutcome>;
	readonly show: (
		outcome: CheckOutcome,
		earlier: CheckOutcome | undefined,
	) => void;
	/** Waits until the next round; rejects when the person stops. */
	readonly pause: () => Promise<void>;
}): Promise<never> => {
	for (let earlier: CheckOutcome | undefined; ;) {
		const outcome = await options.round();
		options.show(outcome, earlier);
		earlier = outcome;
		await options.pause();
	}
};

/** What became different between two rounds, a line for each path. */
export const changeLines = (
	outcome: CheckOutcome,
	earlier: CheckOutcome | undefined,
): readonly string[] => {
	if (earlier === undefined) {
		return [];
	}

	const before = new Map(
		earlier.report.measurements.cells.map((cell) => [
			pathKey(cell.path),
			verdictText(cell).verdict,
		]),
	);
	const lines = outcome.report.measurements.cells.flatMap((cell): string[] => {
		const {from, to, address, protocol, port} = cell.path;
		const was = before.get(pathKey(cell.path));
		const is = verdictText(cell).verdict;
		return was === undefined || was === is
			? []
			: [`  ${from} → ${to}  ${address}  ${protocol} ${port}  ${was} → ${is}`];
	});
	return lines.length === 0
		? ['No verdict has changed since the round before.']
		: ['Changed since the round before:', ...lines];
};

const clock = (at: number): string => new Date(at).toTimeString().slice(0, 8);

/** The first line of a round. */
export const roundTitle = (
	outcome: CheckOutcome,
	intervalSeconds: number,
): string => `${clock(outcome.at)}  every ${intervalSeconds} s, Ctrl-C ends`;
