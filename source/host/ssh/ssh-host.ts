import {Buffer} from 'node:buffer';
import {UserError} from '../../errors.js';
import {ScriptFailed} from '../errors.js';
import type {CallOptions, Conversation, Host} from '../host.js';
import type {Redactor} from '../redactor.js';
import {loginCommand, sudoCommand} from '../scripts/bootstrap.js';
import {encodeRequest, type BodyKind} from '../scripts/prelude.js';
import type {Script} from '../scripts/script.js';
import {makeLineSplitter, stripControls} from '../terminal-text.js';
import {startCall, type Call} from './call.js';
import type {Connection} from './connection.js';
import type {Login} from './greeting.js';
import {makeLineQueue} from './line-queue.js';
import {shellRefused, sudoRefused} from './refusals.js';

const mebibyte = 1024 * 1024;
/** Answers are small; one that is larger than this is a mistake, not an answer. */
const outputLimit = 32 * mebibyte;
/** How much of a stream's end its result is read from. */
const streamTailLimit = mebibyte;
/** Lines of standard error that an error keeps. */
const lastLineCount = 30;

/** Keeps the end of what is written to it, up to a number of bytes. */
const makeTail = (limit: number) => {
	const pieces: Buffer[] = [];
	let length = 0;
	return {
		push(bytes: Buffer): void {
			pieces.push(bytes);
			length += bytes.length;
			while (length - pieces[0]!.length >= limit) {
				length -= pieces.shift()!.length;
			}
		},
		text: (): string => Buffer.concat(pieces).toString('utf8'),
	};
};

/** Collects all that is written to it, and throws when that is too much. */
const makeWhole = (node: string, what: string, limit: number) => {
	const pieces: Buffer[] = [];
	let length = 0;
	return {
		push(bytes: Buffer): void {
			length += bytes.length;
			if (length > limit) {
				throw new UserError(
					`${node}: ${what} wrote more than ${limit / mebibyte} MiB.`,
					{node},
				);
			}

			pieces.push(bytes);
		},
		text: (): string => Buffer.concat(pieces).toString('utf8'),
	};
};

/** A host over an open connection. */
export const makeSshHost = (details: {
	readonly connection: Connection;
	readonly address: string;
	readonly dialed: string | undefined;
	readonly rttMs: number;
	readonly login: Login;
	readonly redactor: Redactor;
}): Host => {
	const {connection, login, redactor} = details;
	const {node} = connection;

	const commandFor = (script: Script<never, unknown>): string => {
		if (script.as === 'login' || login.privilege === 'root') {
			return loginCommand;
		}

		if (login.privilege === 'sudo') {
			return sudoCommand;
		}

		if (script.as === 'any') {
			return loginCommand;
		}

		throw sudoRefused(node, login.user, login.refused);
	};

	const printable = (line: string): string =>
		redactor.redact(stripControls(line));

	/** Starts a script; `lastLines` fills up with what it writes to standard error. */
	const start = async <Input, Output>(
		script: Script<Input, Output>,
		input: Input,
		options: CallOptions,
		rest: {
			readonly kind: BodyKind;
			readonly onOutput: (bytes: Buffer) => void;
			readonly onErrorLine?: (line: string) => void;
		},
	): Promise<{readonly call: Call; readonly lastLines: () => string[]}> => {
		const command = commandFor(script);
		const errorLines = makeLineSplitter();
		const lastLines: string[] = [];
		const keep = (lines: readonly string[]): void => {
			for (const line of lines) {
				const text = printable(line);
				if (text.trim() === '') {
					continue;
				}

				lastLines.push(text);
				rest.onErrorLine?.(text);
			}

			lastLines.splice(0, lastLines.length - lastLineCount);
		};

		const call = await startCall({
			connection,
			command,
			what: script.name,
			request(marker) {
				const fields = script.fields(input);
				for (const {value, secret} of fields) {
					if (secret === true) {
						redactor.add(value);
					}
				}

				return encodeRequest(script.source, fields, rest.kind, {
					marker,
					sshConnection: login.sshConnection,
				});
			},
			timeoutMs: options.timeoutMs ?? script.timeoutMs,
			signal: options.signal,
			onOutput: rest.onOutput,
			onErrorOutput(bytes) {
				keep(errorLines.push(bytes));
			},
			refused: (lastLine) =>
				command === sudoCommand
					? sudoRefused(node, login.user, lastLine)
					: shellRefused(node, lastLine),
		});
		return {
			call,
			lastLines() {
				keep(errorLines.end());
				return [...lastLines];
			},
		};
	};

	const checkCode = <Input, Output>(
		script: Script<Input, Output>,
		code: number,
		lastLines: () => string[],
	): void => {
		if (code !== 0 && !script.acceptCodes?.includes(code)) {
			throw new ScriptFailed(node, script.name, {
				code,
				lastLines: lastLines(),
			});
		}
	};

	return {
		name: node,
		address: details.address,
		dialed: details.dialed,
		rttMs: details.rttMs,
		async run(script, input, options) {
			const output = makeWhole(node, script.name, outputLimit);
			const {call, lastLines} = await start(script, input, options, {
				kind: 'run',
				onOutput: output.push,
			});
			const code = await call.ended;
			checkCode(script, code, lastLines);
			return script.decode({stdout: output.text(), code});
		},
		async stream(script, input, {onLine, ...options}) {
			const tail = makeTail(streamTailLimit);
			const lines = makeLineSplitter();
			const show = (texts: readonly string[]): void => {
				for (const text of texts) {
					onLine(printable(text));
				}
			};

			const {call, lastLines} = await start(script, input, options, {
				kind: 'run',
				onOutput(bytes) {
					tail.push(bytes);
					show(lines.push(bytes));
				},
				onErrorLine: onLine,
			});
			const code = await call.ended;
			show(lines.end());
			checkCode(script, code, lastLines);
			return script.decode({stdout: tail.text(), code});
		},
		async converse(script, input, options): Promise<Conversation> {
			const queue = makeLineQueue();
			const lines = makeLineSplitter();
			const {call, lastLines} = await start(script, input, options, {
				kind: 'converse',
				onOutput(bytes) {
					queue.push(lines.push(bytes).map((line) => stripControls(line)));
				},
			});
			await call.begun;
			const finish = async (): Promise<void> => {
				try {
					const code = await call.ended;
					queue.push(lines.end().map((line) => stripControls(line)));
					checkCode(script, code, lastLines);
					queue.end();
				} catch (error) {
					queue.fail(error);
				}
			};

			void finish();
			return {
				send(line) {
					call.write(`${line}\n`);
				},
				lines: queue.lines,
				close: call.finishInput,
			};
		},
		close: connection.close,
	};
};
