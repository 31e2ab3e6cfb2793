import assert from 'node:assert/strict';
import test from 'node:test';
import {plainProgress} from '../../source/commands/plain-progress.js';
import type {InstallEvent} from '../../source/install/events.js';

const at = Date.parse('2026-11-20T12:00:00');
const started: InstallEvent = {
	type: 'run-started',
	at,
	runId: 'r1',
	purpose: 'apply',
	cluster: 'home',
	version: 'v1.36.3+k3s1',
	nodes: [
		{
			name: 'fra1',
			role: 'server',
			steps: [{id: 'fra1/download', stage: 'download', title: 'download K3s'}],
		},
		{name: 'nuc', role: 'agent', steps: []},
	],
};

test('a step says what it does and how it ended', () => {
	const lines = plainProgress({verbose: false});
	assert.deepEqual(lines(started), [
		'Installing home with K3s v1.36.3+k3s1 on 2 nodes',
	]);
	const step = {
		type: 'step',
		at,
		node: 'fra1',
		step: 'fra1/download',
		stage: 'download',
	} as const;
	assert.deepEqual(lines({...step, state: 'waiting'}), []);
	assert.deepEqual(lines({...step, state: 'running'}), [
		'12:00:00 fra1  ◌ download K3s',
	]);
	assert.deepEqual(
		lines({
			...step,
			state: 'failed',
			message: 'no space left in /usr/local/bin',
			tryNext: ['Free 80 MB there.'],
		}),
		[
			'12:00:00 fra1  ✖ failed: download K3s: no space left in /usr/local/bin',
			'12:00:00 fra1      Free 80 MB there.',
		],
	);
});

test('a wait is said once, a download at each tenth', () => {
	const lines = plainProgress({verbose: false});
	lines(started);
	const now = {
		type: 'now',
		at,
		node: 'nuc',
		text: 'waits for 198.51.100.11:6443',
		waiting: true,
	} as const;
	assert.equal(lines(now).length, 1);
	assert.equal(lines(now).length, 0);
	const progress = {
		type: 'progress',
		at,
		node: 'fra1',
		step: 'fra1/download',
		totalBytes: 100,
	} as const;
	assert.deepEqual(lines({...progress, doneBytes: 11}), [
		'12:00:00 fra1    downloaded 10 %',
	]);
	assert.deepEqual(lines({...progress, doneBytes: 15}), []);
	assert.equal(lines({...progress, doneBytes: 20}).length, 1);
});

test('node logs are shown only when asked for', () => {
	const log: InstallEvent = {type: 'log', at, node: 'nuc', line: 'hello'};
	assert.deepEqual(plainProgress({verbose: false})(log), []);
	assert.equal(plainProgress({verbose: true})(log).length, 1);
});
