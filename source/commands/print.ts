import type {Writable} from 'node:stream';
import {dropControls} from '../host/terminal-text.js';

/** The dress that we put on text ourselves: bold, dim and green, and their ends. */
// eslint-disable-next-line no-control-regex
const ownDress = /(\u{1B}\[(?:1|2|22|32|39)m)/u;

/** A line whose text can not steer the terminal, whoever wrote it: a host, a file, a server before login. */
const safeLine = (line: string): string =>
	line
		.split(ownDress)
		.map((part, index) => (index % 2 === 1 ? part : dropControls(part)))
		.join('');

/** Writes lines for people. Text of hosts may stand in each: nothing in it moves the cursor or begins a line of its own. */
export const printLines = (
	stream: Pick<Writable, 'write'>,
	lines: readonly string[],
): void => {
	if (lines.length > 0) {
		stream.write(`${lines.map((line) => safeLine(line)).join('\n')}\n`);
	}
};

/** Controls that JSON leaves as they are, and that a terminal obeys or that turn the direction of text. */
const leftByJson =
	/[\u007F-\u009F\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/g;

/** Writes a value as JSON: on one line, or indented for people. The value is the same for whoever reads it; no byte of it steers a terminal. */
export const printJson = (
	stream: Pick<Writable, 'write'>,
	value: unknown,
	layout: 'line' | 'indented',
): void => {
	const text = JSON.stringify(
		value,
		undefined,
		layout === 'line' ? undefined : 2,
	).replaceAll(
		leftByJson,
		(character) =>
			String.raw`\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
	);
	stream.write(`${text}\n`);
};
