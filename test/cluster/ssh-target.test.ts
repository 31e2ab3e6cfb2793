import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {test} from 'node:test';
import fc from 'fast-check';
import {
	formatSshTarget,
	parseSshTarget,
	type SshTarget,
} from '../../source/cluster/ssh-target.js';

const rows: ReadonlyArray<readonly [text: string, target: SshTarget]> = [
	['nuc', {host: 'nuc'}],
	['me@nuc.lan:2222', {host: 'nuc.lan', user: 'me', port: 2222}],
	['ssh://me@nuc.lan:2222/', {host: 'nuc.lan', user: 'me', port: 2222}],
	['ssh -p 2222 me@nuc.lan', {host: 'nuc.lan', user: 'me', port: 2222}],
	['2001:db8::5', {host: '2001:db8::5'}],
	['me@[2001:db8::5]:22', {host: '2001:db8::5', user: 'me', port: 22}],
	['fe80::1%eth0', {host: 'fe80::1%eth0'}],
	['fe80::1%br-lan', {host: 'fe80::1%br-lan'}],
	['me@fe80::1%eth0.100', {host: 'fe80::1%eth0.100', user: 'me'}],
	['fe80::1%eth0.100:2222', {host: 'fe80::1%eth0.100', port: 2222}],
	['[fe80::1%br-lan]:2222', {host: 'fe80::1%br-lan', port: 2222}],
	['user@corp.com@nuc', {host: 'nuc', user: 'user@corp.com'}],
	[
		'user@corp.com@[fe80::1%br-lan]:2222',
		{host: 'fe80::1%br-lan', user: 'user@corp.com', port: 2222},
	],
	[
		'ssh user@corp.com@nuc -p 2222',
		{host: 'nuc', user: 'user@corp.com', port: 2222},
	],
];

for (const [text, target] of rows) {
	test(`${text} is read, and comes back as it was`, () => {
		assert.deepEqual(parseSshTarget(text), {ok: true, target});
		assert.deepEqual(parseSshTarget(formatSshTarget(target)), {
			ok: true,
			target,
		});
	});
}

for (const text of [
	'',
	'@nuc',
	'me@',
	'me@nuc@',
	'me@[a@b]',
	'me@-oProxyCommand=x',
	'me@nuc you@pi',
	'me@nuc:0',
	'me@nuc:65536',
	'fe80::1%',
	'fe80::1%br lan',
	'fe80::1%eth0/1',
]) {
	test(`"${text}" is refused`, () => {
		assert.equal(parseSshTarget(text).ok, false);
	});
}

const name = fc.stringMatching(/^[a-z\d][a-z\d._-]{0,8}$/);
const host = fc.oneof(
	name,
	fc.ipV6(),
	name.map((zone) => `fe80::1%${zone}`),
);
const user = fc
	.array(name, {minLength: 1, maxLength: 3})
	.map((parts) => parts.join('@'));

test('what was read comes back as it was, whatever is in it', () => {
	fc.assert(
		fc.property(
			host,
			fc.option(user, {nil: undefined}),
			fc.option(fc.integer({min: 1, max: 65_535}), {nil: undefined}),
			(itsHost, itsUser, itsPort) => {
				const target: SshTarget = {
					host: itsHost,
					...(itsUser !== undefined && {user: itsUser}),
					...(itsPort !== undefined && {port: itsPort}),
				};
				assert.deepEqual(parseSshTarget(formatSshTarget(target)), {
					ok: true,
					target,
				});
			},
		),
	);
});

const noSsh =
	spawnSync('ssh', ['-V']).error !== undefined && 'ssh is not installed';

test(
	'a login with several @ is split as OpenSSH does it',
	{skip: noSsh},
	() => {
		for (const text of ['user@corp.com@nuc', 'a@b@c@nuc', 'me@nuc']) {
			const {stdout} = spawnSync('ssh', ['-F', 'none', '-G', text], {
				encoding: 'utf8',
			});
			const parsed = parseSshTarget(text);
			assert.ok(parsed.ok);
			assert.match(stdout, new RegExp(`^user ${parsed.target.user}$`, 'm'));
			assert.match(stdout, new RegExp(`^hostname ${parsed.target.host}$`, 'm'));
		}
	},
);
