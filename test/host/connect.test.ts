import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync, writeFileSync} from 'node:fs';
import net, {type AddressInfo} from 'node:net';
import process from 'node:process';
import {after, mock, test} from 'node:test';
import {setTimeout as pause} from 'node:timers/promises';
import type {SshTarget} from '../../source/cluster/ssh-target.js';
import {UserError, exitCodes} from '../../source/errors.js';
import {
	DeadlineExceeded,
	HostLost,
	ScriptFailed,
} from '../../source/host/errors.js';
import type {Host, UnknownHostKey} from '../../source/host/host.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {defineScript, type Script} from '../../source/host/scripts/script.js';
import {makeSshConnector} from '../../source/host/ssh/connect.js';
import {fingerprintOf} from '../../source/host/ssh/known-hosts-files.js';
import {
	type DoubleOptions,
	makeHome,
	makeKey,
	modeOf,
	startAgentDouble,
	startSshDouble,
} from './ssh-double.js';

const hostKey = makeKey();
const rsaHostKey = makeKey('rsa');
const userKey = makeKey();
const never = new AbortController().signal;
const limits = {signal: never, timeoutMs: 30_000};

/** A script that returns what it wrote. */
const shellScript = (
	source: string,
	options: Partial<Script<Readonly<Record<string, string>>, string>> = {},
) =>
	defineScript<Readonly<Record<string, string>>, string>({
		name: 'test.script',
		purpose: 'is run by a test',
		as: 'login',
		timeoutMs: 30_000,
		source,
		fields: (input) =>
			Object.entries(input).map(([name, value]) => ({
				name,
				value,
				secret: name.startsWith('secret'),
			})),
		decode: ({stdout}) => stdout,
		...options,
	});

/** A server, a home whose key it accepts, and a way to connect. */
const stage = async (options: Partial<DoubleOptions> = {}) => {
	const home = makeHome();
	const double = await startSshDouble({
		hostKeys: [hostKey],
		authorized: [userKey],
		...options,
	});
	home.write('id_ed25519', userKey.privateKey);
	const asked: UnknownHostKey[] = [];
	const redactor = makeRedactor();
	const connector = makeSshConnector({
		home: home.home,
		environment: {PATH: process.env.PATH},
		redactor,
	});
	const hosts: Host[] = [];
	const connect = async (
		target: Partial<SshTarget> = {},
		{trust = true, signal = never} = {},
	): Promise<Host> => {
		const host = await connector(
			{
				name: 'nuc',
				ssh: {host: '127.0.0.1', port: double.port, user: 'me', ...target},
			},
			{
				signal,
				questions: {
					async trustHostKey(key) {
						asked.push(key);
						return trust;
					},
					askSecret: async () => undefined,
				},
			},
		);
		hosts.push(host);
		return host;
	};

	return {
		home,
		double,
		asked,
		redactor,
		connect,
		async close() {
			for (const host of hosts) {
				await host.close();
			}

			await double.close();
			home.close();
		},
	};
};

type Stage = Awaited<ReturnType<typeof stage>>;

const withStage = async (
	options: Partial<DoubleOptions>,
	body: (stage: Stage) => Promise<void>,
): Promise<void> => {
	const opened = await stage(options);
	try {
		await body(opened);
	} finally {
		await opened.close();
	}
};

const until = async (condition: () => boolean): Promise<void> => {
	while (!condition()) {
		await pause(5);
	}
};

const userError = (pattern: RegExp, advice?: RegExp) => (error: unknown) => {
	assert.ok(error instanceof UserError, String(error));
	assert.match(error.message, pattern);
	if (advice) {
		assert.match(error.tryNext.join('\n'), advice);
	}

	assert.equal(error.node, 'nuc');
	return true;
};

test('an unknown key is asked about once, with its fingerprint, and remembered', async () => {
	await withStage({}, async ({connect, asked, home, double}) => {
		const host = await connect();
		assert.equal(host.address, `me@127.0.0.1:${double.port}`);
		assert.equal(host.dialed, '127.0.0.1');
		assert.ok(host.rttMs > 0 && host.rttMs < 30_000);
		assert.equal(await host.run(shellScript('echo hi'), {}, limits), 'hi\n');
		await connect();
		assert.deepEqual(asked, [
			{
				host: '127.0.0.1',
				port: double.port,
				algorithm: 'ssh-ed25519',
				fingerprint: fingerprintOf(hostKey.blob),
			},
		]);
		assert.equal(
			readFileSync(home.knownHosts, 'utf8'),
			`[127.0.0.1]:${double.port} ${hostKey.publicKey}\n`,
		);
		assert.equal(modeOf(home.knownHosts), 0o600);
	});
});

test('two nodes behind one key ask once', async () => {
	await withStage({}, async ({connect, asked}) => {
		await Promise.all([connect(), connect(), connect()]);
		assert.equal(asked.length, 1);
	});
});

test('a key that nobody trusts ends the attempt, and is not remembered', async () => {
	await withStage({}, async ({connect, home, double}) => {
		await assert.rejects(
			connect({}, {trust: false}),
			userError(/was not accepted/, /ssh_host_ed25519_key\.pub/),
		);
		assert.throws(() => readFileSync(home.knownHosts), /ENOENT/);
		assert.deepEqual(double.commands, []);
	});
});

test('a changed and a revoked key are refused with file, line and advice', async () => {
	await withStage({}, async ({connect, home, double, asked}) => {
		const name = `[127.0.0.1]:${double.port}`;
		writeFileSync(home.knownHosts, `# mine\n${name} ${makeKey().publicKey}\n`);
		await assert.rejects(
			connect(),
			userError(
				new RegExp(`${home.knownHosts}:2 has another ssh-ed25519 key`),
				/ssh-keygen -R '\[127\.0\.0\.1\]:\d+' -f /,
			),
		);
		writeFileSync(home.knownHosts, `@revoked ${name} ${hostKey.publicKey}\n`);
		await assert.rejects(connect(), userError(/revoked in .*:1\b/));
		assert.deepEqual(asked, []);
		assert.deepEqual(double.commands, []);
	});
});

test('a host that is known by one of its keys shows that one', async () => {
	await withStage(
		{hostKeys: [hostKey, rsaHostKey]},
		async ({connect, home, double, asked}) => {
			writeFileSync(
				home.knownHosts,
				`[127.0.0.1]:${double.port} ${rsaHostKey.publicKey}\n`,
			);
			await connect();
			assert.deepEqual(asked, []);
		},
	);
});

test('values travel whole, and nothing of them is in the command line', async () => {
	await withStage({}, async ({connect, double}) => {
		const host = await connect();
		const value = `line 1\n$(id) 'quoted' "x" \\ Ёлка\n\n`;
		assert.equal(
			await host.run(shellScript('printf %s "$value"'), {value}, limits),
			value,
		);
		assert.equal(new Set(double.commands).size, 1);
		const large = 'ж'.repeat(200_000);
		assert.equal(
			await host.run(shellScript('printf %s "$v"'), {v: large}, limits),
			large,
		);
	});
});

test('noise of login profiles never reaches a result', async () => {
	const before =
		'Welcome!\nk3s-mesh-0123456789abcdef begin\nfake\nk3s-mesh-0123456789abcdef end 0\n';
	await withStage({noise: {before, after: 'bye\n'}}, async ({connect}) => {
		const host = await connect();
		assert.equal(
			await host.run(shellScript('printf exact'), {}, limits),
			'exact',
		);
	});
});

test('a failing script says its code and its last lines, without secrets', async () => {
	await withStage({}, async ({connect, redactor}) => {
		const host = await connect();
		const secret = 'K10abcdef::server:hunter2hunter2';
		await assert.rejects(
			host.run(
				shellScript('echo first >&2; echo "bad: $secret_token" >&2; exit 7'),
				{secret_token: secret},
				limits,
			),
			(error: unknown) => {
				assert.ok(error instanceof ScriptFailed);
				assert.equal(error.code, 7);
				assert.equal(error.lastLines.length, 2);
				assert.doesNotMatch(error.message, /hunter2/);
				assert.match(error.message, /bad: ‹secret›/);
				return true;
			},
		);
		assert.equal(redactor.redact(secret), '‹secret›');
		const accepted = shellScript('exit 3', {
			acceptCodes: [3],
			decode: ({code}) => String(code),
		});
		assert.equal(await host.run(accepted, {}, limits), '3');
	});
});

test('a stream hands over lines as they come, safe to show', async () => {
	await withStage({}, async ({connect}) => {
		const host = await connect();
		const lines: string[] = [];
		const result = await host.stream(
			shellScript(
				String.raw`printf 'a\033[31mred\033[0m\n10%%\r20%%\r\n'; echo "token $secret_a"; echo problem >&2; printf last`,
			),
			{secret_a: 'abcdefgh12345'},
			{
				...limits,
				onLine(line) {
					lines.push(line);
				},
			},
		);
		assert.deepEqual(
			lines.filter((line) => line !== 'problem'),
			['ared', '10%', '20%', 'token ‹secret›', 'last'],
		);
		assert.ok(lines.includes('problem'));
		assert.match(result, /token abcdefgh12345\nlast$/);
	});
});

test('a stream’s line arrives while the script still runs', async () => {
	await withStage({}, async ({connect, double}) => {
		const host = await connect();
		const stop = new AbortController();
		await assert.rejects(
			host.stream(
				shellScript('echo now; tail -f /dev/null'),
				{},
				{
					signal: stop.signal,
					onLine(line) {
						assert.equal(line, 'now');
						stop.abort(new Error('seen'));
					},
				},
			),
			/seen/,
		);
		// What ran there ends with the call.
		await until(() => double.running.size === 0);
	});
});

test('a conversation goes back and forth and ends with its input', async () => {
	await withStage({}, async ({connect}) => {
		const host = await connect();
		const talk = await host.converse(
			{
				...shellScript(
					'echo "$greeting"; while read -r l; do echo "<$l>"; done; echo over',
				),
				decode: () => undefined,
			},
			{greeting: 'hello'},
			limits,
		);
		const seen: string[] = [];
		for await (const line of talk.lines) {
			seen.push(line);
			switch (line) {
				case 'hello': {
					talk.send('one');

					break;
				}

				case '<one>': {
					talk.send('two');

					break;
				}

				case '<two>': {
					talk.close();
					talk.close();

					break;
				}
				// No default
			}
		}

		assert.deepEqual(seen, ['hello', '<one>', '<two>', 'over']);
		assert.throws(() => {
			talk.send('late');
		}, HostLost);
	});
});

test('a lost connection is its own outcome for every call', async () => {
	await withStage({}, async ({connect, double}) => {
		const host = await connect();
		const lost = (error: unknown) => {
			assert.ok(error instanceof HostLost, String(error));
			assert.equal(error.exitCode, exitCodes.unreachable);
			return true;
		};

		const wait = shellScript('tail -f /dev/null');
		const talk = await host.converse(
			{...shellScript('cat'), decode: () => undefined},
			{},
			limits,
		);
		const calls = [
			assert.rejects(host.run(wait, {}, limits), lost),
			assert.rejects(
				host.stream(wait, {}, {...limits, onLine: () => undefined}),
				lost,
			),
			assert.rejects(async () => {
				for await (const line of talk.lines) {
					assert.fail(line);
				}
			}, lost),
		];
		await until(() => double.running.size >= 3);
		double.cut();
		await Promise.all(calls);
		await assert.rejects(host.run(wait, {}, limits), lost);
		await host.close();
	});
});

test('a host that says nothing is lost after as many seconds as are told', async () => {
	// The questions for a sign of life are the only thing that is repeated here.
	mock.timers.enable({apis: ['setInterval']});
	try {
		await withStage({}, async ({connect, double}) => {
			const host = await connect();
			const call = assert.rejects(
				host.run(shellScript('tail -f /dev/null'), {}, limits),
				(error: unknown) =>
					error instanceof HostLost &&
					error.message.includes('no answer for 24 s'),
			);
			await until(() => double.running.size > 0);
			// Nothing is read from a socket while the time passes, so no question is answered.
			mock.timers.tick(23_999);
			assert.equal(await host.run(shellScript('echo on'), {}, limits), 'on\n');
			mock.timers.tick(24_000);
			await call;
		});
	} finally {
		mock.timers.reset();
	}
});

test('a shell that is killed before the end mark is a loss, not a result', async () => {
	await withStage({}, async ({connect}) => {
		const host = await connect();
		await assert.rejects(
			host.run(shellScript('kill -KILL $$; echo on'), {}, limits),
			(error: unknown) =>
				error instanceof HostLost &&
				/ended by signal (?:SIG)?KILL before it had answered/.test(
					error.message,
				),
		);
	});
});

test('deadline and abort end a call, and what it runs', async () => {
	await withStage({}, async ({connect, double}) => {
		const host = await connect();
		const wait = shellScript('tail -f /dev/null');
		await assert.rejects(
			host.run(wait, {}, {signal: never, timeoutMs: 300}),
			DeadlineExceeded,
		);
		await until(() => double.running.size === 0);
		const stop = new AbortController();
		const call = host.run(wait, {}, {...limits, signal: stop.signal});
		await until(() => double.running.size === 1);
		stop.abort(new Error('stopped by a test'));
		await assert.rejects(call, /stopped by a test/);
		await until(() => double.running.size === 0);
		await assert.rejects(
			host.run(wait, {}, {...limits, signal: stop.signal}),
			/stopped by a test/,
		);
	});
});

test('no more than eight channels are open at once', async () => {
	await withStage({}, async ({connect, double}) => {
		const host = await connect();
		const results = await Promise.all(
			Array.from({length: 24}, async (_, index) =>
				host.run(
					shellScript('printf %s "$number"'),
					{number: String(index)},
					limits,
				),
			),
		);
		assert.deepEqual(
			results,
			Array.from({length: 24}, (_, index) => String(index)),
		);
		assert.ok(double.most <= 8, `${double.most} at once`);
		assert.ok(double.most > 1, 'one after the other');
	});
});

/** A machine whose login is not root. */
const notRoot = {
	id: '#!/bin/sh\n[ "$1" = -un ] && { echo me; exit; }\necho 1000\n',
};

test('root scripts go through sudo, and wait until it lets them in', async () => {
	const programs = {
		...notRoot,
		sudo: '#!/bin/sh\n[ "$1" = -n ] || exit 1\nshift\nVIA_SUDO=yes exec "$@"\n',
	};
	await withStage({programs}, async ({connect}) => {
		const host = await connect();
		const via = 'printf %s "$(printenv VIA_SUDO || echo no)"';
		const run = async (as: 'login' | 'root' | 'any') =>
			host.run(shellScript(via, {as}), {}, limits);
		assert.deepEqual(
			[await run('login'), await run('root'), await run('any')],
			['no', 'yes', 'yes'],
		);
	});
});

test('sudo that does not let us in is told with what to do', async () => {
	const programs = {
		...notRoot,
		sudo: '#!/bin/sh\necho "sudo: me is not in the sudoers file." >&2\nexit 1\n',
	};
	await withStage({programs}, async ({connect}) => {
		const host = await connect();
		await assert.rejects(
			host.run(shellScript('id', {as: 'root'}), {}, limits),
			userError(
				/^me on nuc can not become root: sudo says “me is not in the sudoers file\.”\.$/,
				/NOPASSWD/,
			),
		);
		assert.equal(
			await host.run(shellScript('echo here', {as: 'any'}), {}, limits),
			'here\n',
		);
	});
});

test('sudo that stops letting us in is noticed before anything is sent', async () => {
	const programs = {
		...notRoot,
		sudo: '#!/bin/sh\ncase "$*" in *let-in*) echo k3s-mesh-let-in; exit 0 ;; esac\necho "sudo: expired" >&2\nexit 1\n',
	};
	await withStage({programs}, async ({connect}) => {
		const host = await connect();
		await assert.rejects(
			host.run(shellScript('id', {as: 'root'}), {}, limits),
			userError(/sudo says “expired”/),
		);
	});
});

test('a login without a shell is told from a lost connection', async () => {
	await withStage(
		{
			onExec(channel) {
				channel.write('This account is currently not available.\n');
				channel.exit(1);
				channel.end();
			},
		},
		async ({connect}) => {
			await assert.rejects(
				connect(),
				userError(/runs no commands: This account is currently not available/),
			);
		},
	);
});

test('a key file that was named must be there', async () => {
	await withStage({}, async ({connect, home}) => {
		await assert.rejects(
			connect({identityFile: '~/.ssh/other'}),
			userError(/\.ssh\/other for nuc does not exist/),
		);
		home.write('other', userKey.privateKey);
		const host = await connect({identityFile: '~/.ssh/other'});
		assert.equal(await host.run(shellScript('echo ok'), {}, limits), 'ok\n');
	});
});

test('machines that can not be reached are told apart', async () => {
	await withStage({}, async ({connect}) => {
		const closed = net.createServer();
		closed.listen(0, '127.0.0.1');
		await once(closed, 'listening');
		const {port} = closed.address() as AddressInfo;
		closed.close();
		await once(closed, 'close');
		await assert.rejects(
			connect({port}),
			userError(new RegExp(`refuses connections on port ${port}`)),
		);
		await assert.rejects(
			connect({host: 'no-such-host.invalid'}),
			userError(/No address is known for the name no-such-host\.invalid/),
		);

		const hangsUp = net.createServer((socket) => {
			socket.destroy();
		});
		hangsUp.listen(0, '127.0.0.1');
		await once(hangsUp, 'listening');
		await assert.rejects(
			connect({port: (hangsUp.address() as AddressInfo).port}),
			userError(/closed the connection on port \d+ before the login/),
		);
		hangsUp.close();

		const web = net.createServer((socket) => {
			socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
		});
		web.listen(0, '127.0.0.1');
		await once(web, 'listening');
		await assert.rejects(
			connect({port: (web.address() as AddressInfo).port}),
			userError(/does not speak SSH: it says "HTTP\/1\.1 400 Bad Request"/),
		);
		web.close();
	});
});

test('an attempt ends when it is aborted', async () => {
	await withStage({}, async ({connect}) => {
		const mute = net.createServer();
		mute.listen(0, '127.0.0.1');
		await once(mute, 'listening');
		const stop = new AbortController();
		const attempt = connect(
			{port: (mute.address() as AddressInfo).port},
			{signal: stop.signal},
		);
		const [socket] = (await once(mute, 'connection')) as [net.Socket];
		stop.abort(new Error('enough'));
		await assert.rejects(attempt, /enough/);
		socket.destroy();
		mute.close();
	});
});

test('a jump host is logged in to first, and its key is checked, too', async () => {
	const jumpKey = makeKey();
	const jump = await startSshDouble({
		hostKeys: [jumpKey],
		authorized: [userKey],
	});
	after(async () => jump.close());
	await withStage({}, async ({connect, asked, double}) => {
		const host = await connect({jump: [`me@127.0.0.1:${jump.port}`]});
		assert.equal(await host.run(shellScript('echo far'), {}, limits), 'far\n');
		assert.deepEqual(
			asked.map(({port}) => port),
			[jump.port, double.port],
		);
		assert.equal(jump.commands.length, 0);
		await assert.rejects(
			connect({jump: [`me@127.0.0.1:${jump.port}`], port: 1}),
			userError(
				/127\.0\.0\.1 (?:refuses connections on|can not be reached on) port 1\b/,
			),
		);
		await host.close();
	});
});

const noSsh = spawnSync('ssh', ['-V']).error !== undefined;

test(
	'an alias of the SSH configuration is followed',
	{skip: noSsh && 'ssh is not installed'},
	async () => {
		await withStage({}, async ({connect, home, double, asked}) => {
			home.write('special', userKey.privateKey);
			home.write('id_ed25519', makeKey().privateKey);
			home.write(
				'config',
				`Host alias\n\tHostName 127.0.0.1\n\tPort ${double.port}\n\tUser other\n\tIdentityFile ~/.ssh/special\n\tIdentitiesOnly yes\n`,
			);
			const host = await connect({
				host: 'alias',
				port: undefined,
				user: undefined,
			});
			assert.equal(host.address, `other@127.0.0.1:${double.port}`);
			assert.equal(asked[0]!.host, '127.0.0.1');
			home.write('config', 'Host alias\n\tNoSuchOption yes\n');
			await assert.rejects(
				connect({host: 'alias'}),
				/The SSH configuration can not be used for alias: .*terminating/,
			);
		});
	},
);

/** The agent holds two keys that the server does not know, and then the person's own, which a file names. */
const agentRows: ReadonlyArray<
	readonly [
		what: string,
		options: string,
		/** Of the keys `strange`, `other`, `user` and `file`; the last one logs in. */
		expected: readonly string[],
	]
> = [
	[
		'the key that a file names comes first',
		'',
		['user', 'strange', 'other', 'file'],
	],
	[
		'with IdentitiesOnly no other key of the agent is shown',
		'\tIdentitiesOnly yes\n',
		['user', 'file'],
	],
];

for (const [what, options, expected] of agentRows) {
	test(
		`of an agent, ${what}`,
		{skip: noSsh && 'ssh is not installed'},
		async () => {
			const keys = {
				strange: makeKey(),
				other: makeKey(),
				user: userKey,
				file: makeKey(),
			};
			await withStage({authorized: [keys.file]}, async (stage) => {
				const {home, double} = stage;
				const agent = await startAgentDouble(home.home, [
					keys.strange,
					keys.other,
					keys.user,
				]);
				// Encrypted: the file itself can not be used, and tells the agent's key by what lies beside it.
				home.write('locked', makeKey('rsa', 'a passphrase').privateKey);
				home.write('locked.pub', `${keys.user.publicKey}\n`);
				home.write('special', keys.file.privateKey);
				home.write(
					'config',
					`Host 127.0.0.1\n\tIdentityAgent ${agent.socketPath}\n\tIdentityFile ~/.ssh/locked\n\tIdentityFile ~/.ssh/special\n${options}`,
				);
				try {
					await stage.connect();
				} finally {
					agent.close();
				}

				assert.deepEqual(
					double.offered.map(
						(blob) =>
							Object.entries(keys).find(([, key]) =>
								key.blob.equals(blob),
							)?.[0],
					),
					expected,
				);
			});
		},
	);
}

test(
	'a key that the agent has offered is not tried again from its file',
	{skip: noSsh && 'ssh is not installed'},
	async () => {
		await withStage({authorized: []}, async ({connect, home, double}) => {
			const agent = await startAgentDouble(home.home, [userKey]);
			home.write(
				'config',
				`Host 127.0.0.1\n\tIdentityAgent ${agent.socketPath}\n\tIdentityFile ~/.ssh/id_ed25519\n`,
			);
			try {
				await assert.rejects(
					connect(),
					userError(
						/tried agent key \(ssh-ed25519 SHA256:[\w+/]+\)\. It allows publickey\./,
					),
				);
			} finally {
				agent.close();
			}

			assert.equal(double.offered.length, 1);
		});
	},
);

test('forty connections on one signal, each with a command under way, are no leak that Node warns of', async (t) => {
	const {connect, close} = await stage();
	t.after(close);
	const warnings: string[] = [];
	const onWarning = ({message}: Error) => {
		warnings.push(message);
	};

	process.on('warning', onWarning);
	t.after(() => {
		process.off('warning', onWarning);
	});
	const {signal} = new AbortController();
	const hosts = await Promise.all(
		Array.from({length: 40}, async () => connect({}, {signal})),
	);
	await Promise.all(
		hosts.map(async (host) =>
			host.run(shellScript('printf %s yes'), {}, {signal}),
		),
	);
	// Warnings come with the next turn.
	await new Promise((resolve) => {
		setImmediate(resolve);
	});
	assert.deepEqual(warnings, []);
});
