import assert from 'node:assert/strict';
import {test} from 'node:test';
import {UserError} from '../../source/errors.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {RootRefused} from '../../source/host/ssh/refusals.js';
import {makeSudoAnswers} from '../../source/host/ssh/sudo-answers.js';
import {findSudoPassword} from '../../source/host/ssh/sudo-password.js';
import type {SecretQuestion} from '../../source/host/host.js';

const never = new AbortController().signal;

type SudoQuestion = SecretQuestion & {readonly kind: 'sudo-password'};

/** Machines whose sudo counts what it is given, and a person who answers. */
const stage = (
	passwords: Readonly<Record<string, string>>,
	reply: (question: SudoQuestion) => string | undefined,
	owner = 'me',
) => {
	const known = makeSudoAnswers();
	const questions: SudoQuestion[] = [];
	const tries: Record<string, string[]> = {};
	const redactor = makeRedactor();
	const connect = async (host: string) =>
		findSudoPassword({
			node: host,
			user: 'me',
			host,
			known,
			answers: known.machine(`me@${host}:22`),
			redactor,
			signal: never,
			questions: {
				trustHostKey: async () => false,
				async askSecret(question) {
					assert.ok(question.kind === 'sudo-password');
					questions.push(question);
					return reply(question);
				},
			},
			async knock(answer) {
				const turn = await answer(owner);
				if (turn === undefined) {
					throw new RootRefused(host, 'me', {
						kind: 'no-password',
						program: 'sudo',
						owner,
					});
				}

				(tries[host] ??= []).push(turn.answer);
				// The machine takes its time, in which others may want to try.
				await new Promise((resolve) => {
					setImmediate(resolve);
				});
				const isRight = turn.answer === passwords[host];
				turn.end(isRight ? 'right' : 'wrong');
				if (!isRight) {
					throw new RootRefused(host, 'me', {
						kind: 'wrong-password',
						program: 'sudo',
						owner,
						said: 'Sorry, try again.',
					});
				}
			},
		});
	return {connect, questions, tries, redactor, known};
};

test('many machines at once ask once, and the answer goes to all', async () => {
	const hosts = ['a', 'b', 'c', 'd'];
	const {connect, questions, tries, redactor} = stage(
		Object.fromEntries(hosts.map((host) => [host, 'right horse'])),
		() => 'right horse',
	);
	const refusals = await Promise.all(hosts.map(async (host) => connect(host)));
	assert.deepEqual(refusals, [undefined, undefined, undefined, undefined]);
	assert.equal(questions.length, 1);
	assert.deepEqual(
		tries,
		Object.fromEntries(hosts.map((host) => [host, ['right horse']])),
	);
	assert.equal(redactor.redact('right horse'), '‹secret›');
	// A new connection needs no question, and no new guess.
	await connect('a');
	assert.equal(questions.length, 1);
});

test('a machine with another password is asked for, after one try of what was right elsewhere', async () => {
	const {connect, questions, tries} = stage(
		{a: 'first one', b: 'second one'},
		({host}) => (host === 'a' ? 'first one' : 'second one'),
	);
	await connect('a');
	await connect('b');
	await connect('b');
	assert.deepEqual(tries, {
		a: ['first one'],
		b: ['first one', 'second one', 'second one'],
	});
	assert.deepEqual(
		questions.map(({host, attempt, refused}) => ({host, attempt, refused})),
		[
			{host: 'a', attempt: 1, refused: undefined},
			{host: 'b', attempt: 1, refused: 'Sorry, try again.'},
		],
	);
});

test('a wrong answer is never tried again, and two of them end the attempt', async () => {
	const replies = ['wrong', 'wrong', 'worse', 'worse', 'worse', 'right horse'];
	const {connect, questions, tries} = stage({a: 'right horse'}, () =>
		replies.shift(),
	);
	const isWrong = (error: unknown) =>
		error instanceof RootRefused &&
		error.refusal.kind === 'wrong-password' &&
		error.message.startsWith(
			'me on a can not become root: sudo does not take the password of me',
		);
	await assert.rejects(connect('a'), isWrong);
	assert.deepEqual(tries, {a: ['wrong', 'worse']});
	assert.match(questions[2]!.refused ?? '', /not tried again/);
	// The person starts anew: what was wrong is still known.
	await connect('a');
	assert.deepEqual(tries, {a: ['wrong', 'worse', 'right horse']});
	assert.deepEqual(
		questions.map(({attempt}) => attempt),
		[1, 2, 3, 1, 2, 3],
	);
});

test('who does not answer is not asked for every machine', async () => {
	const {connect, questions, tries} = stage(
		{a: 'x', b: 'x', c: 'x'},
		() => undefined,
	);
	const refusals = await Promise.all(
		['a', 'b', 'c'].map(async (host) => connect(host)),
	);
	assert.deepEqual(
		refusals.map((refusal) => refusal?.kind),
		['no-password', 'no-password', 'no-password'],
	);
	assert.equal(questions.length, 1);
	assert.deepEqual(tries, {});
	// A new attempt asks again.
	await connect('a');
	assert.equal(questions.length, 2);
});

test('an answer that would not arrive as one line is not sent', async () => {
	const replies = ['two\nlines', 'x'.repeat(256), 'a\0b'];
	const {connect, tries} = stage({a: 'x'}, () => replies.shift());
	await assert.rejects(connect('a'), UserError);
	assert.deepEqual(tries, {});
});

test("root's password and the login's are two", async () => {
	const {known} = stage({}, () => undefined);
	const turn = await known.machine('one').take('root', never, 'of root');
	turn!.end('right');
	assert.equal(known.machine('two').recall('root'), 'of root');
	assert.equal(known.machine('two').recall('me'), undefined);
});

test('while an answer is on trial on a machine, no other channel tries one there', async () => {
	const {known} = stage({}, () => undefined);
	const machine = known.machine('one');
	const first = await machine.take('me', never, 'stale');
	first!.end('right');
	const trial = await machine.take('me', never);
	const others = [1, 2, 3].map(async () => machine.take('me', never));
	// The password has changed on the machine.
	trial!.end('wrong');
	assert.deepEqual(await Promise.all(others), [
		undefined,
		undefined,
		undefined,
	]);
	assert.equal(await machine.take('me', never, 'stale'), undefined);
});

test('of an answer whose trial was cut off nobody knows: it is not tried again by itself', async () => {
	const {known} = stage({}, () => undefined);
	const elsewhere = await known.machine('two').take('me', never, 'horse');
	elsewhere!.end('right');
	const cut = await known.machine('one').take('me', never);
	assert.equal(cut!.answer, 'horse');
	cut!.end('unknown');
	assert.equal(known.machine('one').recall('me'), undefined);
	// The person may insist.
	const again = await known.machine('one').take('me', never, 'horse');
	assert.equal(again?.answer, 'horse');
});

test('waiting for a turn ends with the signal', async () => {
	const {known} = stage({}, () => undefined);
	const machine = known.machine('one');
	await machine.take('me', never, 'first');
	const stop = new AbortController();
	const waiting = machine.take('me', stop.signal, 'second');
	stop.abort(new Error('enough'));
	await assert.rejects(waiting, /enough/);
});
