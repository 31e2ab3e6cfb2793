import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import type {SshTarget} from '../../source/cluster/ssh-target.js';
import {UserError, exitCodes} from '../../source/errors.js';
import {HostLost} from '../../source/host/errors.js';
import type {ConnectQuestions, UnknownHostKey} from '../../source/host/host.js';
import {filesRead} from '../../source/host/scripts/files.js';
import {k3sState} from '../../source/host/scripts/k3s-run.js';
import type {Faults} from '../../source/host/simulated/machine.js';
import {fastWorld, threeMachines} from './simulated-support.js';

const {signal} = new AbortController();
const noQuestions: ConnectQuestions = {
	async trustHostKey() {
		throw new Error('nothing should be asked');
	},
};

const connect = async (faults: Faults, ssh: SshTarget) => {
	const {world} = fastWorld(threeMachines({one: {faults}}));
	return world.connect({name: 'n1', ssh}, {signal, questions: noQuestions});
};

describe('connecting in the simulated world', () => {
	test('a host says who and where it is', async () => {
		const host = await connect({}, {host: '198.51.100.1', user: 'me'});
		assert.equal(host.name, 'n1');
		assert.equal(host.address, 'me@198.51.100.1:22');
		assert.equal(host.rttMs, 5);
	});

	for (const [title, faults, ssh, message] of [
		[
			'a name that nobody has',
			{},
			{host: 'gone.example.org'},
			/^No address is known for the name gone\.example\.org\.$/,
		],
		[
			'an address that nobody has',
			{},
			{host: '198.51.100.99'},
			/^198\.51\.100\.99 does not answer on port 22/,
		],
		[
			'refused',
			{ssh: 'refused'},
			{host: 'one'},
			/^one refuses connections on port 22\.$/,
		],
		[
			'another port',
			{},
			{host: 'one', port: 2222},
			/^one refuses connections on port 2222\.$/,
		],
		['silence', {ssh: 'silent'}, {host: 'one'}, /^one does not answer on port/],
		[
			'no login',
			{ssh: 'no-login'},
			{host: 'one', user: 'me'},
			/^one did not accept the login of me/,
		],
		[
			'a changed host key',
			{ssh: 'changed-key'},
			{host: 'one'},
			/^The host key of one is not the one that is known/,
		],
	] as ReadonlyArray<readonly [string, Faults, SshTarget, RegExp]>) {
		test(`${title} is told in the words of real SSH`, async () => {
			await assert.rejects(connect(faults, ssh), (error: unknown) => {
				assert.ok(error instanceof UserError);
				assert.match(error.message, message);
				assert.equal(error.exitCode, exitCodes.unreachable);
				assert.ok(error.tryNext.length > 0);
				return true;
			});
		});
	}

	test('an unknown host key is asked about, once', async () => {
		const asked: UnknownHostKey[] = [];
		const {world} = fastWorld(
			threeMachines({one: {faults: {unknownKey: true}}}),
		);
		const answers = [false, true];
		const questions: ConnectQuestions = {
			async trustHostKey(key) {
				asked.push(key);
				return answers.shift()!;
			},
		};
		const target = {name: 'n1', ssh: {host: 'one'}};
		await assert.rejects(
			world.connect(target, {signal, questions}),
			/was not accepted/,
		);
		await world.connect(target, {signal, questions});
		await world.connect(target, {signal, questions});
		assert.equal(asked.length, 2);
		assert.match(asked[0]!.fingerprint, /^SHA256:[\w+/]{43}$/);
	});

	test('a login without sudo runs what needs no root only', async () => {
		const host = await connect({noSudo: true}, {host: 'one', user: 'me'});
		await assert.rejects(
			host.run(filesRead, {path: '/etc/passwd'}, {signal}),
			/^UserError: me on n1 may not run sudo without a password/,
		);
	});

	test('a closed host is lost, and a raised signal ends a call', async () => {
		const host = await connect({}, {host: 'one'});
		const reason = new Error('stop');
		await assert.rejects(
			host.run(k3sState, {role: 'server'}, {signal: AbortSignal.abort(reason)}),
			reason,
		);
		await host.close();
		await assert.rejects(
			host.run(k3sState, {role: 'server'}, {signal}),
			HostLost,
		);
	});
});
