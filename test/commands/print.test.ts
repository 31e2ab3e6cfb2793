import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import xterm from '@xterm/headless';
import fc from 'fast-check';
import {printJson, printLines} from '../../source/commands/print.js';

/** What a host could try to do to a terminal, whole and in pieces. */
const hostile = fc
	.array(
		fc.oneof(
			fc.constantFrom(
				'\u001B[2J\u001B[H',
				'\u001B[3A\r',
				'\u001B]0;owned\u0007',
				'\u001B]52;c;b3duZWQ=\u0007',
				'\u001B[?1049h',
				'\u001B[?25l',
				'\u001B(0',
				'\u001Bc',
				'\u001B[5i',
				'\u001B#8',
				'\u001BP1$r0m\u001B\\',
				'\u009B2J',
				'\u009D0;owned\u009C',
				'\u001B[?2004l',
				'\u000E',
				'\u0008\u0008\u0008\u0008',
				'\r',
				'\n● fra1 done',
				'\r\n',
				'\u0085',
				'\u2028',
				'\u202E',
				'\u001B',
				'\u001B[',
				'\u001B]',
				'[2J',
				'é日本🎉',
			),
			fc.string({unit: 'binary', maxLength: 12}),
		),
		{maxLength: 8},
	)
	.map((parts) => parts.join('').toWellFormed());

const emulator = new xterm.Terminal({
	cols: 1000,
	rows: 10,
	allowProposedApi: true,
	convertEol: true,
});
after(() => {
	emulator.dispose();
});
let title = '';
emulator.onTitleChange((changed) => {
	title = changed;
});

/** Shows what is written on a fresh terminal, and returns the rows in use. */
const show = async (
	print: (stream: {write: (text: string) => boolean}) => void,
): Promise<readonly string[]> => {
	emulator.reset();
	title = '';
	let written = '';
	print({
		write(text: string) {
			written += text;
			return true;
		},
	});
	await new Promise<void>((resolve) => {
		emulator.write(written, resolve);
	});
	const {active} = emulator.buffer;
	assert.equal(active.type, 'normal');
	assert.equal(active.cursorX, 0);
	assert.equal(title, '');
	assert.deepEqual(emulator.modes.mouseTrackingMode, 'none');
	assert.equal(emulator.modes.bracketedPasteMode, false);
	return Array.from(
		{length: active.baseY + active.cursorY},
		(_, row) => active.getLine(row)?.translateToString(true) ?? '',
	);
};

test('text of a host stays on its line and steers nothing', async () => {
	await fc.assert(
		fc.asyncProperty(hostile, hostile, async (first, second) => {
			const rows = await show((stream) => {
				printLines(stream, [`before ${first} after`, `✖ ${second}|`]);
			});
			assert.equal(rows.length, 2);
			assert.ok(rows[0]!.startsWith('before '));
			assert.ok(rows[0]!.endsWith(' after'));
			assert.ok(rows[1]!.startsWith('✖ '));
			assert.ok(rows[1]!.endsWith('|'));
		}),
		{numRuns: 500},
	);
});

test('our own bold, dim and green stay', () => {
	let written = '';
	printLines(
		{
			write(text: string) {
				written += text;
				return true;
			},
		},
		[
			'\u001B[1mfra1\u001B[22m \u001B[32m+\u001B[39m \u001B[31mred\u001B[5mblink',
		],
	);
	assert.equal(
		written,
		'\u001B[1mfra1\u001B[22m \u001B[32m+\u001B[39m [31mred[5mblink\n',
	);
});

test('no lines print nothing', () => {
	printLines(
		{
			write() {
				assert.fail('something was written');
			},
		},
		[],
	);
});

test('JSON keeps every value and steers nothing', async () => {
	await fc.assert(
		fc.asyncProperty(
			hostile,
			fc.constantFrom('line', 'indented'),
			async (text, layout) => {
				let written = '';
				const rows = await show((stream) => {
					printJson(
						{
							write(json: string) {
								written += json;
								return stream.write(json);
							},
						},
						{text, end: true},
						layout,
					);
				});
				assert.deepEqual(JSON.parse(written), {text, end: true});
				assert.equal(rows.length, layout === 'line' ? 1 : 4);
			},
		),
		{numRuns: 300},
	);
});
