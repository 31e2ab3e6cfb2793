import type {Buffer} from 'node:buffer';
import {spawn, type ChildProcess} from 'node:child_process';
import net from 'node:net';
import process from 'node:process';
import {Duplex} from 'node:stream';
import {stripControls} from '../terminal-text.js';
import type {Dialed} from './dial.js';

/** How long the command may take to end by itself when it is told to, in ms. */
const graceMs = 2000;
/** How long its last words may take after its output has ended, in ms: what it has started may hold them open for ever. */
const lastWordsMs = 500;
const rememberedCharacters = 4096;

/** Tells a command, and whatever it has started in its group, to end. */
const signalGroup = (
	child: ChildProcess,
	signal: 'SIGTERM' | 'SIGKILL',
): void => {
	try {
		process.kill(-child.pid!, signal);
	} catch {
		// All of it has ended already.
	}
};

const makeStream = (
	child: ChildProcess & {
		readonly stdin: NonNullable<ChildProcess['stdin']>;
		readonly stdout: NonNullable<ChildProcess['stdout']>;
	},
): Duplex => {
	let isGone = false;
	const stream = new Duplex({
		allowHalfOpen: false,
		read() {
			child.stdout.resume();
		},
		write(bytes: Buffer, _encoding, done) {
			// A command that no longer listens is about to end, and says why.
			child.stdin.write(bytes, () => {
				done();
			});
		},
		final(done) {
			child.stdin.end(() => {
				done();
			});
		},
		destroy(error, done) {
			child.stdin.destroy();
			child.stdout.destroy();
			if (!isGone && child.pid !== undefined) {
				signalGroup(child, 'SIGTERM');
				const limit = setTimeout(() => {
					signalGroup(child, 'SIGKILL');
				}, graceMs);
				limit.unref();
				child.once('exit', () => {
					clearTimeout(limit);
				});
			}

			done(error);
		},
	});
	child.stdout.on('data', (bytes: Buffer) => {
		if (!stream.push(bytes)) {
			child.stdout.pause();
		}
	});
	child.once('close', () => {
		isGone = true;
		stream.push(null);
	});
	child.stdout.once('end', () => {
		setTimeout(() => {
			stream.push(null);
		}, lastWordsMs).unref();
	});
	child.stdin.on('error', () => undefined);
	child.once('error', (error) => {
		stream.destroy(error);
	});
	return stream;
};

/**
 * Starts a command of the person's own configuration, through their shell as ssh does, whose standard input and output
 * are the connection. It has no terminal, so it can neither draw on the screen nor ask on it, and ends with the
 * connection.
 */
export const dialByCommand = (
	command: string,
	host: string,
	environment: Readonly<Record<string, string | undefined>>,
): Dialed => {
	const shell = environment.SHELL;
	const child = spawn(
		shell === undefined || shell === '' ? '/bin/sh' : shell,
		['-c', `exec ${command}`],
		{
			// A group of its own, to end all of it; and a session without the terminal.
			detached: true,
			stdio: ['pipe', 'pipe', 'pipe'],
			env: {...environment},
		},
	);
	let said = '';
	child.stderr.setEncoding('utf8');
	child.stderr.on('data', (text: string) => {
		said = `${said}${text}`.slice(-rememberedCharacters);
	});
	let end: string | undefined;
	child.once('error', (error) => {
		end = error.message;
	});
	child.once('exit', (code, signal) => {
		end ??=
			code === null
				? `ended by signal ${signal}`
				: `ended with exit code ${code}`;
	});
	return {
		socket: makeStream(child),
		address: net.isIP(host) === 0 ? undefined : host,
		complaint() {
			const last = said
				.split('\n')
				.map((line) => stripControls(line).trim())
				.findLast((line) => line !== '');
			return last ?? end;
		},
	};
};
