import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {test} from 'node:test';
import fc from 'fast-check';
import {makeRedactor, redactedMark} from '../../source/host/redactor.js';
import {makeLineSplitter} from '../../source/host/terminal-text.js';

const secret = 'K10ab+c/d=é::server:p@ss word';

test('a secret is taken out wherever it stands, in every form', () => {
	const redactor = makeRedactor();
	redactor.add(secret);
	const forms = [
		secret,
		encodeURIComponent(secret),
		encodeURIComponent(secret).replaceAll(/%../g, (hex) => hex.toLowerCase()),
		JSON.stringify(secret),
	];
	for (const form of forms) {
		assert.equal(
			redactor.redact(`a ${form} b ${form}`).includes('ss'),
			false,
			form,
		);
		assert.match(redactor.redact(form), new RegExp(redactedMark));
	}
});

test('base64 gives nothing away, wherever the secret starts in it', () => {
	const redactor = makeRedactor();
	redactor.add(secret);
	for (const before of ['', 'a', 'ab', 'abc', 'user:']) {
		for (const encoding of ['base64', 'base64url'] as const) {
			const encoded = Buffer.from(`${before}${secret} and more`).toString(
				encoding,
			);
			const redacted = redactor.redact(encoded);
			assert.match(redacted, new RegExp(redactedMark), before);
			const rest = redacted
				.split(redactedMark)
				.map((part) => Buffer.from(part, encoding).toString('latin1'))
				.join('');
			assert.doesNotMatch(rest, /server|p@ss/);
		}
	}
});

test('long words of a secret with several lines are secrets; its plain lines are not', () => {
	const redactor = makeRedactor();
	const key = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC';
	redactor.add(`-----BEGIN PRIVATE KEY-----\n${key}\nkind: Config\n`);
	assert.equal(redactor.redact(`x ${key} y`), `x ${redactedMark} y`);
	assert.equal(redactor.redact('kind: Config'), 'kind: Config');
});

test('what is too short to be a secret is left alone', () => {
	const redactor = makeRedactor();
	redactor.add('');
	redactor.add('  \n');
	redactor.add('ab');
	assert.equal(redactor.redact('ab   ab'), 'ab   ab');
});

test('a short secret goes where it is a word of its own, and words that hold it stay', () => {
	const redactor = makeRedactor();
	redactor.add('root1');
	redactor.add('k-9');
	redactor.add('.+*');
	redactor.add('é5x');
	for (const [text, expected] of [
		['root1', '‹secret›'],
		['password=root1, and "root1".', 'password=‹secret›, and "‹secret›".'],
		['user:root1@host', 'user:‹secret›@host'],
		['root12 xroot1 _root1 root1_', 'root12 xroot1 _root1 root1_'],
		['ak-9 k-9 k-99', 'ak-9 ‹secret› k-99'],
		['a.+*b', 'a‹secret›b'],
		['é5x né5x %C3%A95x', '‹secret› né5x ‹secret›'],
	] as const) {
		assert.equal(redactor.redact(text), expected);
	}
});

test('a secret that holds another goes whole', () => {
	const redactor = makeRedactor();
	redactor.add('password');
	redactor.add('K10::server:password');
	assert.equal(redactor.redact('K10::server:password.'), `${redactedMark}.`);
	assert.equal(redactor.redact('password.'), `${redactedMark}.`);
});

/** Ways in which programs write one character; which of them they encode differs. */
const written: ReadonlyArray<(character: string) => string> = [
	(character) => character,
	(character) =>
		[...Buffer.from(character)]
			.map((byte) => `%${byte.toString(16).padStart(2, '0')}`)
			.join(''),
	(character) =>
		[...Buffer.from(character)]
			.map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`)
			.join(''),
	(character) => (character === ' ' ? '+' : encodeURIComponent(character)),
	(character) => JSON.stringify(character).slice(1, -1),
	(character) => (character === '/' ? String.raw`\/` : character),
	(character) =>
		Buffer.from(character, 'utf16le')
			.swap16()
			.toString('hex')
			.replaceAll(/.{4}/g, String.raw`\u$&`),
];

test('a secret is found however each of its characters is encoded', () => {
	for (const [plain, encoded] of [
		['Pa/Ss=Wd1', 'Pa%2fSs%3dWd1'],
		['My pass!w(rd)', 'My+pass%21w%28rd%29'],
		['My pass!w(rd)', 'My%20pass%21w%28rd%29'],
		['a<b&c>d', String.raw`a\u003cb\u0026c\u003ed`],
	] as const) {
		const redactor = makeRedactor();
		redactor.add(plain);
		assert.equal(
			redactor.redact(`https://me:${encoded}@host`),
			`https://me:${redactedMark}@host`,
			encoded,
		);
	}

	const character = fc.oneof(
		fc.constantFrom(...' /%+\\"\'<>&=?#é–🔑\n\t'),
		fc.string({unit: 'grapheme-ascii', minLength: 1, maxLength: 1}),
	);
	fc.assert(
		fc.property(
			fc
				.array(fc.tuple(character, fc.nat(written.length - 1)), {
					minLength: 6,
					maxLength: 24,
				})
				.filter(
					(parts) =>
						parts
							.map(([one]) => one)
							.join('')
							.trim().length >= 6,
				),
			(parts) => {
				const redactor = makeRedactor();
				redactor.add(parts.map(([one]) => one).join(''));
				const text = parts.map(([one, way]) => written[way]!(one)).join('');
				assert.equal(redactor.redact(`‹${text}›`), `‹${redactedMark}›`);
			},
		),
		{numRuns: 2000},
	);
});

test('a secret that arrives in pieces of bytes is found in the lines that they make', () => {
	const bytes = Buffer.from(`before\nuser ${secret} end\nafter`);
	const redactor = makeRedactor();
	redactor.add(secret);
	for (let cut = 0; cut <= bytes.length; cut += 1) {
		const splitter = makeLineSplitter();
		const lines = [
			...splitter.push(bytes.subarray(0, cut)),
			...splitter.push(bytes.subarray(cut)),
			...splitter.end(),
		];
		assert.deepEqual(
			lines.map((line) => redactor.redact(line)),
			['before', `user ${redactedMark} end`, 'after'],
		);
	}
});
