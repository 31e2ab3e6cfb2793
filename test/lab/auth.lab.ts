/** Logging in to a real OpenSSH with PAM: encrypted keys, passwords, questions of the host, and several of them together. */
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'node:test';
import {fileURLToPath} from 'node:url';
import type {AuthOrder, AuthReport} from './auth-program.js';
import {publicHost} from './topologies/public-host.js';
import type {Topology} from './topology.js';
import {up, type Lab} from './index.js';

const program = fileURLToPath(new URL('auth-program.ts', import.meta.url));
const address = '198.51.100.81';
const password = 'the right one 4711';
const passphrase = 'open sesame, please';

/** Who logs in how: `me` by password, `dashy` by answers, `bashy` by key and then answers, `ashy` by key in few tries. */
const topology: Topology = {
	name: 'auth',
	about: 'one host whose accounts log in in different ways',
	sites: [],
	hosts: [
		publicHost('auth1', 'server', address, {
			setup: String.raw`
for user in me dashy bashy; do echo "$user:${password}" | chpasswd; done
cat >/etc/ssh/sshd_config.d/auth.conf <<'END'
KbdInteractiveAuthentication yes
PasswordAuthentication no
TrustedUserCAKeys /etc/ssh/user_ca.pub
Match User me
	PasswordAuthentication yes
	AuthenticationMethods password
Match User dashy
	AuthenticationMethods keyboard-interactive
Match User bashy
	AuthenticationMethods publickey,keyboard-interactive
Match User ashy
	AuthenticationMethods publickey
	MaxAuthTries 2
END
cat >/etc/pam.d/sshd <<'END'
auth required pam_unix.so
account required pam_nologin.so
@include common-account
@include common-session
@include common-password
END
# The host asks who logs in as dashy for a new password.
chage -d 0 dashy
systemctl reload ssh
`,
		}),
	],
};

const keygen = (file: string, ...words: readonly string[]): string => {
	execFileSync('ssh-keygen', ['-q', ...words, '-f', file]);
	return file;
};

const logIn = async (lab: Lab, order: AuthOrder): Promise<AuthReport> => {
	const {code, stdout, stderr} = await lab.client.exec(
		[process.execPath, '--import', 'tsx', program],
		{
			input: JSON.stringify(order),
			env: {HOME: lab.home, PATH: process.env.PATH ?? '/usr/bin:/bin'},
			timeoutMs: 120_000,
		},
	);
	assert.equal(code, 0, stderr);
	return JSON.parse(stdout) as AuthReport;
};

/** The questions without what is the same in all of them. */
const kinds = ({asked}: AuthReport): readonly string[] =>
	asked.map((question) =>
		question.kind === 'prompt'
			? `prompt ${question.prompt}`
			: `${question.kind} ${question.attempt}`,
	);

/** Passwords that the host has refused so far. */
const refusals = async (lab: Lab, user: string): Promise<number> => {
	const {stdout} = await lab
		.node('auth1')
		.exec(
			`journalctl -q --no-pager | grep -c "Failed password for ${user} "; :`,
		);
	return Number(stdout);
};

test('logging in to OpenSSH with PAM', async (t) => {
	const lab = await up({topology});
	t.after(async () => lab.down());
	const node = lab.node('auth1');
	const keys = path.join(lab.home, '.ssh');
	const authorize = async (user: string, file: string): Promise<void> => {
		const home = user === 'root' ? '/root' : `/home/${user}`;
		await node.exec(['sh', '-c', `cat >>${home}/.ssh/authorized_keys`], {
			input: readFileSync(`${file}.pub`),
		});
	};

	for (const [type, ...more] of [
		['ed25519'],
		['ecdsa'],
		['rsa', '-b', '3072'],
		['rsa', '-m', 'PEM', '-b', '3072'],
	] as const) {
		const name = [type, ...more].join('');
		await t.test(`an encrypted key, ${name}`, async () => {
			const file = keygen(
				path.join(keys, `locked-${name}`),
				'-t',
				type,
				...more,
				'-N',
				passphrase,
			);
			await authorize('root', file);
			const report = await logIn(lab, {
				ssh: {host: address, user: 'root', identityFile: file},
				times: 2,
				answers: ['wrong', passphrase],
			});
			assert.deepEqual(report.ends, ['', '']);
			assert.deepEqual(kinds(report), ['passphrase 1', 'passphrase 2']);
		});
	}

	await t.test('a password, wrong once and never again', async () => {
		const ssh = {host: address, user: 'me'};
		const report = await logIn(lab, {
			ssh,
			times: 3,
			answers: ['wrong', 'wrong', password],
		});
		assert.deepEqual(report.ends, ['', '', '']);
		assert.deepEqual(kinds(report), [
			'login-password 1',
			'login-password 2',
			'login-password 3',
		]);
		assert.equal(await refusals(lab, 'me'), 1);
	});

	await t.test('three wrong passwords, and what is said of it', async () => {
		const report = await logIn(lab, {
			ssh: {host: address, user: 'me'},
			times: 1,
			answers: ['one', 'two', 'three', password],
		});
		assert.match(
			report.ends[0]!,
			/did not accept the login of me: tried .*a password.*\n/,
		);
		assert.match(report.ends[0]!, /It allows password\./);
		assert.equal(await refusals(lab, 'me'), 4);
	});

	await t.test(
		'what the host asks, in several rounds, for a new password',
		async () => {
			const fresh = 'another one 4712';
			const report = await logIn(lab, {
				ssh: {host: address, user: 'dashy'},
				times: 2,
				answers: [password, password, fresh, fresh, fresh],
			});
			assert.deepEqual(report.ends, ['', '']);
			const [first, current, ...rest] = kinds(report);
			assert.equal(first, 'login-password 1');
			assert.match(current!, /^prompt .*current.*password:$/i);
			// The old password was right, and is no more: it is tried, and then asked for.
			assert.deepEqual(rest, [
				'prompt New password:',
				'prompt Retype new password:',
				'login-password 1',
			]);
		},
	);

	await t.test('a key and then what the host asks', async () => {
		const report = await logIn(lab, {
			ssh: {host: address, user: 'bashy'},
			times: 1,
			answers: [password],
		});
		assert.deepEqual(report.ends, ['']);
		assert.deepEqual(kinds(report), ['login-password 1']);
		const unanswered = await logIn(lab, {
			ssh: {host: address, user: 'bashy'},
			times: 1,
			answers: [],
		});
		assert.match(
			unanswered.ends[0]!,
			/id_ed25519 \(ssh-ed25519 SHA256:\S+\) was right, but not enough\. It allows keyboard-interactive\. Nobody gave an answer/,
		);
	});

	await t.test(
		'a certificate: its key alone is not let in, and it says why',
		async () => {
			const ca = keygen(path.join(keys, 'ca'), '-t', 'ed25519', '-N', '');
			await node.exec(['sh', '-c', 'cat >/etc/ssh/user_ca.pub'], {
				input: readFileSync(`${ca}.pub`),
			});
			const file = keygen(path.join(keys, 'signed'), '-t', 'ed25519', '-N', '');
			execFileSync('ssh-keygen', [
				'-q',
				'-s',
				ca,
				'-I',
				'me',
				'-n',
				'root',
				`${file}.pub`,
			]);
			const report = await logIn(lab, {
				ssh: {host: address, user: 'root', identityFile: file},
				times: 1,
				answers: [],
			});
			assert.match(
				report.ends[0]!,
				/signed-cert\.pub is a certificate, which this program can not use/,
			);
		},
	);

	await t.test('more keys than the host takes tries', async () => {
		const agent = execFileSync('ssh-agent', ['-s']).toString();
		const [, socket] = /SSH_AUTH_SOCK=([^;]+)/.exec(agent)!;
		const [, pid] = /SSH_AGENT_PID=(\d+)/.exec(agent)!;
		try {
			for (const name of ['one', 'two', 'three']) {
				execFileSync(
					'ssh-add',
					[
						'-q',
						keygen(
							path.join(keys, name),
							'-t',
							'ed25519',
							'-N',
							'',
							'-C',
							`${name}@laptop`,
						),
					],
					{env: {...process.env, SSH_AUTH_SOCK: socket}},
				);
			}

			const {code, stdout, stderr} = await lab.client.exec(
				[process.execPath, '--import', 'tsx', program],
				{
					input: JSON.stringify({
						ssh: {host: address, user: 'ashy'},
						times: 1,
						answers: [],
					} satisfies AuthOrder),
					env: {
						HOME: lab.home,
						PATH: process.env.PATH ?? '/usr/bin:/bin',
						SSH_AUTH_SOCK: socket,
					},
					timeoutMs: 60_000,
				},
			);
			assert.equal(code, 0, stderr);
			const {ends} = JSON.parse(stdout) as AuthReport;
			assert.match(
				ends[0]!,
				/tried agent key one@laptop \(ssh-ed25519 SHA256:\S+\) and agent key two@laptop \(ssh-ed25519 SHA256:\S+\)\. 198\.51\.100\.81 ended it after too many tries\./,
			);
			assert.match(ends[0]!, /"IdentitiesOnly yes"/);
		} finally {
			process.kill(Number(pid));
		}
	});
});
