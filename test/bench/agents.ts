import {readFileSync} from 'node:fs';
import {processesIn} from '../lab/processes.js';
import {namespacePath} from '../lab/state.js';

/** What the agents on the hosts took, by process. */
export type AgentUse = {
	/** The most memory that one of them had in use, in kB. */
	readonly mostKilobytes: number;
	/** Processor time of all, in s, and of the busiest. */
	readonly cpuSeconds: number;
	readonly mostCpuSeconds: number;
	readonly agents: number;
};

const everyMs = 150;
/** Of `/proc/PID/stat`: the unit that Linux counts processor time in, for programs. */
const ticksPerSecond = 100;

const isAgent = (pid: number): boolean => {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(
			'k3s-mesh-probe',
		);
	} catch {
		return false;
	}
};

/** Looks at the agents of these network namespaces until it is stopped, and then says what they took. */
export const watchAgents = (
	namespaces: readonly string[],
): (() => AgentUse) => {
	const known = new Set<number>();
	const uses = new Map<number, {kilobytes: number; seconds: number}>();
	const look = () => {
		for (const {pid} of processesIn(
			namespaces.map((name) => namespacePath(name)),
		)) {
			if (!known.has(pid) && isAgent(pid)) {
				known.add(pid);
			}
		}

		for (const pid of known) {
			try {
				const status = readFileSync(`/proc/${pid}/status`, 'utf8');
				const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
				const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
				uses.set(pid, {
					kilobytes: Number(
						/^VmHWM:\s+(?<kb>\d+)/m.exec(status)?.groups?.kb ?? 0,
					),
					seconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
				});
			} catch {
				// It ended; what was seen last counts.
			}
		}
	};

	const timer = setInterval(look, everyMs);
	return () => {
		clearInterval(timer);
		const all = [...uses.values()];
		return {
			mostKilobytes: Math.max(0, ...all.map(({kilobytes}) => kilobytes)),
			cpuSeconds: all.reduce((sum, {seconds}) => sum + seconds, 0),
			mostCpuSeconds: Math.max(0, ...all.map(({seconds}) => seconds)),
			agents: all.length,
		};
	};
};
