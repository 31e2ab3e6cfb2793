import {createHash} from 'node:crypto';
import {readlinkSync} from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import type {LockOwner} from '../host/scripts/lock.js';

/**
 * Where this process can see processes: a Linux kernel gives each PID namespace a number, and uses it again only when
 * no process of that namespace is left. Empty where there is none.
 */
const processSpace = (): readonly string[] => {
	try {
		return [readlinkSync('/proc/self/ns/pid')];
	} catch {
		return [];
	}
};

/**
 * A name of where a process id counts, which no other place has by chance: hostname, network cards, and the PID
 * namespace, as containers on the network of their host share the former. Earlier releases left the namespace out:
 * their locks count as another machine's, whose process ids say nothing.
 */
const machineTag = (): string => {
	const cards = Object.values(os.networkInterfaces())
		.flatMap((addresses) => addresses ?? [])
		.map(({mac}) => mac)
		.toSorted();
	return createHash('sha256')
		.update([os.hostname(), ...new Set(cards), ...processSpace()].join('\n'))
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

/** Was that run on this machine, where this process can see it, and has its process ended? */
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
