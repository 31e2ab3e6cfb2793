/** Logging in where a person is asked for something, against a server that speaks the real protocol. */
import assert from 'node:assert/strict';
import path from 'node:path';
import process from 'node:process';
import {test} from 'node:test';
import type ssh2 from 'ssh2';
import {UserError} from '../../source/errors.js';
import type {
	ConnectQuestions,
	Host,
	SecretQuestion,
} from '../../source/host/host.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {makeSshConnector} from '../../source/host/ssh/connect.js';
import {
	makeHome,
	makeKey,
	startSshDouble,
	type DoubleOptions,
} from './ssh-double.js';

const hostKey = makeKey();
const passphrase = 'open sesame, please';
const lockedKey = makeKey('ed25519', passphrase);
const never = new AbortController().signal;

type Answer = string | undefined | Promise<string | undefined>;

/** A server, a home, and a way to connect that answers questions with what the test says. */
const withStage = async (
	options: Partial<DoubleOptions>,
	body: (stage: {
		readonly home: ReturnType<typeof makeHome>;
		readonly double: Awaited<ReturnType<typeof startSshDouble>>;
		readonly asked: SecretQuestion[];
		readonly redactor: ReturnType<typeof makeRedactor>;
		readonly answers: Answer[];
		readonly environment: Record<string, string | undefined>;
		readonly connect: () => Promise<Host>;
	}) => Promise<void>,
): Promise<void> => {
	const home = makeHome();
	const double = await startSshDouble({
		hostKeys: [hostKey],
		authorized: [lockedKey],
		...options,
	});
	const asked: SecretQuestion[] = [];
	const answers: Answer[] = [];
	const redactor = makeRedactor();
	const environment: Record<string, string | undefined> = {
		PATH: process.env.PATH,
	};
	const connector = makeSshConnector({home: home.home, environment, redactor});
	const questions: ConnectQuestions = {
		trustHostKey: async () => true,
		async askSecret(question) {
			asked.push(question);
			return answers.shift();
		},
	};
	const hosts: Host[] = [];
	try {
		await body({
			home,
			double,
			asked,
			redactor,
			answers,
			environment,
			async connect() {
				const host = await connector(
					{
						name: 'nuc',
						ssh: {host: '127.0.0.1', port: double.port, user: 'me'},
					},
					{signal: never, questions},
				);
				hosts.push(host);
				return host;
			},
		});
	} finally {
		for (const host of hosts) {
			await host.close();
		}

		await double.close();
		home.close();
	}
};

const refused = (message: RegExp, advice?: RegExp) => (error: unknown) => {
	assert.ok(error instanceof UserError, String(error));
	assert.match(error.message, message);
	if (advice) {
		assert.match(error.tryNext.join('\n'), advice);
	}

	return true;
};

/** A server that takes passwords, and what it was sent. */
const passwordServer = (
	right: string,
	methods: readonly string[] = ['password'],
) => {
	const sent: string[] = [];
	return {
		sent,
		onAuthentication(context: ssh2.AuthContext) {
			if (context.method === 'password') {
				sent.push(context.password);
				if (context.password === right) {
					context.accept();
					return;
				}
			}

			context.reject(methods as ssh2.AuthenticationType[]);
		},
	};
};

/** A server that asks rounds of questions, and what it was answered. */
const askingServer = (
	rounds: ReadonlyArray<
		ReadonlyArray<{
			readonly prompt: string;
			readonly echo: boolean;
			readonly right: string;
		}>
	>,
) => {
	const answered: string[][] = [];
	const ask = (
		context: ssh2.KeyboardAuthContext,
		[round, ...rest]: typeof rounds,
	): void => {
		context.prompt(
			round!.map(({prompt, echo}) => ({prompt, echo})),
			'Two steps',
			'Look at your \u001B[31mphone\u0007',
			(given) => {
				answered.push(given);
				if (!round!.every(({right}, index) => given[index] === right)) {
					context.reject(['keyboard-interactive']);
				} else if (rest.length > 0) {
					ask(context, rest);
				} else {
					context.accept();
				}
			},
		);
	};

	return {
		answered,
		onAuthentication(context: ssh2.AuthContext) {
			if (context.method === 'keyboard-interactive') {
				ask(context, rounds);
			} else {
				context.reject(['keyboard-interactive']);
			}
		},
	};
};

test('a passphrase is asked for once, for all that need its key, and then known to the redactor', async () => {
	await withStage({}, async ({home, connect, asked, answers, redactor}) => {
		const file = home.write('id_ed25519', lockedKey.privateKey);
		answers.push(passphrase);
		await Promise.all([connect(), connect(), connect()]);
		await connect();
		assert.deepEqual(asked, [{kind: 'passphrase', file, attempt: 1}]);
		assert.doesNotMatch(redactor.redact(`it is ${passphrase}`), /sesame/);
	});
});

test('a wrong passphrase is said and asked again, three times in all', async () => {
	await withStage({}, async ({home, connect, asked, answers}) => {
		home.write('id_ed25519', lockedKey.privateKey);
		answers.push('wrong', passphrase);
		await connect();
		assert.deepEqual(
			asked.map((question) => 'attempt' in question && question.attempt),
			[1, 2],
		);
	});
	await withStage({}, async ({home, connect, asked, answers}) => {
		home.write('id_ed25519', lockedKey.privateKey);
		answers.push('wrong', 'wrong', 'bad', passphrase);
		await assert.rejects(
			connect(),
			refused(/did not accept the login of me/, /K3S_MESH_SSH_PASSPHRASE_FILE/),
		);
		assert.equal(asked.length, 3);
	});
});

test('nobody is asked to open a key that the host does not accept', async () => {
	await withStage({authorized: []}, async ({home, connect, asked}) => {
		home.write('id_ed25519', lockedKey.privateKey);
		await assert.rejects(
			connect(),
			refused(
				/tried \S+id_ed25519 \(ssh-ed25519 SHA256:[\w+/]{43}\)\. It allows publickey\./,
			),
		);
		assert.deepEqual(asked, []);
	});
});

test('an encrypted key that nobody opens says so, and how to open it', async () => {
	await withStage({}, async ({home, connect}) => {
		home.write('id_ed25519', lockedKey.privateKey);
		await assert.rejects(
			connect(),
			refused(/did not accept/, /nobody gave its passphrase[^]*PASSPHRASE/),
		);
	});
});

test('a password is asked for when the host allows one, asked again when wrong, and used again when right', async () => {
	const server = passwordServer('right one');
	await withStage(
		server,
		async ({connect, asked, answers, double, redactor}) => {
			answers.push('wrong one', 'right one');
			await connect();
			await connect();
			const question = {
				kind: 'login-password',
				user: 'me',
				host: '127.0.0.1',
				port: double.port,
			};
			assert.deepEqual(asked, [
				{...question, attempt: 1},
				{...question, attempt: 2},
			]);
			assert.deepEqual(server.sent, ['wrong one', 'right one', 'right one']);
			assert.doesNotMatch(redactor.redact('wrong one, right one'), /one/);
		},
	);
});

test('a password that was wrong is never sent again, whoever gives it', async () => {
	const server = passwordServer('right one');
	await withStage(server, async ({connect, answers, environment}) => {
		answers.push('wrong one', undefined);
		await assert.rejects(
			connect(),
			refused(/tried a password\. It allows password\./),
		);
		environment.K3S_MESH_SSH_PASSWORD = 'wrong one';
		answers.push('wrong one', 'wrong one');
		await assert.rejects(connect(), refused(/did not accept/));
		assert.deepEqual(server.sent, ['wrong one']);
	});
});

test('three wrong passwords end it', async () => {
	const server = passwordServer('right one');
	await withStage(server, async ({connect, answers, asked}) => {
		answers.push('one', 'two', 'three', 'right one');
		await assert.rejects(connect(), refused(/tried a password/));
		assert.deepEqual(server.sent, ['one', 'two', 'three']);
		assert.equal(asked.length, 3);
	});
});

test('many connections at once try a password one after the other', async () => {
	const server = passwordServer('right one');
	await withStage(server, async ({connect, answers, asked}) => {
		answers.push('wrong one', 'right one');
		await Promise.all(Array.from({length: 5}, async () => connect()));
		assert.equal(asked.length, 2);
		assert.equal(server.sent.filter((sent) => sent === 'wrong one').length, 1);
	});
});

test('who gives no answer is asked no more, for all connections that wait for it', async () => {
	const server = passwordServer('right one');
	await withStage(server, async ({connect, asked}) => {
		const ends = await Promise.allSettled(
			Array.from({length: 4}, async () => connect()),
		);
		assert.equal(asked.length, 1);
		assert.deepEqual(server.sent, []);
		for (const end of ends) {
			assert.ok(end.status === 'rejected');
			refused(
				/there was no key to try\. It allows password\. Nobody gave an answer/,
				/K3S_MESH_SSH_PASSWORD_FILE/,
			)(end.reason);
		}
	});
});

test('the environment and the file that it names answer first', async () => {
	const server = passwordServer('right one');
	await withStage(server, async ({home, connect, asked, environment}) => {
		environment.K3S_MESH_SSH_PASSWORD_FILE = home.write('pw', 'right one\n');
		await connect();
		assert.deepEqual(asked, []);
	});
	await withStage(server, async ({home, connect, environment}) => {
		environment.K3S_MESH_SSH_PASSWORD_FILE = path.join(home.home, 'none');
		await assert.rejects(
			connect(),
			refused(/K3S_MESH_SSH_PASSWORD_FILE names .*none, which can not be read/),
		);
	});
	await withStage({}, async ({home, connect, asked, environment}) => {
		home.write('id_ed25519', lockedKey.privateKey);
		environment.K3S_MESH_SSH_PASSPHRASE = passphrase;
		await connect();
		assert.deepEqual(asked, []);
	});
});

test('a host asks several things in several rounds, in its own words without control characters', async () => {
	const server = askingServer([
		[
			{prompt: 'Password: ', echo: false, right: 'right one'},
			{prompt: '\u001B]0;title\u0007Code:\r\n', echo: false, right: '123456'},
		],
		[{prompt: 'Floor?', echo: true, right: '3'}],
	]);
	await withStage(server, async ({connect, asked, answers, double}) => {
		answers.push('right one', '123456', '3');
		await connect();
		assert.deepEqual(server.answered, [['right one', '123456'], ['3']]);
		const who = {user: 'me', host: '127.0.0.1', port: double.port};
		const instructions = 'Two steps · Look at your phone';
		assert.deepEqual(asked, [
			{kind: 'login-password', ...who, attempt: 1},
			{kind: 'prompt', ...who, instructions, prompt: 'Code:', isHidden: true},
			{kind: 'prompt', ...who, instructions, prompt: 'Floor?', isHidden: false},
		]);
		// The password is known now; the code holds for one time.
		answers.push('123456', '3');
		await connect();
		assert.equal(asked.length, 5);
	});
});

test('a password that a host asks for itself is asked again when wrong, and not sent twice', async () => {
	const server = askingServer([
		[{prompt: "me@nuc's password: ", echo: false, right: 'right one'}],
	]);
	await withStage(server, async ({connect, asked, answers}) => {
		answers.push('wrong one', 'wrong one', 'right one');
		await connect();
		assert.deepEqual(server.answered, [['wrong one'], ['right one']]);
		assert.deepEqual(
			asked.map((question) => 'attempt' in question && question.attempt),
			[1, 2, 3],
		);
	});
});

test('no answer to a question of the host ends the login without an answer', async () => {
	const server = askingServer([
		[{prompt: 'Code:', echo: false, right: '123456'}],
	]);
	await withStage(server, async ({connect}) => {
		await assert.rejects(
			connect(),
			refused(/It allows keyboard-interactive\. Nobody gave an answer/),
		);
		assert.deepEqual(server.answered, []);
	});
});

test('a key that is right and not enough is followed by what else the host wants', async () => {
	let hasKey = false;
	const sent: string[] = [];
	const onAuthentication = (context: ssh2.AuthContext) => {
		if (
			context.method === 'publickey' &&
			lockedKey.blob.equals(context.key.data)
		) {
			if (context.signature) {
				hasKey = true;
				context.reject(['password'], true);
			} else {
				context.accept();
			}
		} else if (context.method === 'password' && hasKey) {
			sent.push(context.password);
			if (context.password === 'right one') {
				context.accept();
			} else {
				context.reject(['password']);
			}
		} else {
			context.reject(['publickey']);
		}
	};

	await withStage({onAuthentication}, async ({home, connect, answers}) => {
		home.write('id_ed25519', lockedKey.privateKey);
		home.write('id_rsa', makeKey('rsa').privateKey);
		answers.push(passphrase, 'wrong one', 'right one');
		await connect();
		assert.deepEqual(sent, ['wrong one', 'right one']);
	});
	await withStage({onAuthentication}, async ({home, connect, answers}) => {
		home.write('id_ed25519', lockedKey.privateKey);
		answers.push(passphrase, undefined);
		await assert.rejects(
			connect(),
			refused(
				/id_ed25519 \(\S+ \S+\) was right, but not enough\. It allows password\./,
			),
		);
	});
});

test('a host that closes the connection while a person thinks gets the answer over a new one', async () => {
	const server = passwordServer('right one');
	await withStage(server, async ({connect, answers, asked, double}) => {
		let answer: (text: string) => void = () => undefined;
		answers.push(
			new Promise((resolve) => {
				answer = resolve;
			}),
		);
		const connecting = connect();
		while (asked.length === 0) {
			// A login that ends unasked ends the wait, too.
			await Promise.race([connecting, new Promise(setImmediate)]);
		}

		const before = double.connections;
		double.cut();
		// Both ends of the connection are sockets of this process.
		while (process.getActiveResourcesInfo().includes('TCPSocketWrap')) {
			await new Promise(setImmediate);
		}

		answer('right one');
		await connecting;
		assert.equal(double.connections, before + 1);
		assert.equal(asked.length, 1);
		assert.deepEqual(server.sent, ['right one']);
	});
});

test('what a host calls its methods can not move the cursor', async () => {
	const server = passwordServer('', ['public\u001B[2Jkey', 'x']);
	await withStage(server, async ({connect}) => {
		await assert.rejects(connect(), refused(/It allows publickey and x\./));
	});
});

test('a certificate is said to be of no use', async () => {
	await withStage({authorized: []}, async ({home, connect}) => {
		home.write('id_ed25519', lockedKey.privateKey);
		home.write('id_ed25519-cert.pub', 'ssh-ed25519-cert-v01@openssh.com AAAA');
		await assert.rejects(
			connect(),
			refused(/did not accept/, /id_ed25519-cert\.pub is a certificate, which/),
		);
	});
});
