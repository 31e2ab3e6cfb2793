import process from 'node:process';
import {describeHolder} from '../install/cluster-lock.js';
import type {LockHolder} from '../host/scripts/lock.js';
import type {Invocation} from './arguments.js';
import {confirm} from './confirm.js';
import {printLines} from './print.js';

/**
 * `--break-lock`: shows who holds the lock of the cluster, and asks whether it is to be taken from them; `--yes` has
 * answered already. Without a terminal the answer is no.
 */
export const mayBreakLock = async (
	holder: LockHolder,
	{yes}: Invocation,
	signal: AbortSignal,
): Promise<boolean> => {
	printLines(process.stderr, [
		`The lock of this cluster is held by ${describeHolder(holder)}.`,
	]);
	return (
		yes ||
		confirm(
			'Break it? If that run is still at work, it stops within seconds.',
			signal,
		)
	);
};
