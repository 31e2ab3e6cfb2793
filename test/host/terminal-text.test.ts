import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {test} from 'node:test';
import fc from 'fast-check';
import {
	makeLineSplitter,
	stripControls,
} from '../../source/host/terminal-text.js';

const cases: ReadonlyArray<readonly [string, string]> = [
	['plain', 'plain'],
	['\u001B[31mred\u001B[0m', 'red'],
	['\u001B[2J\u001B[H\u001B[?1049hgone', 'gone'],
	['\u001B]0;title\u0007after', 'after'],
	['\u001B]8;;http://example.org\u001B\\link\u001B]8;;\u001B\\', 'link'],
	['\u001BPq#0;2\u001B\\sixel', 'sixel'],
	['\u009B31mc1', 'c1'],
	['\u001B(Bset', 'set'],
	['tab\tend', 'tab end'],
	['back\bspace\u0007', 'backspace'],
	['two\nlines', 'two lines'],
	['evil\u202Egnp.exe', 'evilgnp.exe'],
	['zero\u200Bwidth\uFEFF', 'zerowidth'],
	['Ёлка 日本 🎉 é', 'Ёлка 日本 🎉 é'],
	['unfinished \u001B[31', 'unfinished '],
	['\u001B]0;without an end', '0;without an end'],
	['\u009D0;without an end', '0;without an end'],
];

test('nothing of a host moves the cursor or hides text', () => {
	for (const [text, expected] of cases) {
		assert.equal(stripControls(text), expected, JSON.stringify(text));
	}

	fc.assert(
		fc.property(fc.string({unit: 'binary'}), (text) => {
			assert.doesNotMatch(
				stripControls(text),
				// eslint-disable-next-line no-control-regex
				/[\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/,
			);
		}),
	);
});

test('lines are the same however their bytes are cut', () => {
	fc.assert(
		fc.property(
			fc.array(
				fc.constantFrom('a', 'é', '日', '🎉', '\n', '\r\n', '\r', 'xyz'),
			),
			fc.array(fc.nat(6), {maxLength: 20}),
			(parts, cuts) => {
				const bytes = Buffer.from(parts.join(''));
				const whole = makeLineSplitter();
				const expected = [...whole.push(bytes), ...whole.end()];
				const cut = makeLineSplitter();
				const lines: string[] = [];
				let at = 0;
				for (const length of cuts) {
					lines.push(...cut.push(bytes.subarray(at, at + length)));
					at += length;
				}

				lines.push(...cut.push(bytes.subarray(at)), ...cut.end());
				assert.deepEqual(lines, expected);
			},
		),
	);
});

test('a progress bar’s carriage returns make lines, and endless lines are cut', () => {
	const splitter = makeLineSplitter(4);
	assert.deepEqual(splitter.push(Buffer.from('1%\r2%\r')), ['1%']);
	assert.deepEqual(splitter.push(Buffer.from('\nabcdefghij')), [
		'2%',
		'abcd',
		'efgh',
	]);
	assert.deepEqual(splitter.end(), ['ij']);
});
