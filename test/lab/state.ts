import {randomBytes} from 'node:crypto';
import {existsSync, readFileSync, readdirSync} from 'node:fs';
import {mkdir, rename, rm, rmdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {instanceData, instanceFolder, runFolder} from './folders.js';
import {
	emptyNamespaces,
	isAlive,
	killProcess,
	startTime,
	type ProcessMark,
} from './processes.js';
import {LabError, run, waitFor} from './run.js';
import type {Topology} from './topology.js';

/**
 * Everything that an instance may own, written before any of it is made, so that whoever finds the file can take
 * all of it away. Processes add their own mark in `processes/SLOT` before they do anything (see launch.sh).
 */
export type InstanceState = {
	readonly name: string;
	/** Four letters that set this instance's namespaces apart. */
	readonly id: string;
	readonly topology: Topology;
	readonly vm: boolean;
	/** Who is making it, or holds it: `detached` instances stay when their maker ends. */
	readonly maker: ProcessMark;
	readonly detached: boolean;
	readonly phase: 'starting' | 'up';
	/** Names below /run/netns. */
	readonly namespaces: readonly string[];
	/** Control groups, whole paths. */
	readonly controlGroups: readonly string[];
	/** Process slots whose process ends by itself once its namespace is empty, and cleans up as it does. */
	readonly selfEnding: readonly string[];
};

const stateFile = (name: string): string =>
	path.join(instanceFolder(name), 'state.json');

/** Where `ip netns` keeps a namespace. */
export const namespacePath = (namespace: string): string =>
	path.join('/run/netns', namespace);

/** Whether a text may name an instance: it becomes a folder. */
const instanceName = /^[a-z\d][a-z\d-]{0,40}$/;

/** A short random id that no instance has. */
export const newInstanceId = (): string => {
	const taken = new Set(readInstances().map((state) => state.id));
	for (;;) {
		const id = randomBytes(3).toString('hex').slice(0, 4);
		if (!taken.has(id)) {
			return id;
		}
	}
};

/** Claims the name of an instance and writes down all that it will own; fails when the name is taken. */
export const createState = async (state: InstanceState): Promise<void> => {
	if (!instanceName.test(state.name)) {
		throw new LabError(
			`"${state.name}" can not name an instance: use a-z, 0-9 and "-".`,
		);
	}

	const draft = path.join(runFolder, `.${state.name}.${state.id}.draft`);
	await mkdir(path.join(draft, 'processes'), {recursive: true, mode: 0o700});
	await writeFile(path.join(draft, 'state.json'), JSON.stringify(state));
	try {
		await rename(draft, instanceFolder(state.name));
	} catch {
		await rm(draft, {recursive: true, force: true});
		throw new LabError(
			`An instance "${state.name}" is there already: give another --name, or take it down first.`,
		);
	}
};

/** Replaces the state of an instance. */
export const writeState = async (state: InstanceState): Promise<void> => {
	const file = stateFile(state.name);
	await writeFile(`${file}.new`, JSON.stringify(state));
	await rename(`${file}.new`, file);
};

/** The state of one instance, if it is there. */
export const readState = (name: string): InstanceState | undefined => {
	try {
		return JSON.parse(readFileSync(stateFile(name), 'utf8')) as InstanceState;
	} catch {
		return undefined;
	}
};

/** All instances of this machine. */
export const readInstances = (): InstanceState[] => {
	try {
		return readdirSync(runFolder)
			.filter((name) => !name.startsWith('.'))
			.map((name) => readState(name))
			.filter((state) => state !== undefined);
	} catch {
		return [];
	}
};

/** The mark that a process of an instance left, if it got as far. */
export const readProcess = (
	instance: string,
	slot: string,
): ProcessMark | undefined => {
	try {
		const [pid, started] = readFileSync(
			path.join(instanceFolder(instance), 'processes', slot),
			'utf8',
		)
			.trim()
			.split(' ');
		return pid && started ? {pid: Number(pid), startTime: started} : undefined;
	} catch {
		return undefined;
	}
};

/** Whether nobody will finish or use this instance any more. */
export const isAbandoned = (state: InstanceState): boolean =>
	!(state.phase === 'up' && state.detached) && !isAlive(state.maker);

/** Our own mark, for `maker`. */
export const ourMark = (): ProcessMark => ({
	pid: process.pid,
	startTime: startTime(process.pid),
});

const removeControlGroup = async (folder: string): Promise<void> => {
	if (!existsSync(folder)) {
		return;
	}

	for (const entry of readdirSync(folder, {withFileTypes: true})) {
		if (entry.isDirectory()) {
			await removeControlGroup(path.join(folder, entry.name));
		}
	}

	// A killed process leaves its group a moment after it is gone from /proc.
	await waitFor(
		`${folder} is still in use`,
		async () => {
			try {
				await rmdir(folder);
				return true;
			} catch (error) {
				return (error as NodeJS.ErrnoException).code === 'ENOENT'
					? true
					: undefined;
			}
		},
		{timeoutMs: 5000, everyMs: 20},
	);
};

/** Takes away all that an instance owns, whatever state it is in. Safe to repeat. */
export const removeInstance = async (name: string): Promise<void> => {
	const state = readState(name);
	if (!state) {
		return;
	}

	const folder = instanceFolder(name);
	// From here on launch.sh starts nothing more; whoever it started before has left its mark.
	await writeFile(path.join(folder, 'stopping'), '');
	const slots = readdirSync(path.join(folder, 'processes')).filter(
		(slot) => !slot.endsWith('.new'),
	);
	const marks = new Map(slots.map((slot) => [slot, readProcess(name, slot)]));
	for (const [slot, mark] of marks) {
		if (mark && !state.selfEnding.includes(slot)) {
			killProcess(mark);
		}
	}

	const namespaces = state.namespaces.map((entry) => namespacePath(entry));
	await emptyNamespaces(namespaces);
	const until = performance.now() + 3000;
	await waitFor(
		`the processes of ${name} do not end`,
		() => {
			const left = [...marks.values()].filter(
				(mark) => mark !== undefined && isAlive(mark),
			);
			if (performance.now() > until) {
				for (const mark of left) {
					killProcess(mark!);
				}
			}

			return left.length === 0 ? true : undefined;
		},
		{timeoutMs: 15_000, everyMs: 20},
	);

	// What was just about to enter a namespace when the others there were killed.
	for (const group of state.controlGroups) {
		const kill = path.join(group, 'cgroup.kill');
		if (existsSync(kill)) {
			await writeFile(kill, '1');
		}
	}

	await emptyNamespaces(namespaces);
	for (const namespace of state.namespaces) {
		// systemd-nspawn keeps this under its machine's name; left when it was killed.
		await rm(path.join('/run/systemd/nspawn/propagate', namespace), {
			recursive: true,
			force: true,
		});
	}

	const there = state.namespaces.filter((namespace) =>
		existsSync(namespacePath(namespace)),
	);
	if (there.length > 0) {
		// One that somebody else has just deleted does not keep the others.
		await run(['ip', '-force', '-batch', '-'], {
			input: there.map((namespace) => `netns delete ${namespace}\n`).join(''),
		});
	}

	for (const group of state.controlGroups) {
		await removeControlGroup(group);
	}

	await rm(instanceData(name), {recursive: true, force: true});
	// The state goes last, and at once: a half-deleted folder would neither be an instance nor free its name.
	const gone = path.join(runFolder, `.${name}.${state.id}.gone`);
	await rename(folder, gone);
	await rm(gone, {recursive: true, force: true});
};

/** Folders of instances that were not yet, or are no more, when their process was killed. */
const removeRemains = async (): Promise<void> => {
	for (const folder of existsSync(runFolder) ? readdirSync(runFolder) : []) {
		const state = readState(folder);
		if (
			folder.endsWith('.gone') ||
			(folder.endsWith('.draft') && state && !isAlive(state.maker))
		) {
			await rm(path.join(runFolder, folder), {recursive: true, force: true});
		}
	}
};

/** Takes away what crashed runs left behind. */
export const removeAbandoned = async (): Promise<void> => {
	await removeRemains();
	for (const state of readInstances()) {
		if (isAbandoned(state)) {
			try {
				await removeInstance(state.name);
			} catch (error) {
				// Somebody else may be doing the same.
				if (readState(state.name)?.id === state.id) {
					throw error;
				}
			}
		}
	}
};
