/** Each step struck once, and each fault that containers can have; `npm run faults` plays the whole matrix. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {caseName, roles, type Case} from './faults/cases.js';
import {faultNames, faults, type Fault} from './faults/faults.js';
import {makePlayer} from './faults/player.js';
import {stepNames} from './faults/steps.js';

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
];

/** Emulated machines take their time: faults that need them are in the whole matrix only. */
const faultsOfContainers = faultNames.filter((name) => {
	const fault: Fault = faults[name];
	return fault.onMachines === undefined;
});

test('every fault that containers can have, every step and every role is among the cases', () => {
	assert.deepEqual(
		faultsOfContainers.filter(
			(name) => !cases.some(({fault}) => fault === name),
		),
		[],
	);
	assert.deepEqual(
		stepNames.filter((name) => !cases.some(({step}) => step === name)),
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
	test(`${caseName(one)}: the run ends with a sentence or gets over it, the next one is good, nothing is lost`, async () => {
		const result = await player.play(one);
		assert.ok(result.held, result.held ? '' : result.why);
	});
}
