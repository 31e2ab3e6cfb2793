/** Becoming root with the real sudo, doas, PAM and login shells: what each asks is answered once, or told. */
import assert from 'node:assert/strict';
import {readFileSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'node:test';
import {fileURLToPath} from 'node:url';
import type {SudoEnd, SudoOrder, SudoReport} from './sudo-program.js';
import {assertCode, program as cli, stageFor} from './support.js';
import {publicHost} from './topologies/public-host.js';
import type {Topology} from './topology.js';
import {sudoPassword as password, up, type Lab} from './index.js';

const program = fileURLToPath(new URL('sudo-program.ts', import.meta.url));
const address = '198.51.100.82';
const rootPassword = 'the password of root';

/** Accounts by what sudo or their shell does to them. */
const accounts: Readonly<
	Record<string, {readonly sudo?: string; readonly shell?: string}>
> = {
	strict: {sudo: 'ALL=(ALL) ALL'},
	pty: {sudo: 'ALL=(ALL) ALL'},
	ttyasks: {sudo: 'ALL=(ALL) ALL'},
	ttyfree: {sudo: 'ALL=(ALL) NOPASSWD: ALL'},
	rootpw: {sudo: 'ALL=(ALL) ALL'},
	rude: {sudo: 'ALL=(ALL) ALL'},
	once: {sudo: 'ALL=(ALL) ALL'},
	partial: {sudo: 'ALL=(ALL) NOPASSWD: /usr/bin/true'},
	stranger: {},
	doasfree: {},
	doasasks: {},
	doasfishy: {shell: '/usr/bin/fish'},
	doastcshy: {shell: '/usr/bin/tcsh'},
	fishy: {sudo: 'ALL=(ALL) ALL', shell: '/usr/bin/fish'},
	tcshy: {sudo: 'ALL=(ALL) ALL', shell: '/usr/bin/tcsh'},
	zshy: {sudo: 'ALL=(ALL) ALL', shell: '/usr/bin/zsh'},
	noisy: {sudo: 'ALL=(ALL) ALL'},
	reads: {sudo: 'ALL=(ALL) ALL'},
	elsewhere: {sudo: 'ALL=(ALL) ALL'},
	nologin: {shell: '/usr/sbin/nologin'},
	forced: {sudo: 'ALL=(ALL) NOPASSWD: ALL'},
	shows: {sudo: 'ALL=(ALL) NOPASSWD: ALL'},
};

const accountSetup = Object.entries(accounts)
	.map(
		([name, {sudo, shell = '/bin/bash'}]) => `
useradd --create-home --user-group --shell ${shell} ${name}
echo '${name}:${password}' | chpasswd
install -d -m 0700 -o ${name} -g ${name} /home/${name}/.ssh
install -m 0600 -o ${name} -g ${name} /root/.ssh/authorized_keys /home/${name}/.ssh/authorized_keys
${sudo === undefined ? '' : `echo '${name} ${sudo}' >>/etc/sudoers.d/accounts`}`,
	)
	.join('');

const topology: Topology = {
	name: 'sudo',
	about: 'one host whose accounts become root in different ways',
	sites: [],
	hosts: [
		publicHost('sudo1', 'server', address, {
			setup: String.raw`
install -m 0440 /dev/null /etc/sudoers.d/accounts
${accountSetup}
echo 'root:${rootPassword}' | chpasswd
cat >>/etc/sudoers.d/accounts <<'END'
Defaults timestamp_timeout=0
Defaults:pty use_pty, log_output
Defaults:ttyasks requiretty
Defaults:ttyfree requiretty
Defaults:rootpw rootpw
Defaults:rude lecture=always, insults, passprompt_override, passprompt="Kennwort: "
Defaults:once passwd_tries=1
END
visudo -c -q
cat >/etc/pam.d/sudo <<'END'
auth required pam_faillock.so preauth deny=9
auth [success=1 default=bad] pam_unix.so
auth [default=die] pam_faillock.so authfail deny=9
auth sufficient pam_faillock.so authsucc
account required pam_unix.so
session required pam_unix.so
END
cp /etc/pam.d/sudo /etc/pam.d/doas
cat >/etc/doas.conf <<'END'
permit nopass doasfree
permit doasasks
permit doasfishy
permit doastcshy
END
chmod 0400 /etc/doas.conf
cat >/home/noisy/.bashrc <<'END'
printf '\033]0;title\007Welcome\nk3s-mesh-ready'
echo 'k3s-mesh-ready or so'
echo 'Password: ' >&2
printf 'No end of this line' >&2
set -x
END
echo 'printf "Which project? " >&2; read -r project' >/home/reads/.bashrc
echo 'exec fish' >/home/elsewhere/.bashrc
sed -i 's/^/command="echo only backups here" /' /home/forced/.ssh/authorized_keys
sed -i 's/^/command="echo \\"$SSH_ORIGINAL_COMMAND\\"; eval \\"$SSH_ORIGINAL_COMMAND\\"" /' /home/shows/.ssh/authorized_keys
`,
		}),
	],
};

const logIn = async (
	lab: Lab,
	users: readonly string[],
	answers: SudoOrder['answers'] = [],
): Promise<SudoReport> => {
	const {code, stdout, stderr} = await lab.client.exec(
		[process.execPath, '--import', 'tsx', program],
		{
			input: JSON.stringify({
				host: address,
				users,
				answers,
			} satisfies SudoOrder),
			env: {HOME: lab.home, PATH: process.env.PATH ?? '/usr/bin:/bin'},
			timeoutMs: 120_000,
		},
	);
	assert.equal(code, 0, stderr);
	return JSON.parse(stdout) as SudoReport;
};

/** Answers that PAM of the host has counted as wrong since the last right one. */
const counted = async (lab: Lab, user: string): Promise<number> => {
	const {stdout} = await lab
		.node('sudo1')
		.exec(`faillock --user ${user} | grep -c ' V$' || :`);
	return Number(stdout);
};

const isRoot: SudoEnd = {
	id: 0,
	isWhole: true,
	said: 'n1: test.fail: this is why',
};

/** The user does not become root, and the reason that is given matches. */
const assertTold = async (
	lab: Lab,
	user: string,
	answers: SudoOrder['answers'],
	says: RegExp,
): Promise<void> => {
	const {ends} = await logIn(lab, [user], answers);
	assert.match(
		ends[0]!.error ?? ends[0]!.refused ?? JSON.stringify(ends),
		says,
	);
};

test('becoming root', {concurrency: true}, async (t) => {
	const lab = await up({topology});
	t.after(lab.down);

	// These take as long as their deadline is: the others go on beside them.
	const late = (
		[
			[
				'reads',
				/^The login on n1 started no command within 20 s; the last that it said: “Which project\?”\. The connection itself stands\.\n.*profile/,
			],
			['elsewhere', /^The login on n1 started no command within 20 s/],
		] as const
	).map(async ([user, says]) =>
		t.test(`${user}: is told why not`, async () => {
			await assertTold(lab, user, [], says);
		}),
	);

	for (const user of [
		'strict',
		'pty',
		'ttyasks',
		'rude',
		'once',
		'fishy',
		'tcshy',
		'zshy',
		'noisy',
		'doasasks',
		'doasfishy',
		'doastcshy',
	]) {
		await t.test(
			`${user}: the password is asked for once, and every byte arrives`,
			async () => {
				const {asked, ends} = await logIn(lab, [user, user], [password]);
				assert.deepEqual(ends, [isRoot, isRoot]);
				assert.deepEqual(asked, [
					{kind: 'sudo-password', user, host: address, attempt: 1},
				]);
				assert.equal(await counted(lab, user), 0);
			},
		);
	}

	for (const user of ['ttyfree', 'doasfree', 'shows']) {
		await t.test(`${user}: nothing is asked`, async () => {
			const {asked, ends} = await logIn(lab, [user]);
			assert.deepEqual(ends, [isRoot]);
			assert.deepEqual(asked, []);
		});
	}

	await t.test("rootpw: root's password is asked for", async () => {
		const {asked, ends} = await logIn(lab, ['rootpw'], [rootPassword]);
		assert.deepEqual(ends, [isRoot]);
		assert.deepEqual(asked, [
			{kind: 'sudo-password', user: 'root', host: address, attempt: 1},
		]);
	});

	for (const user of ['strict', 'rude', 'once', 'ttyasks', 'doasfishy']) {
		await t.test(
			`${user}: PAM counts a wrong answer once, also when it is given again on a new connection`,
			async () => {
				const {asked, ends} = await logIn(
					lab,
					[user, user],
					['wrong one', null, 'wrong one', null],
				);
				assert.equal(asked.length, 4);
				assert.equal(await counted(lab, user), 1);
				assert.match(ends[1]!.refused ?? '', /asks for the password of/);
				assert.deepEqual((await logIn(lab, [user], [password])).ends, [isRoot]);
				assert.equal(await counted(lab, user), 0);
			},
		);
	}

	await t.test(
		'strict: two wrong answers end the attempt, and PAM counts two',
		async () => {
			const {ends} = await logIn(
				lab,
				['strict'],
				['wrong one', 'wrong two', password],
			);
			assert.match(
				ends[0]!.error ?? '',
				/^strict on n1 can not become root: sudo does not take the password of strict \(“Sorry, try again\.”\)\.\n.*some machines lock an account/,
			);
			assert.equal(await counted(lab, 'strict'), 2);
			assert.deepEqual((await logIn(lab, ['strict'], [password])).ends, [
				isRoot,
			]);
		},
	);

	await t.test('strict: who gives no answer is not counted', async () => {
		const {ends} = await logIn(lab, ['strict', 'strict', 'strict']);
		assert.deepEqual(
			ends,
			[1, 2, 3].map(() => ({
				refused: 'sudo asks for the password of strict, and nobody gave it',
			})),
		);
		assert.equal(await counted(lab, 'strict'), 0);
	});

	for (const [user, answers, says] of [
		['stranger', [password], /sudo says “stranger is not in the sudoers file/],
		[
			'partial',
			[password],
			/sudo says “Sorry, user partial is not allowed to execute/,
		],
		[
			'doasasks',
			[null],
			/doas asks for the password of doasasks, and nobody gave it/,
		],
		[
			'nologin',
			[],
			/^The login on n1 runs no commands: This account is currently not available/,
		],
		['forced', [], /^The login on n1 runs no commands: only backups here/],
	] as const) {
		await t.test(`${user}: is told why not`, async () => {
			await assertTold(lab, user, answers, says);
		});
	}

	await Promise.all(late);
});

test('a whole install as a user whose sudo asks, and nothing of the password stays', async (t) => {
	const stage = await stageFor('lan3', {name: 'sudo-apply'});
	t.after(stage.down);
	const node = stage.lab.node('fra1');
	stage.writeCluster({
		nodes: [
			{
				name: 'fra1',
				role: 'server',
				ssh: 'asks@198.51.100.11',
				externalIp: '198.51.100.11',
			},
		],
	});
	const run = async (words: readonly string[], answers: NodeJS.ProcessEnv) =>
		stage.lab.client.exec([process.execPath, cli, ...words], {
			env: {...stage.env, ...answers},
			timeoutMs: 300_000,
		});
	const given = {K3S_MESH_SUDO_PASSWORD: password};

	const refused = await run(['apply', stage.clusterPath, '--yes'], {});
	assertCode(refused, 1);
	assert.match(
		refused.stderr,
		/privilege\.root {2}The user asks on fra1 is not root, and can not become root: sudo asks for the password of asks, and nobody gave it\./,
	);
	const wrong = await run(['check', stage.clusterPath], {
		K3S_MESH_SUDO_PASSWORD: 'wrong one',
	});
	assert.match(
		`${wrong.stdout}${wrong.stderr}`,
		/asks for the password of asks|does not take the password of asks/,
	);

	const logFile = path.join(stage.folder, 'run.jsonl');
	const words = ['--yes', '--kubeconfig', stage.kubeconfigPath, '--verbose'];
	const applied = await run(
		['apply', stage.clusterPath, ...words, '--log-file', logFile],
		given,
	);
	assertCode(applied, 0);
	const again = await run(['apply', stage.clusterPath, ...words], given);
	assertCode(again, 0);
	assert.match(again.stderr, /nothing (?:was|to) change/i);

	const printed = `${applied.stdout}${applied.stderr}${again.stdout}${again.stderr}`;
	assert.ok(!printed.includes(password), 'the password was printed');
	const local = [
		logFile,
		...readdirSync(stage.lab.home, {recursive: true, encoding: 'utf8'}).map(
			(file) => path.join(stage.lab.home, file),
		),
	].filter((file) => statSync(file, {throwIfNoEntry: false})?.isFile());
	for (const file of local) {
		assert.ok(!readFileSync(file).includes(password), file);
	}

	// sudo logs each command line that it runs.
	const {stdout: journal} = await node.exec('journalctl --no-pager -o cat');
	assert.match(journal, /asks : .*COMMAND=\/usr\/bin\/env LC_ALL=C sh/);
	assert.ok(!journal.includes(password), 'the password is in the journal');
	const {stdout: found} = await node.exec(
		`grep -rIlF --exclude-dir=proc --exclude-dir=sys -e '${password}' / 2>/dev/null || true`,
	);
	assert.equal(found, '');
});
