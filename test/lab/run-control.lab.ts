/** Two runs on one cluster, a lock that is broken, and a stop half-way: real programs against real hosts. */
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {cpSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'node:test';
import {
	assertCode,
	program,
	stageFor,
	type Outcome,
	type Stage,
} from './support.js';
import type {LabNode} from './index.js';

/** Bytes in a second: a download of the lab's K3s takes about a minute then. */
const slowly = 200_000;

/** An apply that goes on while the test does other things. */
const startApply = (stage: Stage, ...words: readonly string[]) => {
	const child = stage.lab.client.spawn(
		[
			process.execPath,
			program,
			'apply',
			stage.clusterPath,
			'--yes',
			'--kubeconfig',
			stage.kubeconfigPath,
			...words,
		],
		{env: stage.env, stdio: ['ignore', 'pipe', 'pipe']},
	);
	let output = '';
	const append = (chunk: string) => {
		output += chunk;
	};

	for (const stream of [child.stdout!, child.stderr!]) {
		stream.setEncoding('utf8');
		stream.on('data', append);
	}

	const exited = once(child, 'close') as Promise<[number | null]>;
	return {
		output: () => output,
		signal(name: NodeJS.Signals) {
			child.kill(name);
		},
		async exitCode() {
			const [code] = await exited;
			return code;
		},
		/** Waits until what it has said matches. */
		async says(pattern: RegExp) {
			while (!pattern.test(output)) {
				assert.equal(child.exitCode, null, `It ended before:\n${output}`);
				const heard = new AbortController();
				const {signal} = heard;
				try {
					await Promise.race([
						once(child.stdout!, 'data', {signal}),
						once(child.stderr!, 'data', {signal}),
						exited,
					]);
				} finally {
					heard.abort();
				}
			}
		},
	};
};

test('a run that is at work is named, its lock can be broken, and it notices', async (t) => {
	const stage = await stageFor('lan3', {name: 'two-runs'});
	t.after(stage.down);
	const first = startApply(stage);
	t.after(() => {
		first.signal('SIGKILL');
	});
	await first.says(/◌ /);
	// It stands still, as on a laptop that sleeps; its lock stays.
	first.signal('SIGSTOP');

	const second = await stage.apply('--break-lock');
	assertCode(second, 0);
	assert.match(
		second.stderr,
		/The lock of this cluster is held by \S+ on \S+ \(process \d+\), for \d+ s, last sign of life \d+ s ago/,
	);

	first.signal('SIGCONT');
	assert.equal(await first.exitCode(), 1, first.output());
	assert.match(first.output(), /Another run has taken this cluster over/);
	assertCode(await stage.apply(), 0);
});

/** An apply of the same cluster file from a second person's machine, with a home of its own. */
const applyElsewhere = async (
	{lab, folder, clusterPath, env}: Stage,
	...words: readonly string[]
): Promise<Outcome> => {
	const home = path.join(folder, 'home2');
	cpSync(path.join(lab.home, '.ssh'), path.join(home, '.ssh'), {
		recursive: true,
	});
	return lab.otherClient.exec(
		[
			process.execPath,
			program,
			'apply',
			clusterPath,
			'--yes',
			'--kubeconfig',
			path.join(home, 'kubeconfig'),
			...words,
		],
		{
			env: {
				...env,
				HOME: home,
				XDG_CONFIG_HOME: path.join(home, '.config'),
				XDG_STATE_HOME: path.join(home, '.local/state'),
			},
			timeoutMs: 420_000,
		},
	);
};

test('a run on another machine is refused while one is at work, can break its lock, and is noticed', async (t) => {
	const stage = await stageFor('lan3', {name: 'two-machines'});
	t.after(stage.down);
	await stage.lab.mirror.control({bytesPerSecond: slowly});
	const first = startApply(stage);
	t.after(() => {
		first.signal('SIGKILL');
	});
	await first.says(/◌ .*download/i);

	const refused = await applyElsewhere(stage);
	assertCode(refused, 1);
	assert.match(
		refused.stderr,
		/Another run is at work on this cluster: \S+ on \S+ \(process \d+\), for \d+ s, last sign of life \d+ s ago/,
	);
	assert.match(refused.stderr, /--break-lock/);

	await stage.lab.mirror.control({});
	const second = await applyElsewhere(stage, '--break-lock');
	assertCode(second, 0);
	assert.match(second.stderr, /gives the other run time to notice/);
	assert.equal(await first.exitCode(), 1, first.output());
	assert.match(first.output(), /Another run has taken this cluster over/);
	assertCode(await stage.apply(), 0);
});

test('the lock of a machine that is gone is waited for by another one, and taken when it is stale', async (t) => {
	const stage = await stageFor('lan3', {name: 'gone'});
	t.after(stage.down);
	const first = startApply(stage);
	await first.says(/◌ .*download/i);
	first.signal('SIGKILL');
	await first.exitCode();

	const second = await applyElsewhere(stage);
	assertCode(second, 0);
	// The process that held it has ended, and only its own machine can see that.
	assert.match(
		second.stderr,
		/waits for the run of \S+ on \S+ \(process \d+\), which has not been heard of for \d+ s \(given up at 45 s\)/,
	);
	assertCode(await stage.apply(), 0);
});

test('two runs at once: one does the work, the other says who is at it', async (t) => {
	const stage = await stageFor('lan3', {name: 'at-once'});
	t.after(stage.down);
	const runs = [startApply(stage), startApply(stage)];
	t.after(() => {
		for (const run of runs) {
			run.signal('SIGKILL');
		}
	});
	const codes = await Promise.all(runs.map(async (run) => run.exitCode()));
	const refused = runs.filter(({output}) =>
		output().includes('Another run is at work on this cluster'),
	);
	// Either the second came in time to be refused, or it began when the first had ended and found all done.
	assert.equal(
		codes.filter((code) => code === 1).length,
		refused.length,
		runs.map(({output}) => output()).join('\n'),
	);
	assert.ok(codes.includes(0));
	for (const node of stage.lab.nodes) {
		const {stdout} = await node.exec(
			'cat /var/log/k3s-double-install.log 2>/dev/null || true',
		);
		assert.doesNotMatch(stdout, /^refused /m, `${node.name}: ${stdout}`);
	}
});

test('stopped once, it ends what is under way and tells what each node is like; the next run goes on', async (t) => {
	const stage = await stageFor('lan3', {name: 'stopped'});
	t.after(stage.down);
	const stopped = startApply(stage);
	await stopped.says(/◌ .*download/i);
	stopped.signal('SIGINT');
	assert.equal(await stopped.exitCode(), 130, stopped.output());
	assert.match(stopped.output(), /Stopping/);
	assert.match(stopped.output(), /Nothing is taken back/);
	for (const {name} of stage.lab.nodes) {
		assert.match(
			stopped.output(),
			new RegExp(String.raw`[▲◌] ${name} +.*\n +The next run looks at`),
		);
	}

	assert.match(stopped.output(), /Log of this run: /);
	const after = await stage.apply();
	assertCode(after, 0);
	assert.doesNotMatch(after.stderr, /Another run|given up at/);
});

test('stopped twice, it ends at once and tells what each node is like; the next run goes on', async (t) => {
	const stage = await stageFor('lan3', {name: 'stopped-twice'});
	t.after(stage.down);
	await stage.lab.mirror.control({bytesPerSecond: 2 * slowly});
	const stopped = startApply(stage);
	t.after(() => {
		stopped.signal('SIGKILL');
	});
	await stopped.says(/ downloaded /);
	stopped.signal('SIGINT');
	await stopped.says(
		/Stopping as soon as these have ended; Ctrl-C again stops at once:\n(?: .*\n)+/,
	);
	// A person's second Ctrl-C comes later than an echo of the first: a tenth of the download takes long enough.
	const [{name}] = stage.lab.nodes as [LabNode];
	await stopped.says(new RegExp(`Stopping[^]*(?:${name} +downloaded[^]*){2}`));
	stopped.signal('SIGINT');
	assert.equal(await stopped.exitCode(), 130, stopped.output());
	// The download goes on for a while, and nobody waited for it.
	assert.doesNotMatch(stopped.output(), /downloaded 100 %/);
	assert.match(stopped.output(), /Nothing is taken back/);
	for (const node of stage.lab.nodes) {
		assert.match(
			stopped.output(),
			new RegExp(
				String.raw`▲ ${node.name} +cut off in "download .*", and how far that came is not known; .*\n +The next run looks at`,
			),
		);
	}

	assert.match(stopped.output(), /Log of this run: /);
	await stage.lab.mirror.control({});
	const after = await stage.apply();
	assertCode(after, 0);
	assert.doesNotMatch(after.stderr, /Another run|given up at/);
});
