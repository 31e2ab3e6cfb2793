import type {MachineSpec} from '../../source/host/simulated/machine.js';
import {makeSimulatedWorld} from '../../source/host/simulated/world.js';

/** The same "random" numbers in every run. */
export const makeRandom = (): (() => number) => {
	let state = 12_345;
	return () => {
		state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff;
		return state / 0x80_00_00_00;
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
