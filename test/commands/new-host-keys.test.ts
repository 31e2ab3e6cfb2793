/** What a command without a person does about host keys that nobody knows, as the whole program does it. */
import assert from 'node:assert/strict';
import {type Buffer} from 'node:buffer';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync, writeFileSync} from 'node:fs';
import process from 'node:process';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {fingerprintOf} from '../../source/host/ssh/known-hosts-files.js';
import {makeHome, makeKey, startSshDouble} from '../host/ssh-double.js';

const program = fileURLToPath(new URL('../../source/cli.ts', import.meta.url));
const hostKey = makeKey();
const userKey = makeKey();
const fingerprint = fingerprintOf(hostKey.blob);

/** A home and a host that lets its key in and then runs nothing: how far a login came is seen at what it asked for. */
const withStage = async (
	body: (stage: {
		readonly home: ReturnType<typeof makeHome>;
		readonly port: number;
		/** Runs `check` on the host; returns all that was said. */
		readonly check: (
			...options: readonly string[]
		) => Promise<{readonly code: number; readonly said: string}>;
		readonly logins: () => number;
	}) => Promise<void>,
): Promise<void> => {
	const home = makeHome();
	const double = await startSshDouble({
		hostKeys: [hostKey],
		authorized: [userKey],
		onExec(channel) {
			channel.exit(1);
			channel.end();
		},
	});
	const file = home.write(
		'cluster.yaml',
		`version: 1\nname: new\nnodes:\n  - {name: nuc, role: server, ssh: 'me@127.0.0.1:${double.port}'}\n`,
	);
	home.write('id_ed25519', userKey.privateKey);
	try {
		await body({
			home,
			port: double.port,
			async check(...options) {
				const child = spawn(
					process.execPath,
					['--import', 'tsx', program, 'check', file, ...options],
					{
						stdio: ['ignore', 'pipe', 'pipe'],
						env: {PATH: process.env.PATH, HOME: home.home},
					},
				);
				let said = '';
				const hear = (bytes: Buffer): void => {
					said += bytes.toString();
				};

				child.stdout.on('data', hear);
				child.stderr.on('data', hear);
				const [code] = (await once(child, 'close')) as [number];
				return {code, said};
			},
			logins: () => double.commands.length,
		});
	} finally {
		await double.close();
		home.close();
	}
};

test('a host key that nobody knows is shown and not trusted', async () => {
	await withStage(async ({home, port, check, logins}) => {
		const {code, said} = await check();
		assert.equal(code, 3);
		assert.ok(
			said.includes(
				`Unknown host key of 127.0.0.1 port ${port}: ssh-ed25519 ${fingerprint} (not trusted without --accept-new-host-keys)\n`,
			),
			said,
		);
		assert.match(
			said,
			/✖ nuc: The host key of 127\.0\.0\.1 .* was not accepted/,
		);
		assert.throws(() => readFileSync(home.knownHosts), /ENOENT/);
		assert.equal(logins(), 0);
	});
});

test('with --accept-new-host-keys it is shown, trusted, and known from then on', async () => {
	await withStage(async ({home, port, check, logins}) => {
		const {said} = await check('--accept-new-host-keys');
		assert.ok(
			said.includes(
				`New host key of 127.0.0.1 port ${port}: ssh-ed25519 ${fingerprint}\n`,
			),
			said,
		);
		assert.equal(
			readFileSync(home.knownHosts, 'utf8'),
			`[127.0.0.1]:${port} ${hostKey.publicKey}\n`,
		);
		assert.ok(logins() > 0);
		const again = await check();
		assert.doesNotMatch(again.said, /host key/i);
	});
});

test('with --accept-new-host-keys a changed key is refused all the same', async () => {
	await withStage(async ({home, port, check, logins}) => {
		writeFileSync(
			home.knownHosts,
			`[127.0.0.1]:${port} ${makeKey().publicKey}\n`,
		);
		const {code, said} = await check('--accept-new-host-keys');
		assert.equal(code, 3);
		assert.match(said, /known_hosts:1 has another ssh-ed25519 key/);
		assert.equal(logins(), 0);
	});
});

test('--accept-new-host-keys does not speak for hosts that are trusted by an authority', async () => {
	await withStage(async ({home, port, check, logins}) => {
		const text = `@cert-authority [127.0.0.1]:${port} ${makeKey().publicKey}\n`;
		writeFileSync(home.knownHosts, text);
		const {code, said} = await check('--accept-new-host-keys');
		assert.equal(code, 3);
		assert.match(
			said,
			/Unknown host key of .* \(not trusted, whatever the command line says: \S+known_hosts:1 trusts this host by a certificate/,
		);
		assert.match(said, /known_hosts:1 trusts 127\.0\.0\.1 by a certificate/);
		assert.match(said, /add it to known_hosts as \[127\.0\.0\.1\]:\d+/);
		assert.equal(readFileSync(home.knownHosts, 'utf8'), text);
		assert.equal(logins(), 0);
	});
});
