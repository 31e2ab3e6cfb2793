import type {StartApply} from '../operations/operations.js';
import type {Invocation} from './arguments.js';
import {mayBreakLock} from './break-lock.js';
import type {Session} from './session.js';

/** How a person stops a run: in good order, or at once. */
export type Stop = {
	readonly signal: AbortSignal;
	readonly atOnce: AbortSignal;
};

type Settings = Pick<
	Parameters<StartApply>[0],
	| 'cluster'
	| 'fleet'
	| 'world'
	| 'signal'
	| 'ending'
	| 'mayBreakLock'
	| 'concurrency'
	| 'waitLimitMs'
>;

/** What every run is started with, whatever its plan does. */
export const runSettings = (
	{cluster, fleet, world}: Session,
	invocation: Invocation,
	{signal, atOnce}: Stop,
): Settings => ({
	cluster,
	fleet,
	world,
	signal: atOnce,
	ending: signal,
	...(invocation.breakLock && {
		mayBreakLock: async (holder) => mayBreakLock(holder, invocation, signal),
	}),
	concurrency: invocation.concurrency,
	waitLimitMs: invocation.waitLimitMs,
});
