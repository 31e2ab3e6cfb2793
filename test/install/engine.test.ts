import assert from 'node:assert/strict';
import {test} from 'node:test';
import {UserError, exitCodes} from '../../source/errors.js';
import {HostLost, ScriptFailed} from '../../source/host/errors.js';
import type {HostSource} from '../../source/install/host-pool.js';
import {parseManifest} from '../../source/install/manifest.js';
import type {ApplyResult} from '../../source/operations/operations.js';
import {caHash, forever, makeFakeCluster} from './fake-cluster.js';
import {planOf, startFakeRun} from './fake-run.js';

const names = ['fra1', 'nuc', 'nyc1'];

const assertOutcome = ({outcome}: ApplyResult, wanted: string) => {
	assert.equal(outcome, wanted);
};

/** Where in the order of events a step got into a state. */
const at = (
	run: ReturnType<typeof startFakeRun>,
	step: string,
	state: string,
) =>
	run.events.findIndex(
		(event) =>
			event.type === 'step' && event.step === step && event.state === state,
	);

test('a fresh cluster is installed: in order, proven, and everything changed', async () => {
	const fake = makeFakeCluster(names);
	const run = startFakeRun(fake);
	const result = await run.engine.run();
	assert.deepEqual(
		{
			outcome: result.outcome,
			changed: result.changed,
			failures: result.failures,
		},
		{outcome: 'good', changed: true, failures: []},
	);
	for (const step of planOf(names).nodes.flatMap(({steps}) => steps)) {
		assert.match(run.states().get(step.id)!, /^(?:un)?changed$/, step.id);
		for (const need of step.needs) {
			const done = Math.max(
				at(run, need, 'changed'),
				at(run, need, 'unchanged'),
			);
			assert.ok(done < at(run, step.id, 'running'), `${step.id} after ${need}`);
		}
	}

	const pairs = result.proofs.filter(({kind}) => kind === 'mesh-ping');
	assert.equal(pairs.length, 6);
	assert.ok(result.proofs.every(({ok}) => ok));
	assert.ok(fake.machines.get('fra1')!.calls.includes('verify.pods-down'));
	assert.equal(run.events.at(-1)?.type, 'run-ended');
});

test('agents get the full agent token that the first server runs with, and no event tells a token', async () => {
	const fake = makeFakeCluster(names);
	const run = startFakeRun(fake);
	await run.engine.run();
	const server = fake.machines.get('fra1')!.files.get('/config')!.content;
	const [, token, agentToken] =
		/^token: "(.+)"\nagent-token: "(.+)"\n$/.exec(server) ?? [];
	assert.ok(token && agentToken && token !== agentToken);
	assert.equal(
		fake.machines.get('nuc')!.files.get('/config')!.content,
		`token: "K10${caHash}::node:${agentToken}"\n`,
	);
	const told = JSON.stringify(run.events);
	assert.ok(!told.includes(token) && !told.includes(agentToken));
});

test('a second run changes nothing: no write, no restart, the manifest as it was', async () => {
	const fake = makeFakeCluster(names);
	await startFakeRun(fake).engine.run();
	const before = [...fake.machines.values()].map(
		({manifestWrites, restarts, manifest}) => ({
			manifestWrites,
			restarts,
			manifest,
		}),
	);
	const run = startFakeRun(fake);
	const result = await run.engine.run();
	assert.equal(result.changed, false);
	assert.deepEqual([...new Set(run.states().values())], ['unchanged']);
	assert.deepEqual(
		[...fake.machines.values()].map(({manifestWrites, restarts, manifest}) => ({
			manifestWrites,
			restarts,
			manifest,
		})),
		before,
	);
	const written = [...fake.machines.values()].filter(
		({calls}) => calls.lastIndexOf('files.write') > calls.length / 2,
	);
	assert.deepEqual(written, []);
	assert.match(
		(run.events.at(-1) as {message: string}).message,
		/nothing was changed/,
	);
});

test('the manifest lists a file before it is written', async () => {
	const fake = makeFakeCluster(['fra1']);
	fake.before = (node, script) => {
		if (script === 'files.write') {
			const listed = parseManifest(fake.machines.get(node)!.manifest!)!;
			assert.ok('/config' in listed.files);
		}
	};

	const result = await startFakeRun(fake).engine.run();
	assert.equal(result.outcome, 'good');
	const manifest = parseManifest(fake.machines.get('fra1')!.manifest!)!;
	assert.equal(manifest.cluster, 'home');
	assert.equal(manifest.k3s, 'v1.36.3+k3s1');
	assert.equal(manifest.appliedHash, fake.machines.get('fra1')!.appliedHash);
	assert.equal(manifest.firewall?.rules.length, 1);
});

test('killed after any call, the next run ends in the same good state', async () => {
	const whole = makeFakeCluster(names);
	let calls = 0;
	whole.before = () => {
		calls += 1;
	};

	await startFakeRun(whole).engine.run();
	for (let last = 1; last < calls; last += 3) {
		const fake = makeFakeCluster(names);
		let left = last;
		const killed = startFakeRun(fake);
		fake.before = () => {
			left -= 1;
			if (left < 0) {
				killed.stop.abort();
				throw new Error('killed');
			}
		};

		await killed.engine.run();
		const calledBefore = fake.machines.get('fra1')!.calls.length;
		fake.before = () => undefined;
		const result = await startFakeRun(fake).engine.run();
		assert.equal(result.outcome, 'good', `killed after call ${last}`);
		assert.ok(fake.machines.get('fra1')!.calls.length > calledBefore);
		const agentToken = /agent-token: "(.+)"/.exec(
			fake.machines.get('fra1')!.files.get('/config')!.content,
		)![1];
		for (const name of ['nuc', 'nyc1']) {
			assert.equal(
				fake.machines.get(name)!.files.get('/config')!.content,
				`token: "K10${caHash}::node:${agentToken}"\n`,
			);
		}
	}
});

test('a node that fails takes no other down, and its row says why', async () => {
	const fake = makeFakeCluster(names);
	fake.before = (node, script) => {
		if (node === 'nuc' && script === 'k3s.download') {
			throw new ScriptFailed('nuc', 'k3s.download', {
				code: 1,
				lastLines: ['no space left in /usr/local/bin'],
			});
		}
	};

	const run = startFakeRun(fake);
	const result = await run.engine.run();
	assert.equal(result.outcome, 'failed');
	assert.deepEqual(
		result.failures.map(({node, step, message}) => ({node, step, message})),
		[
			{
				node: 'nuc',
				step: 'nuc/download/download',
				message: 'no space left in /usr/local/bin',
			},
		],
	);
	assert.deepEqual(result.failures[0]!.tryNext, [
		'Free some space there, then try again.',
	]);
	const states = run.states();
	assert.equal(states.get('nuc/start/start'), 'skipped');
	assert.equal(states.get('nuc/verify/verify'), 'skipped');
	assert.equal(states.get('nyc1/verify/verify'), 'unchanged');
	assert.ok(
		result.proofs.some(({from, to}) => from === 'nyc1' && to === 'fra1'),
	);
	assert.ok(!result.proofs.some(({to}) => to === 'nuc'));
});

test('a first server that fails skips what joins it, not what can be done alone', async () => {
	const fake = makeFakeCluster(names);
	fake.before = (node, script) => {
		if (node === 'fra1' && script === 'k3s.install') {
			throw new UserError('broken');
		}
	};

	const run = startFakeRun(fake);
	await run.engine.run();
	const states = run.states();
	assert.equal(states.get('nuc/download/download'), 'changed');
	assert.equal(states.get('nuc/configure/write-file'), 'skipped');
	const skipped = run.events.find(
		(event) =>
			event.type === 'step' &&
			event.step === 'nuc/configure/write-file' &&
			event.state === 'skipped',
	);
	assert.match((skipped as {message: string}).message, /fra1/);
});

test('retry of a failed node does what is open, and verification again with it', async () => {
	const fake = makeFakeCluster(names);
	let broken = true;
	fake.before = (node, script) => {
		if (broken && node === 'nuc' && script === 'k3s.install') {
			throw new UserError('broken');
		}
	};

	const run = startFakeRun(fake);
	assertOutcome(await run.engine.run(), 'failed');
	broken = false;
	const downloads = fake.machines
		.get('nyc1')!
		.calls.filter((name) => name === 'k3s.download').length;
	assert.equal(run.engine.reset('nuc'), true);
	const result = await run.engine.run();
	assert.equal(result.outcome, 'good');
	assert.deepEqual(result.failures, []);
	assert.equal(
		fake.machines.get('nyc1')!.calls.filter((name) => name === 'k3s.download')
			.length,
		downloads,
	);
	for (const from of names) {
		for (const to of names.filter((name) => name !== from)) {
			assert.ok(
				result.proofs.some(
					(proof) =>
						proof.kind === 'pod-to-pod' &&
						proof.from === from &&
						proof.to === to,
				),
				`${from} → ${to}`,
			);
		}
	}
});

test('retry of the first server also does what was skipped because of it', async () => {
	const fake = makeFakeCluster(names);
	let broken = true;
	fake.before = (node, script) => {
		if (broken && node === 'fra1' && script === 'k3s.install') {
			throw new UserError('broken');
		}
	};

	const run = startFakeRun(fake);
	await run.engine.run();
	broken = false;
	run.engine.reset('fra1');
	assertOutcome(await run.engine.run(), 'good');
});

test('retry while others are still at work is taken up by the same run', async () => {
	const fake = makeFakeCluster(names);
	let broken = true;
	let goOn: () => void = () => undefined;
	const held = new Promise<void>((resolve) => {
		goOn = resolve;
	});
	fake.before = async (node, script) => {
		if (broken && node === 'nuc' && script === 'k3s.download') {
			throw new UserError('broken');
		}

		if (node === 'fra1' && script === 'k3s.install') {
			await held;
		}
	};

	const run = startFakeRun(fake);
	const running = run.engine.run();
	await run.until((event) => event.type === 'step' && event.state === 'failed');
	broken = false;
	run.engine.reset('nuc');
	goOn();
	assertOutcome(await running, 'good');
});

test('stopped, a run ends at once and says so', async () => {
	const fake = makeFakeCluster(names);
	fake.before = async (node, script, options) => {
		if (node === 'nuc' && script === 'k3s.download') {
			await forever(options);
		}
	};

	const run = startFakeRun(fake);
	const running = run.engine.run();
	await run.until(
		(event) =>
			event.type === 'step' &&
			event.step === 'nuc/download/download' &&
			event.state === 'running',
	);
	run.stop.abort();
	const result = await running;
	assert.equal(result.outcome, 'stopped');
	assert.deepEqual(result.failures, []);
	assert.ok(
		![...run.states().values()].some(
			(state) => state === 'running' || state === 'waiting',
		),
	);
	const cut = run.events.findLast(
		(event) => event.type === 'step' && event.step === 'nuc/download/download',
	);
	assert.ok(cut?.type === 'step');
	assert.equal(cut.message, 'cut off: how far it came is not known');
	const ended = run.events.at(-1);
	assert.ok(ended?.type === 'run-ended');
	const nuc = ended.nodes.find(({node}) => node === 'nuc')!;
	assert.equal(nuc.state, 'partly');
	assert.equal(
		nuc.text,
		'cut off in "download on nuc", and how far that came is not known; before it: K3s was not installed by this run',
	);
	assert.match(nuc.next, /goes on with "download on nuc"$/);
});

test('stopped in good order, what is under way ends, what waits is cut, and each node is told of', async () => {
	const fake = makeFakeCluster(names);
	let goOn: () => void = () => undefined;
	const held = new Promise<void>((resolve) => {
		goOn = resolve;
	});
	fake.before = async (node, script) => {
		if (node === 'nuc' && script === 'k3s.download') {
			await held;
		}

		if (node === 'nyc1' && script === 'firewall.apply') {
			await held;
		}
	};

	const run = startFakeRun(fake);
	const running = run.engine.run();
	await run.until(
		(event) =>
			event.type === 'step' &&
			event.step === 'nuc/download/download' &&
			event.state === 'running',
	);
	await run.until(
		(event) =>
			event.type === 'step' &&
			event.step === 'fra1/ready/await-ready' &&
			event.state === 'unchanged',
	);
	run.ending.abort();
	const stopping = run.events.find(({type}) => type === 'stopping');
	assert.ok(stopping?.type === 'stopping');
	assert.deepEqual(
		stopping.steps.map(({step}) => step),
		['nuc/download/download', 'nyc1/prepare/firewall'],
	);
	goOn();
	const result = await running;
	assertOutcome(result, 'stopped');
	const states = run.states();
	assert.equal(states.get('nuc/download/download'), 'changed');
	assert.equal(states.get('nuc/configure/write-file'), 'skipped');
	const ended = run.events.at(-1);
	assert.ok(ended?.type === 'run-ended');
	assert.deepEqual(
		ended.nodes.map(({node, state}) => [node, state]),
		[
			['fra1', 'partly'],
			['nuc', 'partly'],
			['nyc1', 'partly'],
		],
	);
	assert.match(ended.nodes[1]!.text, /^stopped before "write-file on nuc"/);
	assert.match(ended.nodes[1]!.next, /goes on with "write-file on nuc"$/);
	assert.equal(fake.machines.get('nuc')!.binary, 'v1.36.3+k3s1');
});

test('nothing of what was done is taken back when a run fails, and each node is told of', async () => {
	const fake = makeFakeCluster(names);
	fake.before = (node, script) => {
		if (node === 'nuc' && script === 'k3s.install') {
			throw new UserError('broken');
		}
	};

	const run = startFakeRun(fake);
	await run.engine.run();
	const nuc = fake.machines.get('nuc')!;
	assert.equal(nuc.binary, 'v1.36.3+k3s1');
	assert.ok(nuc.files.has('/config'));
	assert.equal(nuc.firewall.size, 1);
	const ended = run.events.at(-1);
	assert.ok(ended?.type === 'run-ended');
	assert.match(ended.message, /Nothing is taken back/);
	assert.deepEqual(
		ended.nodes.map(({node, state}) => [node, state]),
		[
			['fra1', 'done'],
			['nuc', 'failed'],
			['nyc1', 'done'],
		],
	);
	assert.equal(
		ended.nodes[1]!.text,
		'failed at "install on nuc": broken; K3s is downloaded there, not installed by this run',
	);
});

test('while the lock cannot be relied on nothing new is begun', async () => {
	const fake = makeFakeCluster(names);
	const run = startFakeRun(fake);
	run.confirm(false);
	const running = run.engine.run();
	run.confirm(false);
	assert.ok(![...run.states().values()].includes('running'));
	assert.equal(fake.machines.get('fra1')!.calls.length, 0);
	run.confirm(true);
	assertOutcome(await running, 'good');
});

test('a lost lock cuts the run, once, and another run of it goes on later', async () => {
	const fake = makeFakeCluster(names);
	fake.before = async (node, script, options) => {
		if (node === 'nuc' && script === 'k3s.download') {
			await forever(options);
		}
	};

	const run = startFakeRun(fake);
	const running = run.engine.run();
	await run.until(
		(event) =>
			event.type === 'step' &&
			event.step === 'nuc/download/download' &&
			event.state === 'running',
	);
	run.lost.abort(new UserError('Another run has taken this cluster over.'));
	const result = await running;
	assertOutcome(result, 'failed');
	assert.match(result.failures[0]!.message, /taken this cluster over/);
	assert.equal(run.events.filter(({type}) => type === 'run-ended').length, 1);
});

test('no more nodes are worked on at once than wanted', async () => {
	const many = Array.from({length: 8}, (_, index) => `n${index}`);
	const fake = makeFakeCluster(many);
	const run = startFakeRun(fake, {concurrency: 3});
	let running = 0;
	let most = 0;
	assertOutcome(await run.engine.run(), 'good');
	for (const event of run.events) {
		if (event.type === 'step') {
			running += event.state === 'running' ? 1 : -1;
			most = Math.max(most, running);
		}
	}

	assert.equal(most, 3);
});

test('a lost connection is made again, and the step goes on', async () => {
	const fake = makeFakeCluster(names);
	let losses = 2;
	fake.before = (node, script) => {
		if (node === 'nuc' && script === 'k3s.download' && losses > 0) {
			losses -= 1;
			throw new HostLost('nuc', 'connection reset');
		}
	};

	const result = await startFakeRun(fake).engine.run();
	assert.equal(result.outcome, 'good');
	assert.equal(fake.connections.get('nuc'), 3);
});

test('a connection that stays lost fails that node only', async () => {
	const fake = makeFakeCluster(names);
	fake.before = (node, script) => {
		if (node === 'nuc' && script === 'k3s.download') {
			throw new HostLost('nuc', 'connection reset');
		}
	};

	const run = startFakeRun(fake);
	const result = await run.engine.run();
	assert.deepEqual(
		result.failures.map(({node}) => node),
		['nuc'],
	);
	assert.equal(run.states().get('nyc1/ready/await-ready'), 'unchanged');
});

/** A cluster whose machine nuc loses its connection in a download, and then cannot be reached `times` times. */
const bootsIn = (times: number) => {
	const fake = makeFakeCluster(names);
	let lost = false;
	let refused = 0;
	fake.before = (node, script) => {
		if (node === 'nuc' && script === 'k3s.download' && !lost) {
			lost = true;
			throw new HostLost('nuc', 'it was closed');
		}
	};

	const {reopen} = fake.source;
	const source: HostSource = {
		...fake.source,
		async reopen(node) {
			if (refused < times) {
				refused += 1;
				throw new UserError('198.51.100.3 refuses connections on port 22.', {
					exitCode: exitCodes.unreachable,
				});
			}

			return reopen(node);
		},
	};
	return {...fake, source};
};

test('a machine that boots in the middle of a step is waited for', async () => {
	const run = startFakeRun(bootsIn(3));
	const result = await run.engine.run();
	assert.equal(result.outcome, 'good');
	assert.ok(
		run.events.some(
			(event) =>
				event.type === 'now' &&
				event.waiting &&
				event.node === 'nuc' &&
				event.text ===
					'waits for nuc to answer again: 198.51.100.3 refuses connections on port 22',
		),
	);
});

/** A cluster whose server is lost when the second machine asks it for a token, and then cannot be reached `times` times. */
const serverBootsIn = (times: number) => {
	const fake = makeFakeCluster(names);
	let lost = false;
	let refused = 0;
	fake.before = (node, script) => {
		const {active, calls} = fake.machines.get('fra1')!;
		// Its own step asks for them right after a ping.
		const isForOther = active && calls.at(-2) !== 'k3s.ping';
		if (node === 'fra1' && script === 'k3s.tokens' && isForOther && !lost) {
			lost = true;
			throw new HostLost('fra1', 'it was closed');
		}
	};

	const {reopen} = fake.source;
	const source: HostSource = {
		...fake.source,
		async reopen(node) {
			if (node === 'fra1' && refused < times) {
				refused += 1;
				throw new UserError('198.51.100.1 refuses connections on port 22.', {
					node,
					exitCode: exitCodes.unreachable,
				});
			}

			return reopen(node);
		},
	};
	return {...fake, source};
};

test('a server that boots while another machine asks it something is waited for', async () => {
	const run = startFakeRun(serverBootsIn(5));
	const result = await run.engine.run();
	assert.equal(result.outcome, 'good', JSON.stringify(result.failures));
	assert.ok(
		run.events.some(
			(event) =>
				event.type === 'now' &&
				event.waiting &&
				event.text.startsWith('waits for fra1 to answer again: 198.51.100.1'),
		),
	);
});

test('a server that does not come back fails who needs it with its name', async () => {
	const run = startFakeRun(serverBootsIn(Number.POSITIVE_INFINITY), {
		waitLimitMs: 200,
	});
	const {failures} = await run.engine.run();
	assert.ok(failures.length > 0);
	for (const {message} of failures) {
		assert.match(
			message,
			/^The connection to fra1 was lost, and it cannot be reached again/,
		);
	}
});

test('a machine that does not come back fails by the deadline, once, with what was lost and what to do', async () => {
	const run = startFakeRun(bootsIn(Number.POSITIVE_INFINITY), {
		waitLimitMs: 500,
	});
	const {failures} = await run.engine.run();
	const lost =
		'The connection to nuc was lost, and it cannot be reached again: 198.51.100.3 refuses connections on port 22';
	assert.deepEqual(
		failures.map(({node, message}) => [node, message]),
		[
			['nuc', `${lost} (given up after 1 s)`],
			// A step that needs no other of that node: it does not wait once more.
			['nuc', lost],
		],
	);
	assert.match(failures[0]!.tryNext.join(' '), /runs and has its network/);
});

test('progress and output of a long step are told', async () => {
	const run = startFakeRun(makeFakeCluster(['fra1']));
	await run.engine.run();
	assert.ok(
		run.events.some(
			(event) =>
				event.type === 'progress' &&
				event.doneBytes === 5 &&
				event.totalBytes === 10,
		),
	);
	assert.ok(
		run.events.some(
			(event) =>
				event.type === 'log' && event.line.includes('Creating service file'),
		),
	);
});
