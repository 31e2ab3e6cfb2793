/** Runs of the program that a test talks to while they go on. */
import {once} from 'node:events';
import process from 'node:process';
import {program, type Outcome, type Stage} from './support.js';
import {LabError} from './index.js';

/** The program at work. */
export type Running = {
	/** When it has ended; one that a signal killed has code 137. */
	readonly outcome: Promise<Outcome>;
	/** Waits until what it has printed so far, on both ways out, matches; the error shows what it printed. */
	readonly said: (
		pattern: RegExp,
		limitMs?: number,
	) => Promise<RegExpExecArray>;
	readonly kill: () => void;
};

/** Starts the program in the client's namespace. */
export const startProgram = (
	stage: Stage,
	words: readonly string[],
): Running => {
	const child = stage.lab.client.spawn([process.execPath, program, ...words], {
		env: stage.env,
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const printed = {stdout: '', stderr: ''};
	const listeners = new Set<() => void>();
	const tell = () => {
		for (const listener of listeners) {
			listener();
		}
	};

	for (const name of ['stdout', 'stderr'] as const) {
		child[name]!.setEncoding('utf8').on('data', (chunk: string) => {
			printed[name] += chunk;
			tell();
		});
	}

	let ended = false;
	const outcome = (async (): Promise<Outcome> => {
		await once(child, 'close');
		ended = true;
		tell();
		return {code: child.exitCode ?? 137, ...printed};
	})();
	return {
		outcome,
		kill() {
			child.kill('SIGKILL');
		},
		async said(pattern, limitMs = 240_000) {
			return new Promise((resolve, reject) => {
				const end = (why: string) => {
					clearTimeout(timer);
					listeners.delete(look);
					reject(
						new LabError(
							`${why}, and never said ${pattern}:\n${printed.stdout}\n${printed.stderr}`,
						),
					);
				};

				const look = () => {
					const found = pattern.exec(`${printed.stdout}\n${printed.stderr}`);
					if (found !== null) {
						clearTimeout(timer);
						listeners.delete(look);
						resolve(found);
					} else if (ended) {
						end('The program ended');
					}
				};

				const timer = setTimeout(() => {
					end(`The program ran for ${limitMs / 1000} s`);
				}, limitMs);
				listeners.add(look);
				look();
			});
		},
	};
};
