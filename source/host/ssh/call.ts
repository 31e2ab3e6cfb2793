import {randomBytes} from 'node:crypto';
import type {Buffer} from 'node:buffer';
import type {ClientChannel} from 'ssh2';
import {type UserError} from '../../errors.js';
import {DeadlineExceeded, HostLost} from '../errors.js';
import {readyMark} from '../scripts/bootstrap.js';
import {stripControls} from '../terminal-text.js';
import type {Connection} from './connection.js';
import {makeFrameReader, type FrameReader} from './frame.js';
import type {Door, DoorCall} from './sudo-door.js';

export type CallRequest = {
	readonly connection: Connection;
	/** Does it go over a channel beside those that calls share? */
	readonly isSpare?: boolean;
	/** One of the bootstrap's command lines. */
	readonly command: string;
	/** The name of the script, for errors. */
	readonly what: string;
	/** Makes the bytes to send; called once the other side listens. */
	readonly request: (marker: string) => Buffer;
	/** Limit of the whole call, in ms. */
	readonly timeoutMs: number;
	/** Limit for the command line to listen, from the opening of its channel, in ms. */
	readonly listenMs: number;
	readonly signal: AbortSignal;
	/** What the body writes, as it comes. */
	readonly onOutput: (bytes: Buffer) => void;
	readonly onErrorOutput: (bytes: Buffer) => void;
	/** What may ask for a password before it lets the command line in. */
	readonly door?: ((call: DoorCall) => Door) | undefined;
	/** Makes the error for a command line that ended before it listened, from what it wrote last. */
	readonly refused: (lastLine: string) => UserError;
	/** Makes the error for one that neither listens nor ends. */
	readonly stuck: (limitMs: number, lastLine: string) => UserError;
};

/** A script that runs. */
export type Call = {
	/** When all its fields have arrived there and its body has started. */
	readonly begun: Promise<void>;
	/** The exit code of its body. Rejects with what the call ended by instead. */
	readonly ended: Promise<number>;
	/** Writes to the body's standard input. */
	write(text: string): void;
	/** Writes bytes, and resolves when there is room for more. */
	send(bytes: Uint8Array): Promise<void>;
	/** Ends standard input. */
	finishInput(): void;
};

const lastLineOf = (text: string): string =>
	text
		.split('\n')
		.map((line) => stripControls(line).trim())
		.findLast((line) => line !== '' && line !== readyMark) ?? '';

/**
 * Runs one script over a channel of its own, to the end mark that carries its exit code. A channel that closes
 * without one is a loss, whatever exit code came with it. When the call ends early, the channel is closed, which
 * ends what runs there.
 */
export const startCall = async (request: CallRequest): Promise<Call> => {
	const {connection, signal, what} = request;
	const {node} = connection;
	const marker = `k3s-mesh-${randomBytes(16).toString('hex')}`;
	const output = makeFrameReader(marker, request.onOutput);
	const errorOutput = makeFrameReader(marker, request.onErrorOutput);

	const limit = AbortSignal.timeout(request.timeoutMs);
	let listenTimer: NodeJS.Timeout | undefined;
	let settled = false;
	let begin: () => void;
	let finish: (code: number) => void;
	let fail: (error: unknown) => void;
	let channel: ClientChannel | undefined;
	const begun = new Promise<void>((resolve, reject) => {
		begin = resolve;
		fail = reject;
	});
	const failBegun = fail!;
	const ended = new Promise<number>((resolve, reject) => {
		finish = resolve;
		fail = reject;
	});
	const failEnded = fail!;
	// Each is awaited by some callers only.
	begun.catch(() => undefined);
	ended.catch(() => undefined);

	const settle = (): boolean => {
		if (settled) {
			return false;
		}

		settled = true;
		signal.removeEventListener('abort', onAbort);
		limit.removeEventListener('abort', onLimit);
		clearTimeout(listenTimer);
		stopListening();
		door?.closed();
		channel?.end();
		channel?.close();
		return true;
	};

	const failCall = (error: unknown): void => {
		if (settle()) {
			failBegun(error);
			failEnded(error);
		}
	};

	const onAbort = () => {
		failCall(signal.reason);
	};

	const lastNoise = (): string =>
		lastLineOf(errorOutput.noise) || lastLineOf(output.noise);

	const failStuck = (limitMs: number): void => {
		failCall(request.stuck(limitMs, door?.lastSaid() ?? lastNoise()));
	};

	const onLimit = () => {
		if (channel && !output.ready) {
			failStuck(request.timeoutMs);
		} else {
			failCall(new DeadlineExceeded(node, what, request.timeoutMs));
		}
	};

	const door = request.door?.({
		write(text) {
			channel?.write(text);
		},
		fail: failCall,
	});
	let stopListening: () => void = () => undefined;
	let sent = false;
	const look = (opened: ClientChannel): void => {
		if (settled) {
			return;
		}

		if (output.ready && !sent) {
			sent = true;
			clearTimeout(listenTimer);
			door?.opened();
			try {
				opened.write(request.request(marker));
			} catch (error) {
				failCall(error);
				return;
			}
		}

		if (output.begun) {
			begin();
		}

		if (output.ended && errorOutput.ended && settle()) {
			const {code} = output;
			if (code === undefined) {
				failEnded(new HostLost(node, `${what} ended without an exit code`));
			} else {
				finish(code);
			}
		}
	};

	const attach = (opened: ClientChannel): void => {
		channel = opened;
		listenTimer = setTimeout(() => {
			failStuck(request.listenMs);
		}, request.listenMs);
		const take =
			(frame: FrameReader) =>
			(bytes: Buffer): void => {
				if (settled) {
					return;
				}

				try {
					frame.push(bytes);
				} catch (error) {
					failCall(error);
					return;
				}

				look(opened);
			};

		opened.on('data', take(output));
		const takeError = take(errorOutput);
		opened.stderr.on('data', (bytes: Buffer) => {
			if (!output.ready && !settled) {
				door?.push(bytes);
			}

			takeError(bytes);
		});
		opened.on('error', () => undefined);
		opened.stdin.on('error', () => undefined);
		let exit = '';
		opened.on(
			'exit',
			(code: number | null, signalName?: string, ...rest: unknown[]) => {
				exit =
					code === null
						? `by signal ${signalName ?? String(rest[0])}`
						: `with exit code ${code}`;
			},
		);
		opened.once('close', () => {
			// When the whole connection went, its own report comes right behind and says why.
			setImmediate(() => {
				if (exit === '') {
					failCall(new HostLost(node, 'it was closed'));
				} else if (output.ready) {
					failCall(
						new HostLost(node, `${what} ended ${exit} before it had answered`),
					);
				} else {
					failCall((door ?? request).refused(lastNoise()));
				}
			});
		});
	};

	signal.throwIfAborted();
	try {
		await connection.open(
			request.command,
			AbortSignal.any([signal, limit]),
			attach,
			request.isSpare,
		);
	} catch (error) {
		if (limit.aborted && !signal.aborted) {
			throw new DeadlineExceeded(node, what, request.timeoutMs);
		}

		throw error;
	}

	if (!settled) {
		signal.addEventListener('abort', onAbort, {once: true});
		limit.addEventListener('abort', onLimit, {once: true});
		stopListening = connection.onLost(failCall);
		if (signal.aborted) {
			onAbort();
		} else if (limit.aborted) {
			onLimit();
		}
	}

	return {
		begun,
		ended,
		write(text) {
			if (settled) {
				throw new HostLost(node, `${what} has ended`);
			}

			channel?.write(text);
		},
		async send(bytes) {
			if (settled || channel === undefined) {
				throw new HostLost(node, `${what} has ended`);
			}

			const {stdin} = channel;
			if (!stdin.write(bytes)) {
				// The end of the call ends the wait, too: nobody takes the rest then.
				await Promise.race([
					new Promise((resolve) => {
						stdin.once('drain', resolve);
					}),
					ended,
				]);
			}
		},
		finishInput() {
			if (!settled) {
				channel?.end();
			}
		},
	};
};
