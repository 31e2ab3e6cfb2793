/**
 * The real OpenSSH server, run by whoever runs the tests, on a port of the loopback.
 */
import assert from 'node:assert/strict';
import {type Buffer} from 'node:buffer';
import {type ChildProcess, spawn} from 'node:child_process';
import {createHash, randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	readdirSync,
	rmSync,
	rmdirSync,
	statSync,
} from 'node:fs';
import net, {type AddressInfo} from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {after, before, describe, test} from 'node:test';
import {setTimeout as pause} from 'node:timers/promises';
import {ScriptFailed} from '../../source/host/errors.js';
import type {Host} from '../../source/host/host.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {
	factsGather,
	factsInput,
} from '../../source/host/scripts/facts-gather.js';
import {filesReceive} from '../../source/host/scripts/files-receive.js';
import {defineScript} from '../../source/host/scripts/script.js';
import {makeSshConnector} from '../../source/host/ssh/connect.js';
import {makeHome, makeKey} from './ssh-double.js';

const program = '/usr/sbin/sshd';
/** Run by root, sshd wants this folder, which its unit makes otherwise. */
const privilegeFolder = '/run/sshd';
const never = new AbortController().signal;
const limits = {signal: never, timeoutMs: 60_000};

const script = (source: string) =>
	defineScript<{readonly value: string}, string>({
		name: 'test.script',
		purpose: 'is run by a test',
		as: 'login',
		timeoutMs: 30_000,
		source,
		fields: ({value}) => [{name: 'value', value}],
		decode: ({stdout}) => stdout,
	});

const alive = (pid: number): boolean => {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
};

describe(
	'a real sshd',
	{skip: !existsSync(program) && `${program} is not installed`},
	() => {
		const home = makeHome();
		let server: ChildProcess;
		let host: Host;
		let port: number;
		let madeFolder = false;

		before(async () => {
			const hostKey = makeKey();
			const userKey = makeKey();
			home.write('id_ed25519', userKey.privateKey);
			if (process.getuid!() === 0 && !existsSync(privilegeFolder)) {
				mkdirSync(privilegeFolder);
				madeFolder = true;
			}

			const free = net.createServer().listen(0, '127.0.0.1');
			await once(free, 'listening');
			({port} = free.address() as AddressInfo);
			free.close();
			await once(free, 'close');
			const config = home.write(
				'sshd_config',
				[
					`ListenAddress 127.0.0.1:${port}`,
					`HostKey ${home.write('host_key', hostKey.privateKey)}`,
					`AuthorizedKeysFile ${home.write('authorized', `${userKey.publicKey}\n`)}`,
					'PidFile none',
					'StrictModes no',
					'UsePAM no',
					'PasswordAuthentication no',
					'PermitRootLogin prohibit-password',
					'',
				].join('\n'),
			);
			server = spawn(program, ['-D', '-e', '-f', config], {
				stdio: ['ignore', 'ignore', 'pipe'],
			});
			let log = '';
			await new Promise<void>((resolve, reject) => {
				server.stderr!.on('data', (bytes: Buffer) => {
					log += bytes.toString();
					if (log.includes('Server listening')) {
						resolve();
					}
				});
				server.once('exit', () => {
					reject(new Error(`sshd ended: ${log}`));
				});
			});
			const connect = makeSshConnector({
				home: home.home,
				environment: {PATH: process.env.PATH},
				redactor: makeRedactor(),
			});
			host = await connect(
				{
					name: 'here',
					ssh: {host: '127.0.0.1', port, user: os.userInfo().username},
				},
				{
					signal: never,
					questions: {
						trustHostKey: async () => true,
						askSecret: async () => undefined,
					},
				},
			);
		});

		after(async () => {
			await host?.close();
			if (server?.exitCode === null) {
				server.kill();
				await once(server, 'exit');
			}

			if (madeFolder) {
				rmdirSync(privilegeFolder);
			}

			home.close();
		});

		test('values come back as they were sent', async () => {
			const value = 'Ünï\ncödé \u0001\u0081 $x `y`\n\n';
			assert.equal(
				await host.run(script('printf %s "$value"'), {value}, limits),
				value,
			);
			const large = 'x'.repeat(1_000_000);
			assert.equal(
				await host.run(script('printf %s "$value"'), {value: large}, limits),
				large,
			);
		});

		test('no value shows in any process of the machine', async () => {
			const value = 'hunter2-hunter2-hunter2';
			const seen = await host.run(
				script(
					String.raw`cat /proc/[0-9]*/cmdline | tr "\0" "\n" | grep -c "k3s-mesh-read[y]" ; cat /proc/[0-9]*/cmdline | tr "\0" " " | grep -c "hunter2-hunter[2]" || :`,
				),
				{value},
				limits,
			);
			const [bootstraps, leaks] = seen.trim().split('\n').map(Number);
			assert.ok(bootstraps! > 0);
			assert.equal(leaks, 0);
		});

		test('what runs there ends when we stop', async () => {
			const stop = new AbortController();
			let pid = 0;
			await assert.rejects(
				host.stream(
					script('echo $$; tail -f /dev/null'),
					{value: ''},
					{
						signal: stop.signal,
						onLine(line) {
							pid = Number(line);
							stop.abort(new Error('stopped'));
						},
					},
				),
				/stopped/,
			);
			assert.ok(pid > 0);
			while (alive(pid)) {
				await pause(5);
			}
		});

		describe('a large file', () => {
			const folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-upload-'));
			const bytes = randomBytes(8_000_000);
			const file = {
				path: path.join(folder, 'a folder', "it's.tar"),
				mode: 0o640,
				bytes: bytes.length,
				sha256: createHash('sha256').update(bytes).digest('hex'),
			};
			const receive = {...filesReceive, as: 'login' as const};
			const part = path.join(
				folder,
				'a folder',
				`.it's.tar.k3s-mesh-${file.sha256}`,
			);
			/** The bytes from an offset on; fails after so many, when it is told to, and when some have arrived. */
			const reader = (failAfter = Number.POSITIVE_INFINITY) =>
				async function* (offset: number): AsyncGenerator<Uint8Array> {
					let sent = 0;
					for (let at = offset; at < bytes.length; at += 65_536) {
						if (sent >= failAfter) {
							while (
								(statSync(part, {throwIfNoEntry: false})?.size ?? 0) === 0
							) {
								await pause(5);
							}

							throw new Error('the disk here has failed');
						}

						const piece = bytes.subarray(at, at + 65_536);
						sent += piece.length;
						yield piece;
					}
				};

			after(() => {
				rmSync(folder, {recursive: true});
			});

			test('goes on where it was cut off, and arrives whole', async () => {
				await assert.rejects(
					host.upload(receive, file, {
						...limits,
						read: reader(1_000_000),
						onProgress() {
							// Nobody looks.
						},
					}),
					/the disk here has failed/,
				);
				// What was on its way may be lost; what has arrived is kept.
				const kept = statSync(part).size;
				assert.ok(kept > 0 && kept < bytes.length);
				const progress: number[] = [];
				const result = await host.upload(receive, file, {
					...limits,
					read: reader(),
					onProgress(done) {
						progress.push(done);
					},
				});
				assert.deepEqual(result, {changed: true});
				assert.ok(progress[0]! >= kept);
				assert.equal(progress.at(-1), bytes.length);
				assert.ok(readFileSync(file.path).equals(bytes));
				assert.equal(statSync(file.path).mode & 0o777, 0o640);
				assert.deepEqual(readdirSync(path.dirname(file.path)), ["it's.tar"]);
			});

			test('is not sent twice', async () => {
				const result = await host.upload(receive, file, {
					...limits,
					read(offset) {
						assert.equal(offset, bytes.length);
						return reader()(offset);
					},
					onProgress() {
						// Nobody looks.
					},
				});
				assert.deepEqual(result, {changed: false});
			});

			test('of other content is thrown away', async () => {
				const other = {...file, path: path.join(folder, 'other'), bytes: 7};
				await assert.rejects(
					host.upload(receive, other, {
						...limits,
						async *read() {
							yield new TextEncoder().encode('another');
						},
						onProgress() {
							// Nobody looks.
						},
					}),
					(error) =>
						error instanceof ScriptFailed &&
						error.lastLines.at(-1)!.includes('another sha256'),
				);
				assert.ok(!readdirSync(folder).some((name) => name.includes('other')));
			});
		});

		test('facts are gathered in one call', async () => {
			const facts = await host.run(
				factsGather,
				factsInput(host, () => Date.now()),
				limits,
			);
			assert.equal(facts.hostname, os.hostname());
			assert.equal(facts.kernel, os.release());
			assert.equal(facts.sshConnection?.serverAddress, '127.0.0.1');
			assert.equal(facts.sshConnection?.serverPort, port);
			assert.equal(facts.sshConnection?.dialedAddress, '127.0.0.1');
			assert.equal(facts.privilege === 'root', process.getuid!() === 0);
			assert.ok(Math.abs(facts.clock.offsetMs) < 60_000);
			assert.ok(
				facts.listening.some(
					(socket) => socket.protocol === 'tcp' && socket.port === port,
				),
			);
		});
	},
);
