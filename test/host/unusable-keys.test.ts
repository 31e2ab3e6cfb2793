/** Keys that OpenSSH would use and that can not be used here: a person is told which, and what to do. */
import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {once} from 'node:events';
import net from 'node:net';
import path from 'node:path';
import process from 'node:process';
import {test} from 'node:test';
import {UserError} from '../../source/errors.js';
import type {SecretQuestion} from '../../source/host/host.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {makeSshConnector} from '../../source/host/ssh/connect.js';
import {
	makeHome,
	makeKey,
	startAgentDouble,
	startSshDouble,
	strangeBlob,
} from './ssh-double.js';

const hostKey = makeKey();

type Stage = {
	readonly home: ReturnType<typeof makeHome>;
	readonly asked: readonly SecretQuestion[];
	readonly connect: (identityFile?: string) => Promise<void>;
};

/** A home, and a server that lets nobody in. */
const withStage = async (body: (stage: Stage) => Promise<void>) => {
	const home = makeHome();
	const double = await startSshDouble({hostKeys: [hostKey], authorized: []});
	const connector = makeSshConnector({
		home: home.home,
		environment: {PATH: process.env.PATH},
		redactor: makeRedactor(),
	});
	const asked: SecretQuestion[] = [];
	try {
		await body({
			home,
			asked,
			async connect(identityFile) {
				await connector(
					{
						name: 'nuc',
						ssh: {
							host: '127.0.0.1',
							port: double.port,
							user: 'me',
							...(identityFile !== undefined && {identityFile}),
						},
					},
					{
						signal: new AbortController().signal,
						questions: {
							trustHostKey: async () => true,
							async askSecret(question) {
								asked.push(question);
								return undefined;
							},
						},
					},
				);
			},
		});
	} finally {
		await double.close();
		home.close();
	}
};

const refused = (message: RegExp, advice: RegExp) => (error: unknown) => {
	assert.ok(error instanceof UserError, String(error));
	assert.match(error.message, message);
	assert.match(error.tryNext.join('\n'), advice);
	return true;
};

/** As `ssh-keygen -t ed25519-sk` writes it: a file in which only the public half says anything, and `FILE.pub`. */
const writeTokenKey = (
	home: Stage['home'],
	name: string,
	blob: Buffer,
	{cipher = 'none', isPublicOnly = false} = {},
): void => {
	home.write(
		`${name}.pub`,
		`sk-ssh-ed25519@openssh.com ${blob.toString('base64')} me\n`,
	);
	if (isPublicOnly) {
		return;
	}

	const field = (bytes: Buffer): Buffer => {
		const length = Buffer.alloc(4);
		length.writeUInt32BE(bytes.length);
		return Buffer.concat([length, bytes]);
	};

	const kdf = cipher === 'none' ? 'none' : 'bcrypt';
	const body = Buffer.concat([
		Buffer.from('openssh-key-v1\0'),
		field(Buffer.from(cipher)),
		field(Buffer.from(kdf)),
		field(
			kdf === 'none'
				? Buffer.alloc(0)
				: Buffer.concat([
						field(Buffer.alloc(16, 1)),
						Buffer.from([0, 0, 0, 16]),
					]),
		),
		Buffer.from([0, 0, 0, 1]),
		field(blob),
		field(Buffer.alloc(64, 3)),
	]);
	home.write(
		name,
		`-----BEGIN OPENSSH PRIVATE KEY-----\n${body.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`,
	);
};

const tokenBlob = strangeBlob('sk-ssh-ed25519@openssh.com');
const tokenName = String.raw`\(sk-ssh-ed25519@openssh\.com SHA256:[\w+/]+\)`;

for (const [what, options] of [
	['', {}],
	['encrypted ', {cipher: 'aes256-ctr'}],
	['public half of a ', {isPublicOnly: true}],
] as const) {
	test(`the ${what}key of a security key is said to be of no use, and nothing is asked for it`, async () => {
		await withStage(async ({home, connect, asked}) => {
			writeTokenKey(home, 'id_ed25519_sk', tokenBlob, options);
			await assert.rejects(
				connect(),
				refused(
					new RegExp(
						String.raw`there was no key to try\. This program can not use \S+id_ed25519_sk ${tokenName}, which ssh would try\.`,
					),
					/id_ed25519_sk \(.*\) is the key of a security key \(FIDO\), which this program can not use: let the host accept a plain key, too/,
				),
			);
			assert.deepEqual(asked, []);
		});
	});
}

test('the key of a security key that the cluster file names is refused with what to do', async () => {
	await withStage(async ({home, connect}) => {
		writeTokenKey(home, 'token', tokenBlob);
		await assert.rejects(
			connect('~/.ssh/token'),
			refused(
				/The key file \S+token for nuc is the key of a security key \(FIDO\), which this program can not use\.$/,
				/Let the host accept a plain key, too.*\n.*identityFile of nuc/,
			),
		);
	});
});

test('keys of an agent that can not be used are named, once each, and the others are tried', async () => {
	await withStage(async ({home, connect}) => {
		writeTokenKey(home, 'id_ed25519_sk', tokenBlob);
		const own = makeKey();
		const agent = await startAgentDouble(
			home.home,
			[own],
			[
				{blob: tokenBlob, comment: 'me@token\u001B[2J'},
				{
					blob: strangeBlob('ssh-ed25519-cert-v01@openssh.com'),
					comment: 'me@work',
				},
			],
		);
		try {
			home.write('config', `IdentityAgent ${agent.socketPath}\n`);
			await assert.rejects(connect(), (error: unknown) => {
				refused(
					new RegExp(
						String.raw`tried agent key \(ssh-ed25519 SHA256:\S+\)\. This program can not use agent key me@token ${tokenName} and agent key me@work \(ssh-ed25519-cert-v01@openssh\.com\), which ssh would try\.`,
					),
					/agent key me@work .* is a certificate, which this program can not use: let the host accept the key itself\./,
				)(error);
				assert.ok(error instanceof UserError);
				assert.equal(
					error.tryNext.filter((text) => text.includes('(FIDO)')).length,
					1,
				);
				return true;
			});
			home.write(
				'config',
				`IdentityAgent ${agent.socketPath}\nIdentitiesOnly yes\nIdentityFile ~/.ssh/none\n`,
			);
			await assert.rejects(connect(), (error: unknown) => {
				assert.ok(error instanceof UserError);
				assert.doesNotMatch(error.message, /can not use/);
				return true;
			});
		} finally {
			agent.close();
		}
	});
});

test('an agent that talks nonsense counts as none', async () => {
	for (const answer of ['0000000105', 'ffffffff0c', '000000050c00000001']) {
		await withStage(async ({home, connect}) => {
			const socketPath = path.join(home.home, 'nonsense');
			const server = net.createServer((socket) => {
				socket.on('error', () => undefined);
				socket.end(Buffer.from(answer, 'hex'));
			});
			server.listen(socketPath);
			await once(server, 'listening');
			try {
				home.write('config', `IdentityAgent ${socketPath}\n`);
				await assert.rejects(
					connect(),
					refused(/no key to try/, /The SSH agent at \S+ does not answer/),
				);
			} finally {
				server.close();
			}
		});
	}
});
