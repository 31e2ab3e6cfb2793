/** Link-local addresses, which are good on one interface only, and the hosts that are known by them. */
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {judgeKey, parseKnownHosts} from '../../source/host/ssh/known-hosts.js';
import {makeKey} from './ssh-double.js';

const program = fileURLToPath(new URL('zone-program.ts', import.meta.url));

/** Runs a command where this machine has the interfaces `br-lan` and `eth0.100`, with an address each, and nothing else. */
const inNamespace = (command: string) =>
	spawnSync(
		'unshare',
		[
			'-rn',
			'sh',
			'-c',
			`ip link set lo up && ip link add br-lan type veth peer name eth0.100 && ip addr add fe80::5/64 dev br-lan nodad && ip addr add fe80::6/64 dev eth0.100 nodad && ip link set br-lan up && ip link set eth0.100 up && ${command}`,
			'sh',
			process.execPath,
			program,
		],
		{encoding: 'utf8', cwd: path.dirname(program)},
	);

const noNamespace =
	inNamespace('true').status !== 0 &&
	'there are no network namespaces for who runs the tests';
const noSsh =
	spawnSync('ssh', ['-V']).error !== undefined && 'ssh is not installed';

for (const address of ['fe80::5%br-lan', 'fe80::6%eth0.100']) {
	test(
		`${address} is dialed on its interface, and known by that name, also for OpenSSH`,
		{skip: noNamespace || noSsh},
		() => {
			const {stdout, stderr} = inNamespace(
				`exec "$1" --import tsx "$2" ${address}`,
			);
			assert.match(stdout, /^\{/, stderr);
			const {expected, ...seen} = JSON.parse(stdout) as Record<
				string,
				string | number
			>;
			assert.deepEqual(seen, {
				dialed: address,
				asked: 1,
				known: expected,
				openSsh: 'seen\n',
			});
		},
	);
}

test('a host that is known on one interface is not known on another', () => {
	const key = makeKey();
	const entries = parseKnownHosts(
		`fe80::5%br-lan ${key.publicKey}\n`,
		'known_hosts',
	);
	assert.equal(
		judgeKey(entries, {name: 'fe80::5%br-lan'}, key.blob).kind,
		'known',
	);
	assert.equal(
		judgeKey(entries, {name: 'fe80::5%br-lan'}, makeKey().blob).kind,
		'changed',
	);
	assert.equal(
		judgeKey(entries, {name: 'fe80::5%eth0.100'}, key.blob).kind,
		'unknown',
	);
});
