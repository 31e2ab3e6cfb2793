import {closeSync, openSync} from 'node:fs';
import process from 'node:process';
import {createInterface} from 'node:readline/promises';
import {Writable} from 'node:stream';
import tty from 'node:tty';
import type {SecretQuestion} from '../host/host.js';
import {secretText} from '../host/secret-text.js';
import {dropControls} from '../host/terminal-text.js';
import {printLines} from './print.js';

/** The terminal that this process is run from, whatever its standard input and output are, as ssh finds it. */
const controllingTerminal = '/dev/tty';

/** Opens it; `undefined` when there is none, as under cron or in a pipeline of a CI. */
const openTerminal = (
	file: string,
):
	| {readonly input: tty.ReadStream; readonly output: tty.WriteStream}
	| undefined => {
	const opened: number[] = [];
	try {
		const inputFd = openSync(file, 'r');
		opened.push(inputFd);
		const outputFd = openSync(file, 'w');
		opened.push(outputFd);
		return {
			input: new tty.ReadStream(inputFd),
			output: new tty.WriteStream(outputFd),
		};
	} catch {
		for (const fd of opened) {
			closeSync(fd);
		}

		return undefined;
	}
};

/**
 * Asks on the terminal, with echo off where the answer is hidden; `undefined` without a terminal, on Ctrl-D, and for an
 * empty line that is no answer. Ctrl-C and the signal end it; the terminal is as before in any case, also at exit.
 */
export const askOnTerminal = async (
	question: SecretQuestion,
	signal: AbortSignal,
	file: string = controllingTerminal,
): Promise<string | undefined> => {
	if (signal.aborted) {
		return undefined;
	}

	const terminal = openTerminal(file);
	if (terminal === undefined) {
		return undefined;
	}

	const {input, output} = terminal;
	const {title, lines, isHidden, mayBeEmpty} = secretText(question);
	const shown = dropControls(title);
	const muted = new Writable({
		write(_chunk, _encoding, done) {
			done();
		},
	});
	// What the terminal says of itself going away is no crash: the line ends.
	input.on('error', () => undefined);
	output.on('error', () => undefined);
	const line = createInterface({
		input,
		output: isHidden ? muted : output,
		terminal: true,
		historySize: 0,
	});
	const restore = () => {
		input.setRawMode(false);
	};

	// Closing it ends the promise below.
	const stop = () => {
		line.close();
	};

	process.once('exit', restore);
	signal.addEventListener('abort', stop, {once: true});
	try {
		return await new Promise<string | undefined>((resolve) => {
			line.once('close', () => {
				resolve(undefined);
			});
			line.once('line', (text) => {
				resolve(text === '' && !mayBeEmpty ? undefined : text);
			});
			line.once('SIGINT', () => {
				// Raw mode takes the terminal's own Ctrl-C away.
				process.kill(process.pid, 'SIGINT');
				line.close();
			});
			printLines(output, lines);
			line.setPrompt(`${shown}${/[:?]$/.test(shown) ? ' ' : ': '}`);
			if (isHidden) {
				output.write(line.getPrompt());
			}

			line.prompt();
		});
	} finally {
		process.off('exit', restore);
		signal.removeEventListener('abort', stop);
		line.close();
		restore();
		if (isHidden) {
			output.write('\n');
		}

		input.destroy();
		output.end();
		output.destroy();
	}
};
