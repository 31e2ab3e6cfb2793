/**
 * Each step of an install struck once, each fault that containers can have, and each other run; `npm run faults` plays
 * the whole matrix.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import {caseName, roles, type Case} from './faults/cases.js';
import {faultNames, faults, type Fault} from './faults/faults.js';
import {makePlayer} from './faults/player.js';
import {courses, steps, stepsOf} from './faults/steps.js';
import {requireGo} from './tailnet/go.js';

const cases: readonly Case[] = [
	// First, while the server is new anyway.
	{fault: 'reboot', step: 'start', role: 'server'},
	{fault: 'client-kill', step: 'join', role: 'agent'},
	{fault: 'ssh-reset', step: 'configure', role: 'agent'},
	{fault: 'ssh-reset', step: 'verify', role: 'agent'},
	{fault: 'ssh-drop', step: 'ready', role: 'agent'},
	{fault: 'sudo-revoked', step: 'firewall', role: 'agent'},
	{fault: 'disk-full', step: 'send', role: 'agent'},
	{fault: 'download-cut', step: 'download', role: 'agent'},
	{fault: 'wrong-checksum', step: 'download', role: 'agent'},
	{fault: 'crash-loop', step: 'start', role: 'agent'},
	{fault: 'dns-gone', step: 'install', role: 'agent'},
	{fault: 'ssh-reset', step: 'uninstall', role: 'agent'},
	{fault: 'control-away', step: 'tailscale-login', role: 'agent'},
	{fault: 'client-kill', step: 'close-ports', role: 'agent'},
];

/** Those that need emulated machines have a file of their own, beside which nothing runs. */
const faultsOfContainers = faultNames.filter((name) => {
	const fault: Fault = faults[name];
	return fault.onMachines === undefined;
});

test('every fault that containers can have, every step of an install, every run and every role is among the cases', () => {
	assert.deepEqual(
		faultsOfContainers.filter(
			(name) => !cases.some(({fault}) => fault === name),
		),
		[],
	);
	assert.deepEqual(
		stepsOf('install').filter((name) => !cases.some(({step}) => step === name)),
		[],
	);
	assert.deepEqual(
		courses.filter(
			(name) => !cases.some(({step}) => steps[step].course === name),
		),
		[],
	);
	assert.deepEqual(
		roles.filter((name) => !cases.some(({role}) => role === name)),
		[],
	);
});

const player = makePlayer();
test.after(player.close);

for (const one of cases) {
	test(`${caseName(one)}: the run ends with a sentence or gets over it, the next one is good, nothing is lost`, async (t) => {
		if (steps[one.step].course === 'tailnet' && !requireGo(t)) {
			return;
		}

		const result = await player.play(one);
		assert.ok(result.held, result.held ? '' : result.why);
	});
}
