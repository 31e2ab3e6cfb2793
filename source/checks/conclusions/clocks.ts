import type {CheckContext} from '../rule.js';

/** The middle of some numbers; the mean of the two in the middle of an even count. */
const median = (values: readonly number[]): number => {
	const sorted = values.toSorted((one, other) => one - other);
	const middle = sorted.length / 2;
	return Number.isInteger(middle)
		? (sorted[middle - 1]! + sorted[middle]!) / 2
		: sorted[Math.floor(middle)]!;
};

/**
 * Each node's clock minus the median of all, in ms. Of two clocks neither can be called wrong: each is half of their
 * difference away.
 */
export const clockSkews = ({
	cluster,
	facts,
}: CheckContext): ReadonlyMap<string, number> => {
	const offsets = cluster.nodes.flatMap(({name}) => {
		const host = facts.get(name);
		return host === undefined ? [] : [[name, host.clock.offsetMs] as const];
	});
	if (offsets.length === 0) {
		return new Map();
	}

	const middle = median(offsets.map(([, offset]) => offset));
	return new Map(offsets.map(([name, offset]) => [name, offset - middle]));
};
