import type {Buffer} from 'node:buffer';
import {DeadlineExceeded} from '../errors.js';
import {loginCommand} from '../scripts/bootstrap.js';
import {hello} from '../scripts/hello.js';
import {encodeRequest} from '../scripts/prelude.js';
import {makeLineSplitter, stripControls} from '../terminal-text.js';
import {startCall} from './call.js';
import type {Connection} from './connection.js';
import {makeLineQueue} from './line-queue.js';
import {loginStuck, shellRefused} from './refusals.js';

/** How often the round trip is measured; the shortest counts. */
const pings = 3;

/** Who we are on a machine, as its greeting says. */
export type Login = {
	readonly user: string;
	/** Root already, or by what without a question. */
	readonly privilege: 'root' | 'sudo' | 'doas' | 'none';
	/** Does sudo want a terminal, and can it have one? */
	readonly terminal: boolean;
	/** Can doas have the terminal that it asks in? */
	readonly doasTerminal: boolean;
	/** What they said when they refused to go on without a question; `undefined` when there is none, or it let us in. */
	readonly sudoSaid: string | undefined;
	readonly doasSaid: string | undefined;
	/** `SSH_CONNECTION`; empty when sshd sets none. */
	readonly sshConnection: string;
};

const privileges = ['root', 'sudo', 'doas'] as const;

/** How long a login profile may take, in ms. */
export const loginListenMs = 20_000;

/** Runs the greeting: who are we there, and how long is the round trip? */
export const greet = async (
	connection: Connection,
	signal: AbortSignal,
): Promise<{readonly login: Login; readonly rttMs: number}> => {
	const values = new Map<string, string>();
	let stuck: DeadlineExceeded | undefined;
	const queue = makeLineQueue();
	const splitter = makeLineSplitter();
	const call = await startCall({
		connection,
		command: loginCommand,
		what: hello.name,
		request: (marker) =>
			encodeRequest(hello.source, [], 'converse', {marker, sshConnection: ''}),
		timeoutMs: hello.timeoutMs,
		listenMs: loginListenMs,
		signal,
		onOutput(bytes: Buffer) {
			queue.push(splitter.push(bytes).map((line) => stripControls(line)));
		},
		onErrorOutput: () => undefined,
		refused: (lastLine) => shellRefused(connection.node, lastLine),
		stuck(limitMs, lastLine) {
			stuck = loginStuck(connection.node, limitMs, lastLine);
			return stuck;
		},
	});
	const watchEnd = async (): Promise<void> => {
		try {
			await call.ended;
			queue.end();
		} catch (error) {
			// It listens, and yet what was sent never got there whole.
			queue.fail(
				error instanceof DeadlineExceeded &&
					error !== stuck &&
					values.size === 0
					? loginStuck(connection.node, hello.timeoutMs, '')
					: error,
			);
		}
	};

	void watchEnd();
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
			privilege: privileges.find((name) => name === privilege) ?? 'none',
			terminal: values.has('terminal'),
			doasTerminal: values.has('doas-terminal'),
			sudoSaid: values.get('sudo'),
			doasSaid: values.get('doas'),
			sshConnection: values.get('connection') ?? '',
		},
	};
};
