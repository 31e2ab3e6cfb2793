/**
 * The ways to a host that an SSH configuration names, and hosts that are no good to talk to.
 */
import assert from 'node:assert/strict';
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import net, {type AddressInfo} from 'node:net';
import path from 'node:path';
import process from 'node:process';
import {describe, test} from 'node:test';
import {setTimeout as pause} from 'node:timers/promises';
import ssh2 from 'ssh2';
import type {SshTarget} from '../../source/cluster/ssh-target.js';
import {UserError} from '../../source/errors.js';
import type {Host, UnknownHostKey} from '../../source/host/host.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {makeSshConnector} from '../../source/host/ssh/connect.js';
import {dialThrough} from '../../source/host/ssh/dial.js';
import {dialErrors} from '../../source/host/ssh/dial-errors.js';
import {isUnreachable} from '../../source/install/reach.js';
import {makeHome, makeKey, startSshDouble} from './ssh-double.js';

const hostKey = makeKey();
const userKey = makeKey();
const never = new AbortController().signal;
const ignore = (): void => undefined;

/** A home, and a connector that reads its files without OpenSSH. */
const stage = () => {
	const home = makeHome();
	home.write('id_ed25519', userKey.privateKey);
	const asked: UnknownHostKey[] = [];
	const notes: string[] = [];
	const hosts: Host[] = [];
	const connector = makeSshConnector({
		home: home.home,
		environment: {PATH: home.home, SHELL: '/bin/sh'},
		systemConfig: path.join(home.home, 'no-such-file'),
		redactor: makeRedactor(),
		onNote(note) {
			notes.push(note);
		},
	});
	return {
		home,
		asked,
		notes,
		configure(...lines: readonly string[]) {
			home.write('config', `${lines.join('\n')}\n`);
		},
		async connect(
			target: SshTarget,
			{trust = true, signal = never, onAsked = ignore} = {},
		): Promise<Host> {
			const host = await connector(
				{name: 'nuc', ssh: target},
				{
					signal,
					questions: {
						async trustHostKey(key) {
							asked.push(key);
							onAsked();
							return trust;
						},
						askSecret: async () => undefined,
					},
				},
			);
			hosts.push(host);
			return host;
		},
		async close() {
			for (const host of hosts) {
				await host.close();
			}

			home.close();
		},
	};
};

type Stage = ReturnType<typeof stage>;

const withStage = async (body: (stage: Stage) => Promise<void>) => {
	const opened = stage();
	try {
		await body(opened);
	} finally {
		await opened.close();
	}
};

const withDouble = async (
	body: (port: number, stage: Stage) => Promise<void>,
	authorized = [userKey],
) => {
	const double = await startSshDouble({hostKeys: [hostKey], authorized});
	try {
		await withStage(async (opened) => body(double.port, opened));
	} finally {
		await double.close();
	}
};

/** Something on the loopback that is not SSH. */
const withListener = async (
	onConnection: (socket: net.Socket) => void,
	body: (port: number) => Promise<void>,
) => {
	const sockets = new Set<net.Socket>();
	const server = net.createServer((socket) => {
		sockets.add(socket);
		socket.on('error', () => undefined);
		onConnection(socket);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	try {
		await body((server.address() as AddressInfo).port);
	} finally {
		for (const socket of sockets) {
			socket.destroy();
		}

		server.close();
	}
};

const userError = (pattern: RegExp, advice?: RegExp) => (error: unknown) => {
	assert.ok(error instanceof UserError, String(error));
	assert.match(error.message, pattern);
	assert.match(error.tryNext.join('\n'), advice ?? /./);
	return true;
};

/** A program that carries a connection, with Node itself: `nc` is not everywhere. */
const carry = (stages: Stage): string => {
	const file = stages.home.write(
		'carry.cjs',
		`require('node:fs').writeFileSync(process.argv[2], String(process.pid));
const socket = require('node:net').connect(Number(process.argv[4]), process.argv[3]);
process.stdin.pipe(socket).pipe(process.stdout);
socket.on('close', () => process.exit(0));
`,
	);
	return `${process.execPath} ${file}`;
};

const alive = (pid: number): boolean => {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
};

test('a ProxyCommand carries the connection, and ends with it', async () => {
	await withDouble(async (port, stages) => {
		const mark = path.join(stages.home.home, 'pid');
		stages.configure(
			'Host nuc',
			' HostName 127.0.0.1',
			` Port ${port}`,
			' User me',
			` ProxyCommand ${carry(stages)} "${mark}" %h %p`,
		);
		const host = await stages.connect({host: 'nuc'});
		assert.equal(host.address, `me@127.0.0.1:${port}`);
		const pid = Number(readFileSync(mark, 'utf8'));
		assert.ok(alive(pid));
		await host.close();
		while (alive(pid)) {
			await pause(5);
		}
	});
});

test('a jump host behind a ProxyCommand is reached by it, and only that one', async () => {
	const jump = await startSshDouble({
		hostKeys: [makeKey()],
		authorized: [userKey],
	});
	try {
		await withDouble(async (port, stages) => {
			const mark = path.join(stages.home.home, 'pid');
			stages.configure(
				'Host nuc',
				' HostName 127.0.0.1',
				` Port ${port}`,
				' ProxyJump bastion',
				'Host bastion',
				' HostName 127.0.0.1',
				` Port ${jump.port}`,
				` ProxyCommand ${carry(stages)} "${mark}" %h %p`,
			);
			const host = await stages.connect({host: 'nuc'});
			assert.ok(jump.connections > 0);
			const pid = Number(readFileSync(mark, 'utf8'));
			await host.close();
			while (alive(pid)) {
				await pause(5);
			}
		});
	} finally {
		await jump.close();
	}
});

test('a jump host that goes away in between is named, counts as out of reach, and is logged in to anew', async () => {
	const jump = await startSshDouble({
		hostKeys: [makeKey()],
		authorized: [userKey],
	});
	try {
		await withDouble(async (port, stages) => {
			stages.configure('StrictHostKeyChecking accept-new');
			const target = {
				host: '127.0.0.1',
				port,
				user: 'me',
				jump: [`me@127.0.0.1:${jump.port}`],
			};
			await stages.connect({host: '127.0.0.1', port: jump.port, user: 'me'});
			const before = jump.connections;
			stages.configure('StrictHostKeyChecking ask');
			const isLost = (error: unknown) =>
				userError(
					new RegExp(
						String.raw`^The connection to the jump host me@127\.0\.0\.1:${jump.port}, on the way to 127\.0\.0\.1, was lost\.$`,
					),
					/logged in to anew/,
				)(error) && isUnreachable(error);
			await assert.rejects(
				stages.connect(target, {
					onAsked() {
						jump.cut();
					},
				}),
				isLost,
			);
			assert.equal(jump.connections, before + 1);
			await stages.connect(target);
			assert.equal(jump.connections, before + 2);
			// One that is known to be gone is not even asked.
			await assert.rejects(
				dialThrough(
					'nuc',
					{host: '127.0.0.1', port, connectTimeoutMs: 15_000},
					{
						client: new ssh2.Client(),
						address: `me@127.0.0.1:${jump.port}`,
					},
					never,
				),
				isLost,
			);
		});
	} finally {
		await jump.close();
	}
});

test('jump hosts in a circle are noticed', async () => {
	await withStage(async (stages) => {
		stages.configure('Host *', ' ProxyJump bastion');
		await assert.rejects(
			stages.connect({host: 'nuc', user: 'me', port: 22}),
			userError(/go in a circle/, /ProxyJump none/),
		);
	});
});

test('the last words of a ProxyCommand that fails are in the error', async () => {
	await withStage(async (stages) => {
		stages.configure(
			'Host nuc',
			String.raw` ProxyCommand /bin/sh -c 'printf "first\n\033[31mgateway is down\n" >&2; exit 3'`,
			'Host pi',
			' ProxyCommand /no/such/program %h',
		);
		await assert.rejects(
			stages.connect({host: 'nuc'}),
			userError(
				/The ProxyCommand for nuc ended without a connection: gateway is down\.$/,
				/by hand/,
			),
		);
		await assert.rejects(
			stages.connect({host: 'pi'}),
			userError(/ended without a connection: .*no\/such\/program/),
		);
	});
});

test('who says nothing, something else, or never stops is told apart', async () => {
	await withStage(async (stages) => {
		stages.configure('Host *', ' ConnectTimeout 1');
		await withListener(
			() => undefined,
			async (port) => {
				await assert.rejects(
					stages.connect({host: '127.0.0.1', port}),
					userError(/accepted the connection .* and said nothing within 1 s/),
				);
			},
		);
		await withListener(
			(socket) => {
				socket.write('SSH-2.0-slow\r\n');
			},
			async (port) => {
				await assert.rejects(
					stages.connect({host: '127.0.0.1', port}),
					userError(
						/began to speak SSH .* did not finish the login within 1 s/,
						/ConnectTimeout/,
					),
				);
			},
		);
		await withListener(
			(socket) => {
				socket.write('220 mail.example.org \u001B[31mESMTP\r\n');
			},
			async (port) => {
				await assert.rejects(
					stages.connect({host: '127.0.0.1', port}),
					userError(/does not speak SSH: it says "220 mail.example.org ESMTP"/),
				);
			},
		);
		await withListener(
			(socket) => {
				socket.write('x'.repeat(100_000));
			},
			async (port) => {
				await assert.rejects(
					stages.connect({host: '127.0.0.1', port}),
					userError(/does not stop talking .* never begins to speak SSH/),
				);
			},
		);
	});
});

test('every address that was tried is named', () => {
	const settings = {
		host: 'nuc.lan',
		port: 22,
		connectTimeoutMs: 5000,
	};
	const error = dialErrors('nuc', settings, [
		{
			address: '2001:db8::1',
			error: Object.assign(new Error('x'), {code: 'ENETUNREACH'}),
		},
		{address: '192.0.2.7', error: undefined},
		{
			address: '192.0.2.8',
			error: Object.assign(new Error('x'), {code: 'ECONNREFUSED'}),
		},
	]);
	assert.equal(
		error.message,
		'nuc.lan can not be reached on port 22 at any of its addresses: 2001:db8::1 has no way from here; 192.0.2.7 does not answer within 5 s; 192.0.2.8 refuses connections.',
	);
	assert.match(error.tryNext.join(' '), /SSH listens on port 22/);
});

test('a name is reached at the one of its addresses that answers', async () => {
	// `localhost` is ::1 and 127.0.0.1, or the latter only; the double listens on the latter.
	await withDouble(async (port, stages) => {
		const host = await stages.connect({host: 'localhost', port, user: 'me'});
		assert.equal(host.dialed, '127.0.0.1');
	});
});

test('StrictHostKeyChecking decides about new keys, and never about changed ones', async () => {
	await withDouble(async (port, stages) => {
		const target = {host: '127.0.0.1', port, user: 'me'};
		stages.configure('StrictHostKeyChecking yes');
		await assert.rejects(
			stages.connect(target),
			userError(/is not known, and StrictHostKeyChecking yes/, /ssh-keyscan/),
		);
		for (const value of ['accept-new', 'no']) {
			stages.configure(`StrictHostKeyChecking ${value}`, 'HashKnownHosts yes');
			writeFileSync(
				stages.home.knownHosts,
				`[127.0.0.1]:${port} ${makeKey().publicKey}\n`,
			);
			await assert.rejects(
				stages.connect(target),
				userError(/known_hosts:1 has another ssh-ed25519 key/),
			);
			writeFileSync(stages.home.knownHosts, '');
			await stages.connect(target);
			await stages.connect(target);
			assert.match(
				readFileSync(stages.home.knownHosts, 'utf8'),
				/^\|1\|\S+ ssh-ed25519 \S+\n$/,
			);
		}

		assert.deepEqual(stages.asked, []);
		assert.equal(
			stages.notes.filter((note) => note.startsWith('New host key')).length,
			1,
		);
		assert.equal(
			stages.notes.filter((note) => note.includes('read as accept-new')).length,
			1,
		);
	});
});

test('a key that no file keeps is asked about once a run', async () => {
	await withDouble(async (port, stages) => {
		stages.configure(
			'UserKnownHostsFile /dev/null',
			'GlobalKnownHostsFile /dev/null',
		);
		await stages.connect({host: '127.0.0.1', port, user: 'me'});
		await stages.connect({host: '127.0.0.1', port, user: 'me'});
		assert.equal(stages.asked.length, 1);
	});
});

test('known_hosts that can not be read or written keeps nobody from a login, and is told once', async () => {
	await withDouble(async (port, stages) => {
		const target = {host: '127.0.0.1', port, user: 'me'};
		// A folder in its place, and a file in place of a folder, as a broken mount would be.
		const folder = stages.home.home;
		const inFile = path.join(stages.home.write('file', ''), 'known_hosts');
		stages.configure(
			`UserKnownHostsFile ${folder}`,
			`GlobalKnownHostsFile ${inFile}`,
		);
		await stages.connect(target);
		await stages.connect(target);
		assert.equal(stages.asked.length, 1);
		assert.deepEqual(
			stages.notes.map((text) => text.replace(/: E[A-Z]+: .*$/, '')),
			[
				`${folder} can not be read, so hosts that it knows count as new`,
				`${inFile} can not be read, so hosts that it knows count as new`,
				`The host key of [127.0.0.1]:${port} can not be written to ${folder}, so it is trusted for this run only`,
			],
		);
	});
});

test('a changed key in a file that can be read is refused, whatever the others are like', async () => {
	await withDouble(async (port, stages) => {
		const known = stages.home.write(
			'known',
			`[127.0.0.1]:${port} ${makeKey().publicKey}\n`,
		);
		stages.configure(
			`UserKnownHostsFile ${stages.home.home} ${known}`,
			'StrictHostKeyChecking accept-new',
		);
		await assert.rejects(
			stages.connect({host: '127.0.0.1', port, user: 'me'}),
			userError(/known:1 has another ssh-ed25519 key/),
		);
	});
});

test('who is trusted by a certificate only is not accepted without a question', async () => {
	await withDouble(async (port, stages) => {
		stages.configure('StrictHostKeyChecking accept-new');
		writeFileSync(
			stages.home.knownHosts,
			`@cert-authority [127.0.0.1]:${port} ${makeKey().publicKey}\n`,
		);
		await assert.rejects(
			stages.connect({host: '127.0.0.1', port, user: 'me'}, {trust: false}),
			userError(
				/known_hosts:1 trusts 127\.0\.0\.1 by a certificate, which this program can not check/,
			),
		);
		assert.deepEqual(
			stages.asked.map(({authority}) => authority),
			[`${stages.home.knownHosts}:1`],
		);
	});
});

const program = '/usr/sbin/sshd';

describe(
	'an sshd with weak algorithms only',
	{skip: !existsSync(program) && `${program} is not installed`},
	() => {
		const rows: ReadonlyArray<readonly [string, RegExp]> = [
			[
				'HostKeyAlgorithms ssh-rsa',
				/weak algorithms for host keys \(ssh-rsa\)/,
			],
			['MACs hmac-sha1\nCiphers aes128-ctr', /for integrity \(hmac-sha1\)/],
			['Ciphers aes128-cbc,3des-cbc', /encryption \(aes128-cbc, 3des-cbc\)/],
			[
				'KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1',
				/key exchange \(diffie-hellman-group14-sha1, /,
			],
			[
				'KexAlgorithms sntrup761x25519-sha512@openssh.com',
				/for the key exchange that this program does not know \(sntrup761x25519/,
			],
		];
		for (const [line, message] of rows) {
			test(line.replace('\n', ', '), async () => {
				await withStage(async (stages) => {
					if (process.getuid!() === 0) {
						mkdirSync('/run/sshd', {recursive: true});
					}

					const config = stages.home.write(
						'sshd_config',
						`HostKey ${stages.home.write('host_key', makeKey('rsa').privateKey)}\nPidFile none\nStrictModes no\nUsePAM no\n${line}\n`,
					);
					// One connection, on its standard streams: no port is needed.
					const servers: ChildProcess[] = [];
					await withListener(
						(socket) => {
							const server = spawn(program, ['-i', '-f', config], {
								stdio: ['pipe', 'pipe', 'ignore'],
							});
							servers.push(server);
							server.stdin.on('error', ignore);
							socket.pipe(server.stdin);
							server.stdout.pipe(socket);
						},
						async (port) => {
							await assert.rejects(
								stages.connect({host: '127.0.0.1', port, user: 'me'}),
								userError(message, /sshd_config/),
							);
						},
					);
					for (const server of servers) {
						if (server.exitCode === null && server.signalCode === null) {
							server.kill();
							await once(server, 'exit');
						}
					}
				});
			});
		}
	},
);
