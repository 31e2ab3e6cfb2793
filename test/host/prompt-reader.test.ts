import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {test} from 'node:test';
import fc from 'fast-check';
import {makePromptReader} from '../../source/host/ssh/prompt-reader.js';

const mark = 'k3s-mesh-0123456789abcdef';
const prompt = `${mark}:me:${mark}`;

/** Every question in what sudo writes, piece by piece, however each is cut: it waits after a question. */
const questionsIn = (
	pieces: readonly string[],
	cuts: readonly number[] = [],
	program?: 'doas',
) => {
	const reader = makePromptReader(mark, program);
	const questions = pieces.flatMap((piece) => {
		const bytes = Buffer.from(piece);
		const ends = [...cuts.map((cut) => cut % bytes.length), bytes.length];
		let start = 0;
		return ends
			.toSorted((one, other) => one - other)
			.flatMap((end) => {
				const question = reader.push(bytes.subarray(start, end));
				start = end;
				return question ? [question] : [];
			});
	});
	return {questions, reader};
};

const rows: ReadonlyArray<
	readonly [
		what: string,
		pieces: readonly string[],
		questions: readonly unknown[],
	]
> = [
	["sudo's own prompt", [prompt], [{kind: 'password', owner: 'me', said: []}]],
	[
		'a profile and a lecture before it',
		[
			`Welcome, ünï\nLoading… \n\nWe trust you have received the usual lecture:\n${prompt}`,
		],
		[
			{
				kind: 'password',
				owner: 'me',
				said: [
					'Welcome, ünï',
					'Loading…',
					'We trust you have received the usual lecture:',
				],
			},
		],
	],
	[
		"root's password (rootpw, targetpw)",
		[`${mark}:root:${mark}`],
		[{kind: 'password', owner: 'root', said: []}],
	],
	[
		'a second prompt with what sudo says to a wrong answer',
		[prompt, `Sorry, try again.\n${prompt}`],
		[
			{kind: 'password', owner: 'me', said: []},
			{kind: 'password', owner: 'me', said: ['Sorry, try again.']},
		],
	],
	[
		'a second prompt with nothing between',
		[prompt, prompt],
		[
			{kind: 'password', owner: 'me', said: []},
			{kind: 'password', owner: 'me', said: []},
		],
	],
	[
		'sudo-rs',
		[
			`[sudo: ${prompt}] Password: `,
			`\nsudo: Authentication failed, try again.\n[sudo: ${prompt}] Password: `,
		],
		[
			{kind: 'password', owner: 'me', said: []},
			{
				kind: 'password',
				owner: 'me',
				said: ['sudo: Authentication failed, try again.'],
			},
		],
	],
	[
		'an old sudo-rs, which does not know whose password',
		[`[sudo: ${mark}:%p:${mark}] Password: `],
		[{kind: 'password', owner: '', said: []}],
	],
	[
		'a second factor of sudo-rs, which hides behind the same prompt',
		[`[sudo: ${prompt}] Verification code: `],
		[{kind: 'other', text: 'Verification code'}],
	],
	[
		'the prompt behind a shell that shows its commands',
		[`+ exec sh -c '…' sh '${mark}:%p:${mark}' '…'\n${prompt}`],
		[{kind: 'password', owner: 'me', said: ["' '…'"]}],
	],
	['the mark of another call', [prompt.replaceAll('0', '1')], []],
	['a question that is not ours', ['Verification code: '], []],
];

for (const [what, pieces, expected] of rows) {
	test(`the prompt reader finds ${what}`, () => {
		fc.assert(
			fc.property(fc.array(fc.nat(), {maxLength: 4}), (cuts) => {
				assert.deepEqual(questionsIn(pieces, cuts).questions, expected);
			}),
		);
	});
}

test('the prompt reader finds the prompt of doas, and what is said before it', () => {
	fc.assert(
		fc.property(
			fc.array(fc.nat(), {maxLength: 4}),
			fc.constantFrom('', '\n'),
			(cuts, end) => {
				const {questions, reader} = questionsIn(
					[
						`Welcome${end}${mark} pid 4711\n\rdoas (me@nuc) password: `,
						'\r\ndoas: Authentication failed\r\n',
					],
					cuts,
					'doas',
				);
				assert.deepEqual(questions, [
					{
						kind: 'password',
						owner: 'me',
						said: end === '' ? [`Welcome${mark} pid 4711`] : ['Welcome'],
					},
				]);
				assert.equal(reader.pid, end === '' ? undefined : 4711);
				assert.deepEqual(reader.said, ['doas: Authentication failed']);
			},
		),
	);
});

for (const noise of [
	'doas (me@nuc) password: \n',
	'my doas (me@nuc) password: ',
	'Verification code: ',
	prompt,
]) {
	test(`this is no prompt of doas: ${JSON.stringify(noise)}`, () => {
		assert.deepEqual(questionsIn([noise], [], 'doas').questions, []);
	});
}

test('the process that asks is told before it asks, and is no part of what is said', () => {
	fc.assert(
		fc.property(fc.array(fc.nat(), {maxLength: 4}), (cuts) => {
			const {questions, reader} = questionsIn(
				[`noise\n${mark} pid 4711\n${prompt}`],
				cuts,
			);
			assert.equal(reader.pid, 4711);
			assert.deepEqual(questions, [
				{kind: 'password', owner: 'me', said: ['noise']},
			]);
		}),
	);
});

test('a line without an end is kept for who waits, safe to show and without our mark', () => {
	const {reader} = questionsIn([
		`first\n\u001B[31mVerification\u001B[0m code for ${mark}: `,
	]);
	assert.equal(reader.unfinished, 'Verification code for :');
	assert.deepEqual(questionsIn([prompt, 'one\n\n two']).reader.said, [
		'one',
		'two',
	]);
});
