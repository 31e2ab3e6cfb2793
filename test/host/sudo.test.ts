/** sudo with a password, from our side: a program that asks as sudo does, behind a server that speaks real SSH. */
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {
	existsSync,
	mkdtempSync,
	readFileSync,
	readdirSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {test} from 'node:test';
import {DeadlineExceeded} from '../../source/host/errors.js';
import type {Host, SecretQuestion} from '../../source/host/host.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {defineScript} from '../../source/host/scripts/script.js';
import {makeSshConnector} from '../../source/host/ssh/connect.js';
import {RootRefused} from '../../source/host/ssh/refusals.js';
import {makeHome, makeKey, startSshDouble} from './ssh-double.js';

const {signal} = new AbortController();
const hostKey = makeKey();
const userKey = makeKey();

/** Beginning of a sudo that is told to ask: `$prompt` is what it asks by, `give` reads an answer and notes it. */
const sudoHead = (log: string) => String.raw`#!/bin/sh
[ "$1" = -n ] && { echo "sudo: a password is required" >&2; exit 1; }
prompt=$(printf %s "$3" | sed s/%p/me/)
shift 3
give() { IFS= read -r answer || exit 1; printf '%s\n' "$answer" >>${log}; }
right() { [ "$answer" = "$(cat ${log}.right)" ]; }
`;

/** One that asks until the answer is right. */
const plainSudo = `
while printf %s "$prompt" >&2 && give && ! right; do echo "Sorry, try again." >&2; done
VIA_SUDO=yes exec "$@"
`;

type Body = (stage: {
	readonly connect: () => Promise<Host>;
	readonly asked: readonly SecretQuestion[];
	/** What sudo or doas was given so far. */
	readonly given: () => readonly string[];
	readonly changePassword: (password: string) => void;
	readonly commands: readonly string[];
	readonly redact: (text: string) => string;
}) => Promise<void>;

/** A machine with programs that note their answers in a file, and find the right one beside it. */
const withPrograms = async (
	programsOf: (log: string) => Readonly<Record<string, string>>,
	answers: ReadonlyArray<string | undefined>,
	body: Body,
	searched?: string,
): Promise<void> => {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-sudo-'));
	const log = path.join(folder, 'log');
	writeFileSync(log, '');
	writeFileSync(`${log}.right`, 'right horse');
	const home = makeHome();
	home.write('id_ed25519', userKey.privateKey);
	const double = await startSshDouble({
		hostKeys: [hostKey],
		authorized: [userKey],
		programs: {
			id: '#!/bin/sh\n[ "$1" = -un ] && { echo me; exit; }\necho 1000\n',
			...programsOf(log),
		},
		...(searched !== undefined && {path: searched}),
	});
	const redactor = makeRedactor();
	const connector = makeSshConnector({
		home: home.home,
		environment: {PATH: process.env.PATH},
		redactor,
	});
	const asked: SecretQuestion[] = [];
	const left = [...answers];
	const hosts: Host[] = [];
	try {
		await body({
			asked,
			commands: double.commands,
			given: () => readFileSync(log, 'utf8').split('\n').slice(0, -1),
			changePassword(password) {
				writeFileSync(`${log}.right`, password);
			},
			redact: redactor.redact,
			async connect() {
				const host = await connector(
					{
						name: 'nuc',
						ssh: {host: '127.0.0.1', port: double.port, user: 'me'},
					},
					{
						signal,
						questions: {
							trustHostKey: async () => true,
							async askSecret(question) {
								asked.push(question);
								return left.shift();
							},
						},
					},
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
		rmSync(folder, {recursive: true, force: true});
	}
};

const withSudo = async (
	program: string,
	answers: ReadonlyArray<string | undefined>,
	body: Body,
): Promise<void> =>
	withPrograms((log) => ({sudo: sudoHead(log) + program}), answers, body);

const via = defineScript<Record<string, never>, string>({
	name: 'test.via',
	purpose: 'says whether sudo let it in',
	as: 'root',
	timeoutMs: 30_000,
	fields: () => [],
	source: 'printf %s "$(printenv VIA_SUDO || echo no)"',
	decode: ({stdout}) => stdout,
});

const refusedBy = (kind: string, words: RegExp) => (error: unknown) => {
	assert.ok(error instanceof RootRefused, String(error));
	assert.equal(error.refusal.kind, kind);
	assert.match(error.message, words);
	assert.ok(error.tryNext.length > 0);
	return true;
};

test('the password is asked for once, is redacted, and never in a command line', async () => {
	await withSudo(plainSudo, ['right horse'], async (stage) => {
		const host = await stage.connect();
		const results = await Promise.all(
			Array.from({length: 5}, async () => host.run(via, {}, {signal})),
		);
		assert.deepEqual(new Set(results), new Set(['yes']));
		assert.deepEqual(stage.asked, [
			{kind: 'sudo-password', user: 'me', host: '127.0.0.1', attempt: 1},
		]);
		assert.deepEqual(new Set(stage.given()), new Set(['right horse']));
		assert.equal(stage.redact('right horse'), '‹secret›');
		assert.ok(stage.commands.every((line) => !line.includes('horse')));
	});
});

test('a wrong password is said, and asked for again', async () => {
	await withSudo(plainSudo, ['wrong', 'right horse'], async (stage) => {
		await stage.connect();
		assert.deepEqual(stage.given(), ['wrong', 'right horse']);
		assert.deepEqual(
			stage.asked.map((question) => 'refused' in question && question.refused),
			[false, 'Sorry, try again.'],
		);
	});
});

test('a password that was changed meanwhile is tried once, by one of many calls', async () => {
	await withSudo(plainSudo, ['right horse'], async (stage) => {
		const host = await stage.connect();
		const before = stage.given().length;
		stage.changePassword('another horse');
		const outcomes = await Promise.allSettled(
			Array.from({length: 8}, async () => host.run(via, {}, {signal})),
		);
		assert.ok(
			outcomes.every(
				(outcome) =>
					outcome.status === 'rejected' &&
					outcome.reason instanceof RootRefused,
			),
		);
		assert.equal(stage.given().length, before + 1);
	});
});

test('a login that gives no password still runs what needs no root', async () => {
	await withSudo(plainSudo, [undefined], async (stage) => {
		const host = await stage.connect();
		assert.match(host.rootRefused ?? '', /asks for the password of me/);
		assert.equal(await host.run({...via, as: 'any'}, {}, {signal}), 'no');
		await assert.rejects(
			host.run(via, {}, {signal}),
			refusedBy('no-password', /nobody gave it/),
		);
		assert.deepEqual(stage.given(), []);
	});
});

test('a second factor before or behind the password ends the attempt, and gets no password', async () => {
	const before = `printf 'Verification code: ' >&2; give; exec "$@"`;
	await withSudo(before, ['right horse'], async (stage) => {
		await assert.rejects(
			stage.connect(),
			refusedBy(
				'question',
				/something else than a password: “Verification code:”/,
			),
		);
		assert.deepEqual(stage.given(), []);
	});
	for (const [second, words] of [
		[`printf 'One-time code: ' >&2`, /“One-time code:”/],
		[`printf %s "$prompt" >&2`, /a second question after the password/],
	] as const) {
		const behind = `printf %s "$prompt" >&2; give; ${second}; give; exec "$@"`;
		await withSudo(behind, ['right horse'], async (stage) => {
			await assert.rejects(stage.connect(), refusedBy('question', words));
			assert.deepEqual(stage.given(), ['right horse']);
		});
	}
});

for (const [what, body, words, next] of [
	[
		'a user who may not',
		`printf %s "$prompt" >&2; give; echo "me is not in the sudoers file." >&2; echo "This incident has been reported to the administrator." >&2; exit 1`,
		/sudo says “me is not in the sudoers file\.”/,
		/NOPASSWD/,
	],
	[
		'an expired password',
		`printf %s "$prompt" >&2; give; echo "sudo: Account or password is expired, reset your password and try again" >&2; exit 1`,
		/“Account or password is expired/,
		/set a new password/,
	],
	[
		'a locked account',
		`echo "The account is locked due to 3 failed logins." >&2; exit 1`,
		/“The account is locked due to 3 failed logins\.”/,
		/faillock/,
	],
] as const) {
	test(`${what} is told in sudo's words, with what helps`, async () => {
		await withSudo(body, ['right horse'], async (stage) => {
			await assert.rejects(stage.connect(), (error: unknown) => {
				refusedBy('said', words)(error);
				assert.match((error as RootRefused).tryNext.join('\n'), next);
				return true;
			});
		});
	});
}

test('a sudo that neither asks nor lets in is told from a lost connection', async () => {
	const once = `${plainSudo.replace('VIA_SUDO', '[ "$(wc -l <"$0.log")" -lt 3 ] || exec tail -f /dev/null\nVIA_SUDO')}`;
	const counted = `echo >>"$0.log"\n${once}`;
	await withSudo(counted, ['right horse'], async (stage) => {
		// Its first two questions are those of connecting.
		const host = await stage.connect();
		await assert.rejects(
			host.run(via, {}, {signal, timeoutMs: 1500}),
			(error: unknown) =>
				error instanceof DeadlineExceeded &&
				/^sudo on nuc neither asked nor let us in within 2 s.* The connection itself stands\.$/.test(
					error.message,
				),
		);
	});
});

/** A folder with all programs of this machine but one. */
const allBut = (name: string): string => {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-without-'));
	const seen = new Set([name]);
	for (const place of process.env
		.PATH!.split(':')
		.filter((known) => existsSync(known))) {
		for (const program of readdirSync(place)) {
			if (!seen.has(program)) {
				seen.add(program);
				symlinkSync(path.join(place, program), path.join(folder, program));
			}
		}
	}

	return folder;
};

test('a sudo that wants a terminal where none can be made is told, with the program that is missing', async () => {
	const folder = allBut('script');
	const strict = {
		sudo: '#!/bin/sh\necho "sudo: sorry, you must have a tty to run sudo" >&2; exit 1\n',
	};
	try {
		await withPrograms(
			() => strict,
			[],
			async (stage) => {
				const host = await stage.connect();
				assert.equal(
					host.rootRefused,
					'sudo says “sorry, you must have a tty to run sudo”',
				);
				await assert.rejects(host.run(via, {}, {signal}), (error: unknown) => {
					refusedBy('said', /must have a tty/)(error);
					assert.deepEqual((error as RootRefused).tryNext, [
						'sudo wants a terminal there, and the program script, which makes one, is missing: install it (util-linux or bsdutils) on nuc, or add "Defaults:me !requiretty" with visudo.',
					]);
					return true;
				});
				assert.deepEqual(stage.asked, []);
			},
			folder,
		);
	} finally {
		rmSync(folder, {recursive: true});
	}
});

/** One that asks in its terminal, once, as with PAM; beside it a sudo that does not know us. */
const doas = (log: string) => ({
	sudo: '#!/bin/sh\necho "sudo: a password is required" >&2; exit 1\n',
	doas: String.raw`#!/bin/sh
[ "$1" = -n ] && { echo "doas: Authentication required" >&2; exit 1; }
printf '\rdoas (me@nuc) password: ' >/dev/tty
IFS= read -r answer </dev/tty || exit 1
printf '%s\n' "$answer" >>${log}
[ "$answer" = "$(cat ${log}.right)" ] || { echo "doas: Authentication failed" >&2; exit 1; }
VIA_SUDO=yes exec "$@"
`,
});

const noScript =
	spawnSync('script', ['--version']).status === 0
		? false
		: 'there is no program script, which makes terminals';

test(
	'doas is answered in a terminal of its own, as often as there are calls',
	{skip: noScript},
	async () => {
		await withPrograms(doas, ['right horse'], async (stage) => {
			const host = await stage.connect();
			const results = await Promise.all(
				Array.from({length: 5}, async () => host.run(via, {}, {signal})),
			);
			assert.deepEqual(new Set(results), new Set(['yes']));
			assert.equal(stage.asked.length, 1);
			assert.deepEqual(
				stage.given(),
				Array.from({length: 6}, () => 'right horse'),
			);
			assert.ok(stage.commands.every((line) => !line.includes('horse')));
		});
	},
);

test(
	'a wrong password for doas is said, and asked for again; without one nothing is typed',
	{skip: noScript},
	async () => {
		await withPrograms(doas, ['wrong', 'right horse'], async (stage) => {
			await stage.connect();
			assert.deepEqual(stage.given(), ['wrong', 'right horse']);
			assert.deepEqual(
				stage.asked.map(
					(question) => 'refused' in question && question.refused,
				),
				[false, 'doas: Authentication failed'],
			);
		});
		await withPrograms(doas, [undefined], async (stage) => {
			const host = await stage.connect();
			assert.match(
				host.rootRefused ?? '',
				/^doas asks for the password of me, and nobody gave it$/,
			);
			assert.deepEqual(stage.given(), []);
		});
	},
);

test(
	'a doas that refuses without asking is told at once',
	{skip: noScript},
	async () => {
		const refusing = (log: string) => ({
			...doas(log),
			doas: '#!/bin/sh\n[ "$1" = -n ] && { echo "doas: Authentication required" >&2; exit 1; }\necho "doas: Operation not permitted" >&2; exit 1\n',
		});
		await withPrograms(refusing, ['right horse'], async (stage) => {
			await assert.rejects(
				stage.connect(),
				refusedBy('said', /doas says “Operation not permitted”/),
			);
			assert.deepEqual(stage.given(), []);
		});
	},
);
