import type {Buffer} from 'node:buffer';
import {loginCommand} from '../scripts/bootstrap.js';
import {hello} from '../scripts/hello.js';
import {encodeRequest} from '../scripts/prelude.js';
import {makeLineSplitter, stripControls} from '../terminal-text.js';
import {startCall} from './call.js';
import type {Connection} from './connection.js';
import {makeLineQueue} from './line-queue.js';
import {shellRefused} from './refusals.js';

/** How often the round trip is measured; the shortest counts. */
const pings = 3;

/** Who we are on a machine, as its greeting says. */
export type Login = {
	readonly user: string;
	readonly privilege: 'root' | 'sudo' | 'none';
	/** What sudo said when it refused. */
	readonly refused: string;
	/** `SSH_CONNECTION`; empty when sshd sets none. */
	readonly sshConnection: string;
};

/** Runs the greeting: who are we there, and how long is the round trip? */
export const greet = async (
	connection: Connection,
	signal: AbortSignal,
): Promise<{readonly login: Login; readonly rttMs: number}> => {
	const queue = makeLineQueue();
	const splitter = makeLineSplitter();
	const call = await startCall({
		connection,
		command: loginCommand,
		what: hello.name,
		request: (marker) =>
			encodeRequest(hello.source, [], 'converse', {marker, sshConnection: ''}),
		timeoutMs: hello.timeoutMs,
		signal,
		onOutput(bytes: Buffer) {
			queue.push(splitter.push(bytes).map((line) => stripControls(line)));
		},
		onErrorOutput: () => undefined,
		refused: (lastLine) => shellRefused(connection.node, lastLine),
	});
	const watchEnd = async (): Promise<void> => {
		try {
			await call.ended;
			queue.end();
		} catch (error) {
			queue.fail(error);
		}
	};

	void watchEnd();
	const values = new Map<string, string>();
	let rttMs = Number.POSITIVE_INFINITY;
	let sentAt = 0;
	let answers = 0;
	for await (const line of queue.lines) {
		if (line === 'pong') {
			rttMs = Math.min(rttMs, performance.now() - sentAt);
			answers += 1;
			if (answers === pings) {
				break;
			}
		} else {
			const [key, ...rest] = line.split(' ');
			values.set(key!, rest.join(' '));
		}

		if (line === 'pong' || line.startsWith('privilege ')) {
			sentAt = performance.now();
			call.write('ping\n');
		}
	}

	call.finishInput();
	const privilege = values.get('privilege');
	return {
		rttMs,
		login: {
			user: values.get('user') ?? '',
			privilege:
				privilege === 'root' || privilege === 'sudo' ? privilege : 'none',
			refused: values.get('refused') ?? '',
			sshConnection: values.get('connection') ?? '',
		},
	};
};
