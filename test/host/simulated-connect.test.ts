import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import type {SshTarget} from '../../source/cluster/ssh-target.js';
import {UserError, exitCodes} from '../../source/errors.js';
import {HostLost} from '../../source/host/errors.js';
import type {ConnectQuestions, UnknownHostKey} from '../../source/host/host.js';
import {
	factsGather,
	factsInput,
} from '../../source/host/scripts/facts-gather.js';
import {filesRead} from '../../source/host/scripts/files.js';
import {k3sState} from '../../source/host/scripts/k3s-run.js';
import type {Faults} from '../../source/host/simulated/machine.js';
import {fastWorld, threeMachines} from './simulated-support.js';

const {signal} = new AbortController();
const noQuestions: ConnectQuestions = {
	async trustHostKey() {
		throw new Error('nothing should be asked');
	},
	askSecret: async () => undefined,
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
			askSecret: async () => undefined,
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

	test('a password is asked for until it is right, three times at most, and then remembered', async () => {
		const {world} = fastWorld(
			threeMachines({one: {faults: {password: 'right'}}}),
		);
		const answers: Array<string | undefined> = [];
		const attempts: number[] = [];
		const target = {name: 'n1', ssh: {host: 'one', user: 'me'}};
		const connectWith = async (...given: ReadonlyArray<string | undefined>) => {
			answers.splice(0, answers.length, ...given);
			return world.connect(target, {
				signal,
				questions: {
					...noQuestions,
					async askSecret(question) {
						assert.ok(question.kind === 'login-password');
						attempts.push(question.attempt);
						return answers.shift();
					},
				},
			});
		};

		await assert.rejects(connectWith(undefined), /Nobody gave an answer/);
		await assert.rejects(
			connectWith('one', 'two', 'three', 'right'),
			/tried ~\/\.ssh\/id_ed25519 and a password\. It allows publickey and password/,
		);
		await connectWith('one', 'right');
		await connectWith();
		assert.deepEqual(attempts, [1, 1, 2, 3, 1, 2]);
	});

	test('a login without sudo runs what needs no root only', async () => {
		const host = await connect({noSudo: true}, {host: 'one', user: 'me'});
		await assert.rejects(
			host.run(filesRead, {path: '/etc/passwd'}, {signal}),
			/^RootRefused: me on n1 can not become root: there is neither sudo nor doas\.$/,
		);
	});

	test('sudo asks once for all machines of one login, and who declines runs what needs no root', async () => {
		const {world} = fastWorld(
			threeMachines({
				one: {sudoPassword: 'horse'},
				two: {sudoPassword: 'horse'},
				three: {sudoPassword: 'any'},
			}),
		);
		const replies = ['wrong', 'horse', undefined];
		const asked: number[] = [];
		const connectTo = async (host: string, user: string) =>
			world.connect(
				{name: host, ssh: {host, user}},
				{
					signal,
					questions: {
						trustHostKey: async () => true,
						async askSecret(question) {
							assert.ok(question.kind === 'sudo-password');
							asked.push(question.attempt);
							return replies.shift();
						},
					},
				},
			);
		for (const host of ['one', 'two', 'three']) {
			const opened = await connectTo(host, 'me');
			assert.equal(opened.rootRefused, undefined);
			await opened.run(k3sState, {role: 'server'}, {signal});
		}

		assert.deepEqual(asked, [1, 2]);
		const declined = await connectTo('two', 'other');
		const facts = await declined.run(
			factsGather,
			factsInput(declined, () => 0),
			{signal},
		);
		assert.equal(facts.privilege, 'none');
		assert.equal(
			facts.rootRefused,
			'sudo asks for the password of other, and nobody gave it',
		);
		await assert.rejects(
			declined.run(k3sState, {role: 'server'}, {signal}),
			/^RootRefused: other on two can not become root/,
		);
		assert.equal((await connectTo('one', 'root')).rootRefused, undefined);
		assert.deepEqual(asked, [1, 2, 1]);
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
