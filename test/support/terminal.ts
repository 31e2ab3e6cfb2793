import {spawn} from 'node:child_process';
import process from 'node:process';
import xterm from '@xterm/headless';

/** Words as one line of POSIX shell. */
const quoted = (words: readonly string[]): string =>
	words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');

/** A program in a pseudo-terminal of its own, seen as a person sees it. */
export type Terminal = {
	/** The rows of the screen as they are now, without trailing blanks. */
	readonly screen: () => string;
	/** All that the program ever wrote, escape sequences included. */
	readonly raw: () => string;
	/** Types text or keys. */
	readonly type: (text: string) => void;
	/** Waits until the screen matches; the error shows the screen. */
	readonly waitFor: (pattern: RegExp, limitMs?: number) => Promise<void>;
	/** The exit code, once the program has ended. */
	readonly exited: Promise<number>;
	/** Ends the program and everything that it started in the terminal. */
	readonly stop: () => Promise<void>;
	/** The id of the process that holds the terminal. */
	readonly pid: number;
};

/** Keys as a terminal sends them. */
export const keys = {
	enter: '\r',
	escape: '\u001B',
	tab: '\t',
	up: '\u001B[A',
	down: '\u001B[B',
	right: '\u001B[C',
	left: '\u001B[D',
	ctrlC: '\u0003',
	backspace: '\u007F',
} as const;

/** Starts a program in a pseudo-terminal (util-linux `script`) whose output feeds a terminal emulator. */
export const startTerminal = (options: {
	readonly command: readonly string[];
	readonly columns?: number;
	readonly rows?: number;
	readonly cwd?: string;
	readonly env?: Readonly<Record<string, string>>;
	/** Words put before everything, such as `ip netns exec NAME`. */
	readonly wrapper?: readonly string[];
}): Terminal => {
	const columns = options.columns ?? 80;
	const rows = options.rows ?? 24;
	const emulator = new xterm.Terminal({
		cols: columns,
		rows,
		allowProposedApi: true,
	});
	const [program, ...words] = [
		...(options.wrapper ?? []),
		'script',
		'-qefc',
		`stty rows ${rows} cols ${columns}; exec ${quoted(options.command)}`,
		'/dev/null',
	];
	const child = spawn(program, words, {
		cwd: options.cwd,
		detached: true,
		stdio: ['pipe', 'pipe', 'inherit'],
		env: {
			PATH: process.env.PATH,
			HOME: process.env.HOME,
			TERM: 'xterm-256color',
			LANG: 'C.UTF-8',
			...options.env,
		},
	});
	const listeners = new Set<() => void>();
	let written = '';
	let ended = false;
	child.stdout.setEncoding('utf8');
	child.stdout.on('data', (chunk: string) => {
		written += chunk;
		emulator.write(chunk, () => {
			for (const listener of listeners) {
				listener();
			}
		});
	});
	const exited = new Promise<number>((resolve) => {
		child.once('close', (code) => {
			// The emulator takes its time with what was written last.
			emulator.write('', () => {
				ended = true;
				resolve(code ?? 1);
				for (const listener of listeners) {
					listener();
				}
			});
		});
	});
	child.stdin.on('error', () => undefined);

	const screen = (): string =>
		Array.from(
			{length: rows},
			(_, row) =>
				emulator.buffer.active
					.getLine(emulator.buffer.active.viewportY + row)
					?.translateToString(true) ?? '',
		).join('\n');

	return {
		screen,
		raw: () => written,
		type(text) {
			child.stdin.write(text);
		},
		async waitFor(pattern, limitMs = 20_000) {
			await new Promise<void>((resolve, reject) => {
				const end = (error?: Error) => {
					clearTimeout(timer);
					listeners.delete(look);
					if (error) {
						reject(error);
					} else {
						resolve();
					}
				};

				const look = () => {
					if (pattern.test(screen())) {
						end();
					} else if (ended) {
						end(
							new Error(
								`The program ended before the screen matched ${pattern}:\n${screen()}`,
							),
						);
					}
				};

				const timer = setTimeout(() => {
					end(
						new Error(
							`The screen did not match ${pattern} within ${limitMs} ms:\n${screen()}`,
						),
					);
				}, limitMs);
				listeners.add(look);
				look();
			});
		},
		exited,
		async stop() {
			if (!ended) {
				try {
					// The group: script and the program in its terminal.
					process.kill(-child.pid!, 'SIGTERM');
				} catch {}

				const killer = setTimeout(() => {
					try {
						process.kill(-child.pid!, 'SIGKILL');
					} catch {}
				}, 3000);
				await exited;
				clearTimeout(killer);
			}

			emulator.dispose();
		},
		pid: child.pid!,
	};
};
