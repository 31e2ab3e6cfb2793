import assert from 'node:assert/strict';
import {test} from 'node:test';
import type {InstallEvent} from '../../source/install/events.js';
import {
	emptyInstallState,
	foldInstall,
	logTailLines,
	type InstallState,
} from '../../source/install/state.js';

const started: InstallEvent = {
	type: 'run-started',
	at: 1000,
	runId: 'r1',
	purpose: 'apply',
	cluster: 'home',
	version: 'v1.36.3+k3s1',
	nodes: [
		{
			name: 'fra1',
			role: 'server',
			steps: [
				{id: 'f/get', stage: 'download', title: 'download K3s'},
				{id: 'f/file', stage: 'configure', title: 'write config'},
				{id: 'f/install', stage: 'configure', title: 'run install.sh'},
				{id: 'f/verify', stage: 'verify', title: 'prove'},
			],
		},
		{name: 'nuc', role: 'agent', steps: []},
	],
};

const step = (
	id: string,
	state: Extract<InstallEvent, {type: 'step'}>['state'],
	at: number,
	more: {message?: string; tryNext?: string[]} = {},
): InstallEvent => ({
	type: 'step',
	at,
	node: 'fra1',
	step: id,
	stage:
		id === 'f/get' ? 'download' : id === 'f/verify' ? 'verify' : 'configure',
	state,
	...more,
});

const fold = (...events: readonly InstallEvent[]): InstallState => {
	let state = emptyInstallState;
	for (const event of [started, ...events]) {
		state = foldInstall(state, event);
	}

	return state;
};

const fra1 = (state: InstallState) => state.nodes.get('fra1')!;

test('a run begins with every step waiting; columns without steps are empty', () => {
	const state = fold();
	assert.equal(state.startedAt, 1000);
	assert.equal(fra1(state).stages.download, 'waiting');
	assert.equal(fra1(state).stages.prepare, 'none');
	assert.equal(fra1(state).stages.reach, 'unchanged');
	assert.equal(fra1(state).state, 'waiting');
	assert.deepEqual([...state.nodes.keys()], ['fra1', 'nuc']);
});

test('a column speaks for all its steps', () => {
	const half = fold(step('f/file', 'unchanged', 1100));
	assert.equal(fra1(half).stages.configure, 'running');
	assert.equal(
		fra1(fold(step('f/file', 'unchanged', 1), step('f/install', 'changed', 2)))
			.stages.configure,
		'changed',
	);
	assert.equal(
		fra1(
			fold(step('f/file', 'unchanged', 1), step('f/install', 'unchanged', 2)),
		).stages.configure,
		'unchanged',
	);
	assert.equal(
		fra1(fold(step('f/file', 'changed', 1), step('f/install', 'failed', 2)))
			.stages.configure,
		'failed',
	);
});

test('elapsed time runs from the first step to the last end', () => {
	const node = fra1(
		fold(
			step('f/get', 'running', 2000),
			step('f/get', 'changed', 5000),
			step('f/file', 'running', 6000),
		),
	);
	assert.equal(node.startedAt, 2000);
	assert.equal(node.endedAt, undefined);
	assert.equal(
		fra1(fold(step('f/get', 'running', 2000), step('f/get', 'changed', 5000)))
			.endedAt,
		5000,
	);
});

test('a failure stays readable until its step runs again', () => {
	const failed = fold(
		step('f/get', 'running', 1),
		step('f/get', 'failed', 2, {
			message: 'no space left',
			tryNext: ['Free some.'],
		}),
		step('f/file', 'skipped', 3),
	);
	assert.deepEqual(fra1(failed).failure, {
		step: 'f/get',
		stage: 'download',
		message: 'no space left',
		tryNext: ['Free some.'],
	});
	assert.equal(fra1(failed).state, 'failed');
	const again = foldInstall(failed, step('f/get', 'running', 4));
	assert.equal(fra1(again).failure, undefined);
	assert.equal(fra1(again).endedAt, undefined);
});

test('what a node does now, and how far, ends with its step', () => {
	const running = fold(
		step('f/get', 'running', 1),
		{
			type: 'progress',
			at: 2,
			node: 'fra1',
			step: 'f/get',
			doneBytes: 5,
			totalBytes: 10,
		},
		{
			type: 'now',
			at: 3,
			node: 'fra1',
			text: 'waits',
			waiting: true,
			deadlineAt: 99,
		},
	);
	assert.deepEqual(fra1(running).progress, {doneBytes: 5, totalBytes: 10});
	assert.equal(fra1(running).now, 'waits');
	assert.equal(fra1(running).deadlineAt, 99);
	const ended = fra1(foldInstall(running, step('f/get', 'changed', 4)));
	assert.deepEqual(
		[ended.progress, ended.now, ended.waiting, ended.deadlineAt],
		[undefined, '', false, undefined],
	);
});

test('a step that begins is a line of the log, so that no log is empty while its node works', () => {
	assert.deepEqual(
		fra1(fold(step('f/get', 'waiting', 1), step('f/get', 'running', 2))).log,
		['▸ download K3s'],
	);
});

test('what a node waits for is a line of the log once, and again when it is something else', () => {
	const waits = (text: string, at: number) =>
		({type: 'now', at, node: 'fra1', text, waiting: true}) as const;
	const {log} = fra1(
		fold(
			step('f/get', 'running', 1),
			waits('until it is approved', 2),
			waits('until it is approved', 3),
			{type: 'now', at: 4, node: 'fra1', text: 'asks', waiting: false},
			waits('until it is approved', 5),
			waits('for a friend', 6),
		),
	);
	assert.deepEqual(log, [
		'▸ download K3s',
		'▲ until it is approved',
		'▲ until it is approved',
		'▲ for a friend',
	]);
});

test('the log keeps its newest lines only', () => {
	let state = fold();
	for (let index = 0; index < logTailLines + 7; index += 1) {
		state = foldInstall(state, {
			type: 'log',
			at: index,
			node: 'fra1',
			line: `line ${index}`,
		});
	}

	assert.equal(fra1(state).log.length, logTailLines);
	assert.equal(fra1(state).log[0], 'line 7');
});

test('proofs of a node are replaced when it is verified again, and an ended run opens again', () => {
	const proof = (from: string, ok: boolean): InstallEvent => ({
		type: 'proof',
		at: 1,
		proof: {kind: 'mesh-ping', from, to: 'x', ok, detail: ''},
	});
	const ended = fold(proof('fra1', false), proof('nuc', true), {
		type: 'run-ended',
		at: 9,
		outcome: 'failed',
		changed: true,
		message: 'no',
		nodes: [],
	});
	assert.equal(ended.outcome, 'failed');
	assert.equal(ended.endedAt, 9);
	const again = foldInstall(ended, step('f/verify', 'running', 10));
	assert.equal(again.outcome, undefined);
	assert.equal(again.endedAt, undefined);
	assert.deepEqual(
		again.proofs.map(({from}) => from),
		['nuc'],
	);
});

test('the fold changes nothing in place', () => {
	const before = fold();
	const copy = structuredClone([...before.nodes]);
	foldInstall(before, step('f/get', 'running', 5));
	assert.deepEqual([...before.nodes], copy);
});

test('events of a node that is not in the run are passed over', () => {
	const state = fold();
	assert.equal(
		foldInstall(state, {type: 'log', at: 1, node: 'ghost', line: 'x'}),
		state,
	);
});
