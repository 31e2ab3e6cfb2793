import type {MachineSpec} from '../../source/host/simulated/machine.js';
import {makeSimulatedWorld} from '../../source/host/simulated/world.js';

/** The same "random" numbers in every run. */
export const makeRandom = (): (() => number) => {
	let state = 0.3;
	return () => {
		// The logistic map: crude, but it jumps about and is the same everywhere.
		state = 3.99 * state * (1 - state);
		return state;
	};
};

/** A server and two agents with public addresses, changed as a test needs them. */
export const threeMachines = (
	changes: Partial<Record<'one' | 'two' | 'three', Partial<MachineSpec>>> = {},
): readonly MachineSpec[] =>
	(['one', 'two', 'three'] as const).map((hostname, index) => ({
		hostname,
		dial: [hostname, `198.51.100.${index + 1}`],
		externalIp: `198.51.100.${index + 1}`,
		rttMs: 5 + 10 * index,
		...changes[hostname],
	}));

/** A world that loses no time, with a clock that a test can set. */
export const fastWorld = (machines: readonly MachineSpec[]) => {
	const clock = {now: Date.UTC(2026, 0, 1)};
	const world = makeSimulatedWorld({
		machines,
		pace: 0,
		now: () => clock.now,
		random: makeRandom(),
	});
	return {world, clock};
};
