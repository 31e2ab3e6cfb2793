import {createHash} from 'node:crypto';
import os from 'node:os';
import process from 'node:process';
import type {LockOwner} from '../host/scripts/lock.js';

/** A name of this machine that another one does not have by chance: hostname and network cards. */
const machineTag = (): string => {
	const cards = Object.values(os.networkInterfaces())
		.flatMap((addresses) => addresses ?? [])
		.map(({mac}) => mac)
		.toSorted();
	return createHash('sha256')
		.update([os.hostname(), ...new Set(cards)].join('\n'))
		.digest('hex')
		.slice(0, 16);
};

const userName = (): string => {
	try {
		return os.userInfo().username;
	} catch {
		// Accounts without an entry in the user database, as in some containers.
		return 'somebody';
	}
};

/** Who this run is, for the cluster's lock. */
export const runOwner = (
	randomText: (length: number) => string,
): LockOwner => ({
	runId: `${machineTag()}:${process.pid}:${randomText(8)}`,
	owner: `${userName()} on ${os.hostname()} (process ${process.pid})`,
});

/** Was that run on this machine, and has its process ended? */
export const isRunGone = (runId: string): boolean => {
	const [machine, pidText] = runId.split(':');
	const pid = Number(pidText);
	if (machine !== machineTag() || !Number.isSafeInteger(pid) || pid <= 0) {
		return false;
	}

	if (pid === process.pid) {
		// Another run of this very process would have released it.
		return false;
	}

	try {
		process.kill(pid, 0);
		return false;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'ESRCH';
	}
};
