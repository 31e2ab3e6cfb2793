import {Buffer} from 'node:buffer';
import {readyMark} from '../scripts/bootstrap.js';

/** Finds what a script wrote among what login profiles, banners and sudo write around it. */
export type FrameReader = {
	/** Takes the next bytes of one stream of the channel. */
	push(bytes: Buffer): void;
	/** Has the bootstrap said that it listens? */
	readonly ready: boolean;
	/** Has the body started? */
	readonly begun: boolean;
	/** Has the end mark arrived whole? */
	readonly ended: boolean;
	/** The exit code in the end mark; only standard output has one. */
	readonly code: number | undefined;
	/** What came before the body, the last of it: says why there is no body. */
	readonly noise: string;
};

/** How many bytes at the end of the text are the beginning of the mark. */
const startedLength = (text: Buffer, mark: Buffer): number => {
	for (
		let length = Math.min(text.length, mark.length - 1);
		length > 0;
		length -= 1
	) {
		if (text.subarray(-length).equals(mark.subarray(0, length))) {
			return length;
		}
	}

	return 0;
};

const noiseLimit = 16_384;

/** A line of its own: a forced command or a tracing shell that shows the command line shows the words in it, too. */
const readyLine = `\n${readyMark}\n`;

/** Reads one stream; hands over the bytes between the two marks, and nothing else. */
export const makeFrameReader = (
	marker: string,
	onBody: (bytes: Buffer) => void,
): FrameReader => {
	const beginMark = Buffer.from(`${marker} begin\n`);
	const endMark = Buffer.from(`${marker} end`);
	let state: 'before' | 'body' | 'ended' = 'before';
	let held: Buffer = Buffer.alloc(0);
	let ready = false;
	let code: number | undefined;

	const readBefore = (): void => {
		ready ||= held.includes(readyLine);
		const at = held.indexOf(beginMark);
		if (at === -1) {
			held = held.subarray(Math.max(0, held.length - noiseLimit));
			return;
		}

		held = held.subarray(at + beginMark.length);
		state = 'body';
	};

	const readBody = (): void => {
		const at = held.indexOf(endMark);
		const lineEnd = at === -1 ? -1 : held.indexOf(10, at + endMark.length);
		if (lineEnd !== -1) {
			const rest = held.subarray(at + endMark.length, lineEnd).toString();
			code = /^ \d+$/.test(rest) ? Number(rest) : undefined;
			const body = held.subarray(0, at);
			held = Buffer.alloc(0);
			state = 'ended';
			if (body.length > 0) {
				onBody(body);
			}

			return;
		}

		// What could be the beginning of the end mark waits for more; all else goes on at once.
		const safe = at === -1 ? held.length - startedLength(held, endMark) : at;
		if (safe > 0) {
			onBody(held.subarray(0, safe));
			held = held.subarray(safe);
		}
	};

	return {
		push(bytes) {
			if (state === 'ended') {
				return;
			}

			held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
			if (state === 'before') {
				readBefore();
			}

			// `readBefore` may have moved on.
			if ((state as string) === 'body') {
				readBody();
			}
		},
		get ready() {
			return ready;
		},
		get begun() {
			return state !== 'before';
		},
		get ended() {
			return state === 'ended';
		},
		get code() {
			return code;
		},
		get noise() {
			return state === 'before' ? held.toString() : '';
		},
	};
};
