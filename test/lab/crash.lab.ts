import assert from 'node:assert/strict';
import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'node:test';
import {fileURLToPath} from 'node:url';
import {instanceData, instanceFolder, runFolder} from './folders.js';
import {isAlive, processesIn, startTime} from './processes.js';
import {
	namespacePath,
	readProcess,
	readState,
	type InstanceState,
} from './state.js';
import {down, list, up, waitFor} from './index.js';

const maker = fileURLToPath(new URL('make-lab.ts', import.meta.url));

/** A process that brings a lab up and then holds it. */
const startMaker = (name: string): ChildProcess =>
	spawn(process.execPath, ['--import', 'tsx', maker, 'two-sites', name], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});

/** All that is left of an instance on this machine, in words. */
const remains = (state: InstanceState): string[] => {
	const found: string[] = [];
	const marks = [
		`kml-${state.id}-`,
		instanceFolder(state.name),
		instanceData(state.name),
	];
	const mentions = (text: string) => marks.some((mark) => text.includes(mark));
	for (const namespace of state.namespaces) {
		if (existsSync(namespacePath(namespace))) {
			found.push(`namespace ${namespace}`);
		}
	}

	for (const pid of readdirSync('/proc').map(Number).filter(Boolean)) {
		// The dead may wait a moment for their parent.
		if (!isAlive({pid, startTime: startTime(pid)})) {
			continue;
		}

		for (const file of ['cmdline', 'environ', 'cgroup', 'mounts']) {
			try {
				const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
				if (mentions(text)) {
					found.push(`process ${pid} by its ${file}`);
				}
			} catch {
				// It ended while we looked.
			}
		}
	}

	for (const group of state.controlGroups) {
		if (existsSync(group)) {
			found.push(`control group ${group}`);
		}
	}

	for (const folder of [instanceFolder(state.name), instanceData(state.name)]) {
		if (existsSync(folder)) {
			found.push(folder);
		}
	}

	const {name} = state;
	for (const entry of existsSync(runFolder) ? readdirSync(runFolder) : []) {
		if (entry.startsWith(`.${name}.`)) {
			found.push(path.join(runFolder, entry));
		}
	}

	for (const folder of [
		'/run/systemd/nspawn/propagate',
		'/run/systemd/machines',
	]) {
		for (const entry of existsSync(folder) ? readdirSync(folder) : []) {
			if (mentions(`${entry}-`)) {
				found.push(path.join(folder, entry));
			}
		}
	}

	return found;
};

test('down leaves nothing, and touches no other lab', async () => {
	const first = await up({topology: 'lan3'});
	const second = await up({topology: 'lan3'});
	const firstState = readState(first.name)!;
	const secondState = readState(second.name)!;
	try {
		assert.notDeepEqual(remains(firstState), []);
		// The same addresses in both, and yet two networks.
		await first.nodes[0]!.exec('echo first >/root/which');
		const {stdout} = await second.nodes[0]!.exec('ls /root/which');
		assert.equal(stdout, '');

		const child = first.client.spawn(['sleep', '1000']);
		await once(child, 'spawn');
		const ended = once(child, 'exit');
		await first.down();
		assert.deepEqual(remains(firstState), []);
		await ended;

		const {stdout: alive} = await second.nodes[0]!.exec(['uname', '-n']);
		assert.equal(alive, 'fra1\n');
	} finally {
		await first.down();
		await second.down();
	}

	assert.deepEqual(remains(secondState), []);
	await first.down();
});

/** Moments in the life of an `up`, each known by what can be seen from outside. */
const moments: ReadonlyArray<
	readonly [string, (state: InstanceState, output: string) => boolean]
> = [
	['the state is written', () => true],
	[
		'the first namespace is there',
		(state) => state.namespaces.some((name) => existsSync(namespacePath(name))),
	],
	[
		'the first host is started',
		(state) =>
			state.topology.hosts.some((host) => readProcess(state.name, host.name)),
	],
	[
		'the last host boots',
		(state) =>
			readProcess(state.name, `${state.topology.hosts.at(-1)!.name}-nspawn`) !==
			undefined,
	],
	['all is up', (_, output) => output.includes('up')],
];

for (const [number, [moment, reached]] of moments.entries()) {
	test(`a maker that is killed when ${moment} leaves only what the next one takes away`, async () => {
		const name = `crash-${process.pid}-${number}`;
		const child = startMaker(name);
		let output = '';
		child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
			output += chunk;
		});
		const state = await waitFor(
			`${name}: ${moment}`,
			() => {
				const found = readState(name);
				assert.equal(child.exitCode, null, 'the maker ended by itself');
				return found && reached(found, output) ? found : undefined;
			},
			{timeoutMs: 120_000, everyMs: 1},
		);
		child.kill('SIGKILL');
		await once(child, 'exit');
		assert.equal(
			list().find((instance) => instance.name === name)?.state,
			'abandoned',
		);

		if (number % 2 === 0) {
			await down(name);
		} else {
			// The same name again: what was left goes first.
			const next = await up({topology: 'lan3', name});
			assert.deepEqual(
				state.namespaces.filter((entry) => existsSync(namespacePath(entry))),
				[],
			);
			await next.down();
		}

		assert.deepEqual(remains(state), []);
		assert.equal(readState(name), undefined);
	});
}

test('whatever is killed inside a lab, down leaves nothing', async () => {
	const lab = await up({topology: 'lan3'});
	const state = readState(lab.name)!;
	const [first, second, third] = state.topology.hosts;
	const marks = [first!.name, `${second!.name}-nspawn`].map((slot) =>
		readProcess(lab.name, slot)!,
	);
	process.kill(marks[0]!.pid, 'SIGKILL');
	process.kill(marks[1]!.pid, 'SIGKILL');
	process.kill(lab.node(third!.name).pid(), 'SIGKILL');
	await waitFor(
		'a killed process lives on',
		() => (marks.some((mark) => isAlive(mark)) ? undefined : true),
		{timeoutMs: 10_000},
	);
	await lab.down();
	assert.deepEqual(remains(state), []);
	assert.deepEqual(
		processesIn(state.namespaces.map((name) => namespacePath(name))),
		[],
	);
});

test('an up that is aborted leaves nothing, and a taken name is refused', async () => {
	const controller = new AbortController();
	const name = `aborted-${process.pid}`;
	const attempt = up({topology: 'lan3', name, signal: controller.signal});
	const state = await waitFor('no state', () => readState(name), {
		timeoutMs: 60_000,
		everyMs: 1,
	});
	await assert.rejects(up({topology: 'lan3', name}), /is there already/);
	controller.abort();
	await assert.rejects(attempt);
	assert.deepEqual(remains(state), []);
	await assert.rejects(up({topology: 'nowhere'}), /There is no topology/);
});
