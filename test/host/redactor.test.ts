import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {test} from 'node:test';
import fc from 'fast-check';
import {makeRedactor, redactedMark} from '../../source/host/redactor.js';

const secret = 'K10ab+c/d=é::server:p@ss word';

test('a secret is taken out wherever it stands, in every form', () => {
	const redactor = makeRedactor();
	redactor.add(secret);
	const forms = [
		secret,
		encodeURIComponent(secret),
		encodeURIComponent(secret).toLowerCase(),
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

test('a short secret that is cut in two is found', () => {
	fc.assert(
		fc.property(fc.nat(20), fc.nat(20), (one, other) => {
			const redactor = makeRedactor();
			redactor.add('4711');
			const text = 'the PIN is 4711, twice 4711';
			const pieces = redactor.pieces();
			const [from, to] = one < other ? [one, other] : [other, one];
			const seen =
				pieces.push(text.slice(0, from)) +
				pieces.push(text.slice(from, to)) +
				pieces.push(text.slice(to)) +
				pieces.end();
			assert.equal(seen, redactor.redact(text));
			assert.ok(!seen.includes('4711'));
		}),
	);
});

test('a secret that holds another goes whole', () => {
	const redactor = makeRedactor();
	redactor.add('password');
	redactor.add('K10::server:password');
	assert.equal(redactor.redact('K10::server:password.'), `${redactedMark}.`);
	assert.equal(redactor.redact('password.'), `${redactedMark}.`);
});

test('pieces give the same as the whole, however they are cut', () => {
	fc.assert(
		fc.property(
			fc.array(fc.constantFrom(secret, 'K10', ' text\n', 'é::', 'abc'), {
				maxLength: 8,
			}),
			fc.array(fc.nat(60), {maxLength: 10}),
			(parts, cuts) => {
				const redactor = makeRedactor();
				redactor.add(secret);
				const text = parts.join('');
				const pieces = redactor.pieces();
				let rest = text;
				let seen = '';
				for (const cut of cuts) {
					seen += pieces.push(rest.slice(0, cut));
					rest = rest.slice(cut);
					assert.equal(seen.includes('server'), false);
				}

				seen += pieces.push(rest) + pieces.end();
				assert.equal(seen, redactor.redact(text));
			},
		),
	);
});

test('pieces do not hold back what can not become a secret', () => {
	const redactor = makeRedactor();
	redactor.add(secret);
	assert.equal(redactor.pieces().push('a plain line\n'), 'a plain line\n');
});
