import {readFileSync, readdirSync, readlinkSync, statSync} from 'node:fs';
import process from 'node:process';
import {waitFor} from './run.js';

/** Names one process for ever: a pid alone is reused. */
export type ProcessMark = {
	readonly pid: number;
	/** Clock ticks after boot, field 22 of `/proc/PID/stat`. */
	readonly startTime: string;
};

/** Fields of `/proc/PID/stat` from the state on; the program's name before them may hold anything. */
const statFields = (pid: number): string[] | undefined => {
	try {
		const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
		return text.slice(text.lastIndexOf(')') + 2).split(' ');
	} catch {
		return undefined;
	}
};

/** When a process started, or '' when there is none. */
export const startTime = (pid: number): string => statFields(pid)?.[19] ?? '';

/** Whether that very process still runs (a zombie does not). */
export const isAlive = (mark: ProcessMark): boolean => {
	const fields = statFields(mark.pid);
	return (
		fields?.[19] === mark.startTime && fields[0] !== 'Z' && fields[0] !== 'X'
	);
};

/** Sends SIGKILL to that very process, if it still runs. */
export const killProcess = (mark: ProcessMark): void => {
	if (!isAlive(mark)) {
		return;
	}

	try {
		process.kill(mark.pid, 'SIGKILL');
	} catch {
		// It ended by itself just now.
	}
};

/** The children of a process, oldest first. */
export const childrenOf = (pid: number): number[] => {
	try {
		return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
			.split(' ')
			.filter(Boolean)
			.map(Number);
	} catch {
		return [];
	}
};

/** Whether a process is the first of a process namespace of its own: a container's init. */
export const isInit = (pid: number): boolean => {
	try {
		const status = readFileSync(`/proc/${pid}/status`, 'utf8');
		return /^NSpid:\t.*\t1$/m.test(status);
	} catch {
		return false;
	}
};

/** All processes that live in one of these network namespaces (paths such as /run/netns/NAME). */
export const processesIn = (namespaces: readonly string[]): ProcessMark[] => {
	const identities = new Set<string>();
	for (const namespace of namespaces) {
		try {
			identities.add(`net:[${statSync(namespace).ino}]`);
		} catch {
			// Never made, or already gone.
		}
	}

	const found: ProcessMark[] = [];
	for (const entry of identities.size === 0 ? [] : readdirSync('/proc')) {
		const pid = Number(entry);
		try {
			if (pid > 0 && identities.has(readlinkSync(`/proc/${pid}/ns/net`))) {
				found.push({pid, startTime: startTime(pid)});
			}
		} catch {
			// It ended while we looked.
		}
	}

	return found.filter((mark) => isAlive(mark));
};

/** Kills every process of these network namespaces until none is left. */
export const emptyNamespaces = async (
	namespaces: readonly string[],
): Promise<void> => {
	await waitFor(
		() =>
			`processes ${processesIn(namespaces)
				.map((mark) => mark.pid)
				.join(', ')} do not end`,
		() => {
			const left = processesIn(namespaces);
			for (const mark of left) {
				killProcess(mark);
			}

			return left.length === 0 ? true : undefined;
		},
		{timeoutMs: 15_000, everyMs: 20},
	);
};
