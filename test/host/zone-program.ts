/**
 * Logs in to a link-local address of this machine with its zone, by our own client and by that of OpenSSH. To be run in a
 * network namespace with such an address: `node zone-program.ts fe80::5%br-lan`. Prints what was seen, as JSON.
 */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import process from 'node:process';
import {parseSshTarget} from '../../source/cluster/ssh-target.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {makeSshConnector} from '../../source/host/ssh/connect.js';
import {makeHome, makeKey, startSshDouble} from './ssh-double.js';

const address = process.argv[2]!;
const hostKey = makeKey();
const userKey = makeKey();
const home = makeHome();
const identity = home.write('id_ed25519', userKey.privateKey);
const double = await startSshDouble({
	hostKeys: [hostKey],
	authorized: [userKey],
	address,
});
try {
	// Typed as people do, without brackets, the port behind.
	const parsed = parseSshTarget(`me@${address}:${double.port}`);
	if (!parsed.ok) {
		throw new Error(parsed.message);
	}

	const connect = makeSshConnector({
		home: home.home,
		environment: {PATH: process.env.PATH},
		redactor: makeRedactor(),
	});
	let asked = 0;
	const logIn = async () => {
		const host = await connect(
			{name: 'router', ssh: parsed.target},
			{
				signal: new AbortController().signal,
				questions: {
					async trustHostKey() {
						asked += 1;
						return true;
					},
					askSecret: async () => undefined,
				},
			},
		);
		await host.close();
		return host;
	};

	const {dialed} = await logIn();
	await logIn();
	const child = spawn(
		'ssh',
		[
			'-F',
			'none',
			'-i',
			identity,
			'-p',
			String(double.port),
			'-o',
			`UserKnownHostsFile=${home.knownHosts}`,
			'-o',
			'StrictHostKeyChecking=yes',
			'-o',
			'BatchMode=yes',
			`me@${address}`,
			'echo seen',
		],
		{stdio: ['ignore', 'pipe', 'inherit']},
	);
	let openSsh = '';
	child.stdout.on('data', (bytes: Uint8Array) => {
		openSsh += new TextDecoder().decode(bytes);
	});
	await once(child, 'close');
	process.stdout.write(
		JSON.stringify({
			dialed,
			asked,
			known: readFileSync(home.knownHosts, 'utf8'),
			expected: `[${address}]:${double.port} ${hostKey.publicKey}\n`,
			openSsh,
		}),
	);
} finally {
	await double.close();
	home.close();
}
