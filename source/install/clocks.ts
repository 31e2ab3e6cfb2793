import {thresholds} from '../checks/thresholds.js';
import {hostClock} from '../host/scripts/clock.js';
import type {Plan} from '../plan/plan.js';
import type {HostPool} from './host-pool.js';
import type {Cause} from './journal-cause.js';

/** The clocks of a run's nodes, asked when something does not come up. */
export type Clocks = {
	/**
	 * A clock among these nodes and the first server, whose certificates they all use, that is more than `toleranceMs`
	 * away from the others; `undefined` when there is none, and when none can be asked. Rejects only when the signal is
	 * aborted.
	 */
	wrong(
		nodes: readonly string[],
		signal: AbortSignal,
		toleranceMs?: number,
	): Promise<Cause | undefined>;
};

/** From here on a clock is wrong beyond doubt, in ms: certificates made by it are of no use to others. */
export const clockBeyondDoubtMs = 3_600_000;

const inWords = (unixMs: number): string =>
	new Date(unixMs).toISOString().replace(/\.\d+Z$/, 'Z');

/**
 * The clock that most agree with, as its difference from this machine's; of two with as many the one of more nodes: a
 * median of an even number would be nobody's.
 */
const rightOffset = (
	offsets: readonly number[],
	toleranceMs: number,
): number => {
	const agreeing = (candidate: number): number =>
		offsets.filter((offset) => Math.abs(offset - candidate) <= toleranceMs)
			.length;
	const thisMachine = 0;
	const weight = (candidate: number): number =>
		agreeing(candidate) +
		(Math.abs(candidate - thisMachine) <= toleranceMs ? 0.5 : 0);
	return [thisMachine, ...offsets].toSorted(
		(one, other) => weight(other) - weight(one),
	)[0]!;
};

/**
 * Which node's clock is wrong, by what each differs from this machine's, in ms. Of two clocks neither can be called
 * wrong, and a person's machine may be off by some minutes: they must differ beyond doubt. Pure.
 */
export const judgeClocks = (
	suspects: readonly string[],
	offsets: ReadonlyMap<string, number>,
	nowMs: number,
	toleranceMs: number,
): Cause | undefined => {
	const isAlone = offsets.size < 2;
	const right = isAlone ? 0 : rightOffset([...offsets.values()], toleranceMs);
	const limit = isAlone
		? Math.max(toleranceMs, clockBeyondDoubtMs)
		: toleranceMs;
	const name = suspects.find(
		(node) => Math.abs((offsets.get(node) ?? right) - right) > limit,
	);
	return name === undefined
		? undefined
		: {
				text: `the clock of ${name} says ${inWords(nowMs + offsets.get(name)!)}, and it is ${inWords(nowMs + right)} on ${isAlone ? 'this machine' : 'the others'}: a clock is wrong`,
				tryNext: [
					`Set the clock of ${name} right (timedatectl set-ntp true; date -u shows it), then run the same command again.`,
				],
			};
};

/** Makes the clocks of a run. `now` is this machine's, in ms since 1970. */
export const makeClocks = ({
	plan: {nodes, firstServer},
	hosts,
	now,
}: {
	readonly plan: Pick<Plan, 'nodes' | 'firstServer'>;
	readonly hosts: HostPool;
	readonly now: () => number;
}): Clocks => {
	const read = async (
		names: readonly string[],
		signal: AbortSignal,
	): Promise<ReadonlyMap<string, number>> => {
		const offsets = await Promise.all(
			names.map(async (name) => {
				try {
					const host = await hosts.get(name);
					const before = now();
					const seconds = await host.run(hostClock, {}, {signal});
					// The middle of the second, at the middle of the call.
					return [[name, seconds * 1000 + 500 - (before + now()) / 2] as const];
				} catch {
					signal.throwIfAborted();
					return [];
				}
			}),
		);
		return new Map(offsets.flat());
	};

	return {
		async wrong(asked, signal, toleranceMs = thresholds.clockSkewMs.error) {
			const suspects = [...new Set([...asked, firstServer])];
			const own = await read(suspects, signal);
			if ([...own.values()].every((off) => Math.abs(off) <= toleranceMs)) {
				return undefined;
			}

			const others = await read(
				nodes.map(({node}) => node).filter((name) => !suspects.includes(name)),
				signal,
			);
			return judgeClocks(
				suspects,
				new Map([...own, ...others]),
				now(),
				toleranceMs,
			);
		},
	};
};
