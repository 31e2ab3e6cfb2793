import {Buffer} from 'node:buffer';
import {UserError} from '../../errors.js';
import {ownSignal} from '../../own-signal.js';
import {ScriptFailed} from '../errors.js';
import type {CallOptions, Conversation, Host} from '../host.js';
import type {Redactor} from '../redactor.js';
import {loginCommand, rootCommand} from '../scripts/bootstrap.js';
import {encodeRequest, type BodyKind} from '../scripts/prelude.js';
import {haveLine} from '../scripts/files-receive.js';
import type {Script} from '../scripts/script.js';
import {makeLineSplitter, stripControls} from '../terminal-text.js';
import {startCall, type Call, type CallRequest} from './call.js';
import type {Connection} from './connection.js';
import {makeEndSudo} from './end-sudo.js';
import {loginListenMs, type Login} from './greeting.js';
import {makeLineQueue} from './line-queue.js';
import {
	RootRefused,
	loginStuck,
	reasonOf,
	shellRefused,
	rootStuck,
} from './refusals.js';
import {sudoListenMs, type RootAccess} from './root-access.js';
import {makeMark, makeSudoDoor} from './sudo-door.js';

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

/** How a call gets in. */
type Entry = Pick<
	CallRequest,
	'command' | 'door' | 'listenMs' | 'refused' | 'stuck'
>;

/** A host over an open connection. */
export const makeSshHost = (details: {
	readonly connection: Connection;
	readonly address: string;
	readonly dialed: string | undefined;
	readonly rttMs: number;
	readonly login: Login;
	readonly root: RootAccess;
	readonly redactor: Redactor;
}): Host => {
	const {connection, login, root, redactor} = details;
	const {node} = connection;

	const endSudo = makeEndSudo(connection);

	/** The command line that a script goes through, and what that may end by before it listens. */
	const entryFor = (
		script: Script<never, unknown>,
		signal: AbortSignal,
	): Entry => {
		if (
			script.as === 'login' ||
			root.kind === 'login' ||
			(script.as === 'any' && root.kind === 'refused')
		) {
			return {
				command: loginCommand,
				listenMs: loginListenMs,
				refused: (lastLine) => shellRefused(node, lastLine),
				stuck: (limitMs, lastLine) => loginStuck(node, limitMs, lastLine),
			};
		}

		if (root.kind === 'refused') {
			throw new RootRefused(node, login.user, root.refusal);
		}

		const {way} = root;
		const mark = root.kind === 'password' ? makeMark() : undefined;
		return {
			command: rootCommand(way, mark),
			listenMs: sudoListenMs,
			...(root.kind === 'password' && {
				door: makeSudoDoor({
					program: way.program,
					node,
					user: login.user,
					mark: mark!,
					endSudo,
					answer: async (owner) => root.answers.take(owner, signal),
				}),
			}),
			refused: (text) =>
				new RootRefused(node, login.user, {
					kind: 'said',
					program: way.program,
					text,
				}),
			stuck: (limitMs, lastLine) =>
				rootStuck(way.program, node, limitMs, lastLine),
		};
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
		const entry = entryFor(script, options.signal);
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
			...entry,
			connection,
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
					lingers: entry.command !== loginCommand,
				});
			},
			timeoutMs: options.timeoutMs ?? script.timeoutMs,
			signal: ownSignal(options.signal),
			onOutput: rest.onOutput,
			onErrorOutput(bytes) {
				keep(errorLines.push(bytes));
			},
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
		...(root.kind === 'refused' && {rootRefused: reasonOf(root.refusal)}),
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
		async upload(script, input, {read, onProgress, ...options}) {
			const output = makeWhole(node, script.name, outputLimit);
			const lines = makeLineSplitter();
			let tellHave: (bytes: number) => void;
			const have = new Promise<number>((resolve) => {
				tellHave = resolve;
			});
			const local = new AbortController();
			const upload = {
				...options,
				signal: AbortSignal.any([options.signal, local.signal]),
			};
			const {call, lastLines} = await start(script, input, upload, {
				kind: 'converse',
				onOutput(bytes) {
					output.push(bytes);
					for (const line of lines.push(bytes)) {
						const told = haveLine.exec(line);
						if (told) {
							tellHave(Number(told.groups!.bytes));
						}
					}
				},
			});
			const pump = async (): Promise<void> => {
				try {
					let done = await have;
					onProgress(done);
					for await (const bytes of read(done)) {
						await call.send(bytes);
						done += bytes.length;
						onProgress(done);
					}

					call.finishInput();
				} catch (error) {
					// A script that has ended early, for want of space perhaps, has said why: then this ends nothing more.
					local.abort(error);
				}
			};

			void pump();
			const code = await call.ended;
			checkCode(script, code, lastLines);
			return script.decode({stdout: output.text(), code});
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
