import {Buffer} from 'node:buffer';
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync} from 'node:fs';
import net, {type AddressInfo} from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import ssh2 from 'ssh2';

/** A key pair in the forms that SSH's files have. */
export const makeKey = (
	type: 'ed25519' | 'rsa' = 'ed25519',
	passphrase?: string,
) => {
	const encryption =
		passphrase === undefined
			? {}
			: {passphrase, cipher: 'aes256-ctr', rounds: 1};
	const generate = () =>
		type === 'rsa'
			? ssh2.utils.generateKeyPairSync('rsa', {bits: 2048, ...encryption})
			: ssh2.utils.generateKeyPairSync('ed25519', encryption as never);
	let pair = generate();
	// One ed25519 key in some hundred is written so that nobody can read it, neither the library itself nor OpenSSH.
	while (ssh2.utils.parseKey(pair.private, passphrase) instanceof Error) {
		pair = generate();
	}

	return {
		privateKey: pair.private,
		/** `ssh-ed25519 AAAA…` */
		publicKey: pair.public.trim(),
		/** SSH's own encoding. */
		blob: Buffer.from(pair.public.split(' ')[1]!, 'base64'),
	};
};

export type Key = ReturnType<typeof makeKey>;

/** The permissions of a file or folder. */
export const modeOf = (file: string): number => statSync(file).mode % 0o1000;

/** A home folder with a `.ssh` in it. */
export const makeHome = () => {
	const home = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-home-'));
	mkdirSync(path.join(home, '.ssh'), {mode: 0o700});
	return {
		home,
		knownHosts: path.join(home, '.ssh', 'known_hosts'),
		write(name: string, text: string): string {
			const file = path.join(home, '.ssh', name);
			writeFileSync(file, text, {mode: 0o600});
			return file;
		},
		close() {
			rmSync(home, {recursive: true, force: true});
		},
	};
};

export type DoubleOptions = {
	readonly hostKeys: readonly Key[];
	/** The keys that may log in. */
	readonly authorized: readonly Key[];
	/** Where it listens, instead of on 127.0.0.1. */
	readonly address?: string;
	/** Programs by name that commands find before all others. */
	readonly programs?: Readonly<Record<string, string>>;
	/** The path on which they find all others, instead of that of the tests. */
	readonly path?: string;
	/** What a login profile prints before the command, and a logout one after it. */
	readonly noise?: {readonly before: string; readonly after: string};
	/** Instead of accepting the authorized keys. */
	readonly onAuthentication?: (
		context: ssh2.AuthContext,
		client: ssh2.Connection,
	) => void;
	/** Instead of running the command. */
	readonly onExec?: (channel: ssh2.ServerChannel, command: string) => void;
};

/** An SSH server on the loopback that speaks the real protocol and runs commands as this user. */
export type SshDouble = {
	readonly port: number;
	/** The public keys that logins came with, in their order. */
	readonly offered: readonly Buffer[];
	/** Command lines that were asked for. */
	readonly commands: readonly string[];
	/** Processes of commands that have not ended. */
	readonly running: ReadonlySet<ChildProcess>;
	/** The most commands that ran at once. */
	readonly most: number;
	/** Connections so far. */
	readonly connections: number;
	/** Cuts every connection, as a broken network would. */
	cut(): void;
	close(): Promise<void>;
};

export const startSshDouble = async (
	options: DoubleOptions,
): Promise<SshDouble> => {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-ssh-'));
	for (const [name, text] of Object.entries(options.programs ?? {})) {
		writeFileSync(path.join(folder, name), text, {mode: 0o755});
	}

	const commands: string[] = [];
	const offered: Buffer[] = [];
	const running = new Set<ChildProcess>();
	const sockets = new Set<net.Socket>();
	let most = 0;
	let connections = 0;

	const execute = (channel: ssh2.ServerChannel, command: string): void => {
		const child = spawn('/bin/sh', ['-c', command], {
			// As sshd does: a session of its own.
			detached: true,
			stdio: ['pipe', 'pipe', 'pipe'],
			env: {
				PATH: `${folder}:${options.path ?? process.env.PATH ?? ''}`,
				SSH_CONNECTION: '127.0.0.1 50000 127.0.0.1 22',
				HOME: os.tmpdir(),
			},
		});
		running.add(child);
		most = Math.max(most, running.size);
		channel.write(options.noise?.before ?? '');
		child.stdin.on('error', () => undefined);
		channel.on('error', () => undefined);
		channel.pipe(child.stdin);
		child.stdout.on('data', (bytes: Buffer) => {
			channel.write(bytes);
		});
		child.stderr.on('data', (bytes: Buffer) => {
			channel.stderr.write(bytes);
		});
		channel.once('close', () => {
			child.stdin.end();
		});
		child.once('close', (code, signal) => {
			running.delete(child);
			channel.write(options.noise?.after ?? '');
			if (code === null) {
				channel.exit(String(signal).replace(/^SIG/, ''), false, '');
			} else {
				channel.exit(code);
			}

			channel.end();
		});
	};

	const server = new ssh2.Server(
		{hostKeys: options.hostKeys.map(({privateKey}) => privateKey)},
		(client) => {
			connections += 1;
			client.on('error', () => undefined);
			client.on('authentication', (context) => {
				if (context.method === 'publickey' && !context.signature) {
					offered.push(context.key.data);
				}

				if (options.onAuthentication) {
					options.onAuthentication(context, client);
					return;
				}

				const accepted =
					context.method === 'publickey' &&
					options.authorized.some(({blob}) => blob.equals(context.key.data));
				if (accepted) {
					context.accept();
				} else {
					context.reject(['publickey']);
				}
			});
			client.on('session', (accept) => {
				accept().on('exec', (acceptExec, _reject, {command}) => {
					commands.push(command);
					(options.onExec ?? execute)(acceptExec(), command);
				});
			});
			client.on('tcpip', (accept, reject, {destIP, destPort}) => {
				const socket = net.connect(destPort, destIP);
				socket.once('connect', () => {
					const channel = accept();
					channel.on('error', () => undefined);
					channel.pipe(socket).pipe(channel);
					channel.once('close', () => {
						socket.destroy();
					});
				});
				socket.once('error', () => {
					reject();
				});
			});
		},
	);
	// The type leaves out that it is a net.Server's event, too.
	(server as unknown as {_srv: net.Server})._srv.on('connection', (socket) => {
		sockets.add(socket);
		socket.once('close', () => {
			sockets.delete(socket);
		});
	});
	server.listen(0, options.address ?? '127.0.0.1');
	await once(server, 'listening');
	const cut = (): void => {
		for (const socket of sockets) {
			socket.destroy();
		}
	};

	return {
		port: (server.address() as AddressInfo).port,
		commands,
		offered,
		running,
		get most() {
			return most;
		},
		get connections() {
			return connections;
		},
		cut,
		async close() {
			cut();
			const ended = [...running].map(async (child) => once(child, 'close'));
			for (const {pid} of running) {
				try {
					process.kill(-pid!, 'SIGKILL');
				} catch {
					// It has just ended by itself.
				}
			}

			await Promise.all(ended);
			await new Promise<void>((resolve) => {
				server.close(() => {
					resolve();
				});
			});
			rmSync(folder, {recursive: true, force: true});
		},
	};
};

/** A public key of a type that the library does not know, in SSH's own encoding: as far as anybody looks at it here. */
export const strangeBlob = (type: string): Buffer => {
	const parts = [Buffer.from(type), Buffer.alloc(32, 7), Buffer.from('ssh:')];
	return Buffer.concat(
		parts.flatMap((part) => [Buffer.from([0, 0, 0, part.length]), part]),
	);
};

/**
 * An SSH agent that holds these keys, in this order, and speaks the real protocol on a socket in that folder. Strangers
 * are public keys that come before all others.
 */
export const startAgentDouble = async (
	folder: string,
	keys: readonly Key[],
	strangers: ReadonlyArray<{
		readonly blob: Buffer;
		readonly comment: string;
	}> = [],
) => {
	const socketPath = path.join(folder, 'agent');
	const parsed = keys.map(({privateKey}) => {
		const key = ssh2.utils.parseKey(privateKey);
		if (key instanceof Error) {
			throw key;
		}

		return key;
	});
	// The library sends whatever a parsed key says that it is.
	const strange = strangers.map(
		({blob, comment}): ssh2.ParsedKey =>
			Object.create(ssh2.utils.parseKey(makeKey().privateKey) as object, {
				getPublicSSH: {value: () => blob},
				comment: {value: comment},
			}) as ssh2.ParsedKey,
	);
	const server = net.createServer((socket) => {
		const protocol = new ssh2.AgentProtocol(false);
		protocol.on('identities', (request) => {
			protocol.getIdentitiesReply(request, [...strange, ...parsed]);
		});
		protocol.on('sign', (request, publicKey, data) => {
			const own = parsed.find((key) =>
				key.getPublicSSH().equals(publicKey.getPublicSSH()),
			);
			if (own) {
				protocol.signReply(request, own.sign(data));
			} else {
				protocol.failureReply(request);
			}
		});
		socket.on('error', () => undefined);
		socket.pipe(protocol).pipe(socket);
	});
	server.listen(socketPath);
	await once(server, 'listening');
	return {
		socketPath,
		close() {
			server.close();
		},
	};
};
