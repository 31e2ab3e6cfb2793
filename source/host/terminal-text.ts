import type {Buffer} from 'node:buffer';
import {StringDecoder} from 'node:string_decoder';

/**
 * ESC sequences: CSI, OSC and other strings up to their end, and single ones (ECMA-48). Of a string that has no end only
 * its beginning counts: it must not take what follows with it.
 */
const escapeSequence =
	// eslint-disable-next-line no-control-regex
	/(?:\u001B\[|\u009B)[\u0030-\u003F]*[\u0020-\u002F]*[\u0040-\u007E]?|(?:\u001B[P\]X^_]|[\u0090\u009D\u0098\u009E\u009F])(?:[^\u0007\u001B\u009C]*(?:\u0007|\u001B\\|\u009C))?|\u001B[\u0020-\u002F]*[\u0030-\u007E]?/g;

/** What can move the cursor, hide text or turn its direction: C0, C1, line separators, bidirectional marks. */
const controlCharacter =
	// eslint-disable-next-line no-control-regex
	/[\u0000-\u001F\u007F-\u009F\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/g;

/**
 * A text that holds words of ours and of a host, safe to put on a screen: one line, no control characters, tabs as
 * spaces. What is left of a sequence shows as text, so that it can not hide what we say behind it.
 */
export const dropControls = (text: string): string =>
	text.replaceAll(/[\t\n\v\f\r]/g, ' ').replaceAll(controlCharacter, '');

/** Text of a host alone, safe to put on a screen: as `dropControls`, and without what control sequences leave. */
export const stripControls = (text: string): string =>
	dropControls(text.replaceAll(escapeSequence, ''));

/** Puts lines together from pieces of bytes. */
export type LineSplitter = {
	/** Takes the next bytes and returns the lines that they complete. */
	push(bytes: Buffer): readonly string[];
	/** The last line, when it had no line end. */
	end(): readonly string[];
};

/**
 * Decodes UTF-8 that is cut anywhere and splits it at line ends; a lone carriage return, as progress bars use it, is
 * one too. Lines longer than the limit are cut into several.
 */
export const makeLineSplitter = (limit = 1_048_576): LineSplitter => {
	const decoder = new StringDecoder('utf8');
	let held = '';

	const take = (text: string): string[] => {
		held += text;
		const lines: string[] = [];
		let start = 0;
		for (const {index, 0: lineEnd} of held.matchAll(/\r\n|\n|\r(?=[^\n])/g)) {
			lines.push(held.slice(start, index));
			start = index + lineEnd.length;
		}

		held = held.slice(start);
		while (held.length > limit) {
			lines.push(held.slice(0, limit));
			held = held.slice(limit);
		}

		return lines;
	};

	return {
		push: (bytes) => take(decoder.write(bytes)),
		end() {
			const lines = take(decoder.end());
			const rest = held.replace(/\r$/, '');
			held = '';
			return rest === '' ? lines : [...lines, rest];
		},
	};
};
