import {PassThrough, Writable} from 'node:stream';
import xterm from '@xterm/headless';

/** A run of cells that look alike. */
export type Span = {
	readonly text: string;
	/** The first column. */
	readonly column: number;
	/** Number of the colour in the terminal's palette; -1 is the default. */
	readonly color: number;
	readonly bold: boolean;
	readonly dim: boolean;
	readonly inverse: boolean;
};

/** A terminal in this process: what Ink writes is drawn by a terminal emulator, and keys reach Ink as bytes. */
export type TestTerminal = {
	readonly stdout: NodeJS.WriteStream;
	readonly stdin: NodeJS.ReadStream;
	/** The rows of the screen as they are now, without trailing blanks. */
	readonly screen: () => string;
	/** The screen with its looks, row by row. */
	readonly spans: () => ReadonlyArray<readonly Span[]>;
	/** The same with all that Ink wrote, escape sequences included. */
	readonly raw: () => string;
	readonly type: (text: string) => void;
	/** As a terminal delivers pasted text to a program that asked for marks. */
	readonly paste: (text: string) => void;
	readonly resize: (columns: number, rows: number) => void;
	/** Waits until the screen matches; the error shows the screen. */
	readonly waitFor: (
		pattern: RegExp | ((screen: string) => boolean),
	) => Promise<void>;
	readonly isAlternate: () => boolean;
	/** Fails when a frame ever took more rows than there are: its first row would be gone. */
	readonly everyFirstRow: () => readonly string[];
};

export const keys = {
	enter: '\r',
	escape: '\u001B',
	tab: '\t',
	up: '\u001B[A',
	down: '\u001B[B',
	right: '\u001B[C',
	left: '\u001B[D',
	pageDown: '\u001B[6~',
	ctrlC: '\u0003',
	ctrlU: '\u0015',
	backspace: '\u007F',
} as const;

const limitMs = 20_000;

export const makeTestTerminal = (columns = 80, rows = 24): TestTerminal => {
	const emulator = new xterm.Terminal({
		cols: columns,
		rows,
		allowProposedApi: true,
		convertEol: true,
	});
	const listeners = new Set<() => void>();
	const firstRows: string[] = [];
	let written = '';

	const row = (index: number): string =>
		emulator.buffer.active
			.getLine(emulator.buffer.active.viewportY + index)
			?.translateToString(true) ?? '';
	const screen = (): string =>
		Array.from({length: emulator.rows}, (_, index) => row(index)).join('\n');

	const rowSpans = (index: number): Span[] => {
		const line = emulator.buffer.active.getLine(
			emulator.buffer.active.viewportY + index,
		);
		const spans: Span[] = [];
		for (let column = 0; column < emulator.cols; column += 1) {
			const cell = line?.getCell(column);
			if (cell === undefined || cell.getWidth() === 0) {
				continue;
			}

			const look = {
				color: cell.isFgPalette() ? cell.getFgColor() : -1,
				bold: cell.isBold() !== 0,
				dim: cell.isDim() !== 0,
				inverse: cell.isInverse() !== 0,
			};
			const text = cell.getChars() === '' ? ' ' : cell.getChars();
			const last = spans.at(-1);
			if (
				last?.color === look.color &&
				last.bold === look.bold &&
				last.dim === look.dim &&
				last.inverse === look.inverse
			) {
				spans[spans.length - 1] = {...last, text: last.text + text};
			} else {
				spans.push({text, column, ...look});
			}
		}

		return spans;
	};

	const stdout = Object.assign(
		new Writable({
			decodeStrings: false,
			write(chunk: string, _encoding, done) {
				written += chunk;
				emulator.write(chunk, () => {
					if (emulator.buffer.active.type === 'alternate') {
						firstRows.push(row(0));
					}

					for (const listener of listeners) {
						listener();
					}

					done();
				});
			},
		}),
		{isTTY: true, columns, rows},
	);
	const stdin = Object.assign(new PassThrough(), {
		isTTY: true,
		setRawMode: () => stdin,
		ref: () => stdin,
		unref: () => stdin,
	});
	stdin.setEncoding('utf8');

	return {
		stdout: stdout as unknown as NodeJS.WriteStream,
		stdin: stdin as unknown as NodeJS.ReadStream,
		screen,
		spans: () =>
			Array.from({length: emulator.rows}, (_, index) => rowSpans(index)),
		raw: () => written,
		type(text) {
			stdin.write(text);
		},
		paste(text) {
			stdin.write(`\u001B[200~${text}\u001B[201~`);
		},
		resize(newColumns, newRows) {
			emulator.resize(newColumns, newRows);
			Object.assign(stdout, {columns: newColumns, rows: newRows});
			stdout.emit('resize');
		},
		async waitFor(pattern) {
			const matches =
				typeof pattern === 'function'
					? pattern
					: (text: string) => pattern.test(text);
			await new Promise<void>((resolve, reject) => {
				const end = (error?: Error) => {
					clearTimeout(timer);
					listeners.delete(look);
					if (error === undefined) {
						resolve();
					} else {
						reject(error);
					}
				};

				const look = () => {
					if (matches(screen())) {
						end();
					}
				};

				const timer = setTimeout(() => {
					end(
						new Error(
							`The screen did not match ${String(pattern)}:\n${screen()}`,
						),
					);
				}, limitMs);
				listeners.add(look);
				look();
			});
		},
		isAlternate: () => emulator.buffer.active.type === 'alternate',
		everyFirstRow: () => firstRows,
	};
};
