/**
 * What an SSH configuration says of a host: our reading beside that of OpenSSH itself.
 */
/* eslint-disable no-template-curly-in-string */
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {chmodSync, mkdirSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {after, test} from 'node:test';
import fc from 'fast-check';
import {
	parseSshTarget,
	type SshTarget,
} from '../../source/cluster/ssh-target.js';
import {UserError} from '../../source/errors.js';
import {askOpenSsh} from '../../source/host/ssh/ask-openssh.js';
import {
	resolveSettings,
	type SshSettings,
} from '../../source/host/ssh/ssh-settings.js';
import {makeHome} from './ssh-double.js';

const home = makeHome();
after(() => {
	home.close();
});

const never = new AbortController().signal;
const noSsh =
	spawnSync('ssh', ['-V']).error !== undefined && 'ssh is not installed';
const variables = {SOCKET: '/run/agent.sock', SSH_AUTH_SOCK: '/run/own.sock'};

/** With a PATH that has no `ssh`, the files are read by us. */
const settingsOf = async (
	target: SshTarget,
	by: 'ssh' | 'us',
	notes: string[] = [],
): Promise<SshSettings> =>
	resolveSettings(
		target,
		{
			home: home.home,
			environment: {
				...variables,
				PATH: by === 'us' ? home.home : process.env.PATH,
			},
			// OpenSSH leaves it out when it is given a file, as for a foreign home folder.
			systemConfig: path.join(home.home, 'no-such-file'),
		},
		never,
		(note) => {
			notes.push(note);
		},
	);

/** OpenSSH knows more default keys than can be read here, and other ones from version to version. */
const comparable = (settings: SshSettings) => ({
	...settings,
	keyFiles: settings.keyFiles.filter(
		(file) => !/\/id_(?:xmss|dsa)$/.test(file),
	),
});

/** Does the last hop lead to the host itself? `ssh -G` refuses that; here it is the connector that does, of any circle. */
const jumpsToItself = ({host, port, user, jump}: SshSettings): boolean => {
	const last = parseSshTarget(jump.at(-1) ?? '');
	return (
		last.ok &&
		last.target.host.toLowerCase() === host.toLowerCase() &&
		(last.target.port ?? 22) === port &&
		(last.target.user ?? user) === user
	);
};

/** Both answers, or that it is refused. */
const outcomeOf = async (target: SshTarget, by: 'ssh' | 'us') => {
	try {
		const settings = await settingsOf(target, by);
		return jumpsToItself(settings) ? 'refused' : comparable(settings);
	} catch (error) {
		assert.ok(error instanceof UserError, String(error));
		return 'refused';
	}
};

const configure = (...lines: readonly string[]): void => {
	home.write('config', `${lines.join('\n')}\n`);
};

const sub = (name: string, ...lines: readonly string[]): string => {
	mkdirSync(path.join(home.home, '.ssh', 'conf.d'), {recursive: true});
	return home.write(`conf.d/${name}`, `${lines.join('\n')}\n`);
};

const folder = path.join(home.home, '.ssh', 'conf.d');

/** Configurations with what they must come to, so that this is tested where OpenSSH is not installed, too. */
const rows: ReadonlyArray<
	readonly [
		what: string,
		lines: readonly string[],
		target: string | SshTarget,
		expected: Partial<SshSettings>,
	]
> = [
	[
		'the first value wins',
		['Host nuc', ' User me', ' Port 2222', 'Host *', ' User you', ' Port 1'],
		'nuc',
		{user: 'me', port: 2222},
	],
	[
		'what the target says wins',
		['Host nuc', ' User me', ' Port 2222'],
		{host: 'nuc', user: 'you', port: 3},
		{user: 'you', port: 3},
	],
	[
		'a pattern after ! keeps a host out',
		['Host * !nuc', ' User me', 'Host n?c', ' Port 7'],
		'nuc',
		{user: os.userInfo().username, port: 7},
	],
	['? is one character, not none', ['Host nuc?', ' Port 7'], 'nuc', {port: 22}],
	[
		'HostName takes %h, and names are in lower case',
		['Host Nuc', ' HostName %h.Example.org'],
		'Nuc',
		{host: 'nuc.example.org'},
	],
	[
		'words in quotes, signs of equality, comments',
		[
			'Host "nuc" # the small one',
			' User=me',
			' Port = 44',
			' IdentityFile "/keys/my key"',
			" IdentityFile '/keys/%r@%h%%'",
		],
		'nuc',
		{
			user: 'me',
			port: 44,
			keyFiles: ['/keys/my key', '/keys/me@nuc%'],
		},
	],
	[
		'key files with their tokens, in their order',
		[
			'Host nuc',
			' IdentityFile /keys/%n-%p-%u',
			' IdentitiesOnly yes',
			'Host *',
			' IdentityFile /keys/${SOCKET}',
			' IdentityFile none',
		],
		{host: 'nuc', port: 5},
		{
			keyFiles: [
				`/keys/nuc-5-${os.userInfo().username}`,
				'/keys//run/agent.sock',
			],
			identitiesOnly: true,
		},
	],
	[
		'the agent of another socket',
		['Host nuc', ' IdentityAgent /run/%r.sock', ' User me'],
		'nuc',
		{agent: '/run/me.sock'},
	],
	[
		'the agent in a variable',
		['Host nuc', ' IdentityAgent $SOCKET'],
		'nuc',
		{agent: '/run/agent.sock'},
	],
	[
		'the agent in a path with a variable',
		['Host nuc', ' IdentityAgent ${SOCKET}.2'],
		'nuc',
		{agent: '/run/agent.sock.2'},
	],
	['no agent', ['Host nuc', ' IdentityAgent none'], 'nuc', {agent: undefined}],
	[
		'the usual agent',
		['Host nuc', ' IdentityAgent SSH_AUTH_SOCK'],
		'nuc',
		{agent: '/run/own.sock'},
	],
	[
		'several jump hosts',
		['Host nuc', ' ProxyJump me@bastion:2222,[2001:db8::1]:22'],
		'nuc',
		{jump: ['me@bastion:2222', '[2001:db8::1]:22']},
	],
	[
		'no jump host, and a command afterwards counts for nothing',
		[
			'Host nuc',
			' ProxyJump none',
			' ProxyCommand nc %h %p',
			'Host *',
			' ProxyJump b',
		],
		'nuc',
		{jump: [], proxyCommand: 'nc nuc 22'},
	],
	[
		'a command before a jump host wins',
		[
			'Host nuc',
			' ProxyCommand  nc "%h" %p # %r%%',
			' ProxyJump b',
			' User me',
		],
		'nuc',
		{jump: [], proxyCommand: 'nc "nuc" 22 # me%'},
	],
	[
		'no command, and none afterwards',
		['Host nuc', ' ProxyCommand none', ' ProxyJump b'],
		'nuc',
		{jump: [], proxyCommand: undefined},
	],
	[
		'a time with units',
		['Host nuc', ' ConnectTimeout 1m30s'],
		'nuc',
		{connectTimeoutMs: 90_000},
	],
	[
		'rules about host keys',
		[
			'Host nuc',
			' HostKeyAlias Nuc-Key',
			' StrictHostKeyChecking accept-new',
			' HashKnownHosts yes',
			' UserKnownHostsFile /hosts/%h "/hosts/${SOCKET}"',
			' GlobalKnownHostsFile /etc/hosts-of-all',
			' AddressFamily inet6',
		],
		'nuc',
		{
			hostKeyAlias: 'nuc-key',
			newHosts: 'accept',
			hashNewNames: true,
			knownHostsFiles: [
				'/hosts/nuc',
				'/hosts//run/agent.sock',
				'/etc/hosts-of-all',
			],
			newKeysFile: '/hosts/nuc',
			family: 6,
		},
	],
	[
		'strict about host keys, and no file of one’s own',
		[
			'StrictHostKeyChecking yes',
			'UserKnownHostsFile none',
			'GlobalKnownHostsFile /g1 /g2',
		],
		'nuc',
		{
			newHosts: 'refuse',
			knownHostsFiles: ['/g1', '/g2'],
			newKeysFile: undefined,
		},
	],
	[
		'Match by host, name as asked, and user',
		[
			'Host alias',
			' HostName nuc.lan',
			'Match host *.lan originalhost alias !user you',
			' Port 8',
			'Match host alias',
			' Port 9',
			`Match localuser ${os.userInfo().username},nobody`,
			' ConnectTimeout 3',
		],
		{host: 'alias', user: 'me'},
		{port: 8, connectTimeoutMs: 3000},
	],
	[
		'Match final sees what the name became',
		[
			'Match final host nuc.lan',
			' User late',
			'Match !final all2',
			'Host alias',
			' HostName nuc.lan',
		].filter((line) => !line.includes('all2')),
		'alias',
		{user: 'late', host: 'nuc.lan'},
	],
	[
		'Match all, and !all',
		['Match !all', ' Port 1', 'Match all', ' Port 2'],
		'nuc',
		{port: 2},
	],
];

for (const [what, lines, named, expected] of rows) {
	const target = typeof named === 'string' ? {host: named} : named;
	test(`configuration: ${what}`, async () => {
		configure(...lines);
		const ours = await settingsOf(target, 'us');
		const relevant = Object.fromEntries(
			Object.keys(expected).map((key) => [key, ours[key as keyof SshSettings]]),
		);
		assert.deepEqual(relevant, expected);
		if (!noSsh) {
			assert.deepEqual(
				comparable(ours),
				comparable(await settingsOf(target, 'ssh')),
			);
		}
	});
}

test('included files count where they stand, by pattern, and only where the line counts', async () => {
	sub('a.conf', 'Host nuc', ' User from-a', 'Host other', ' Port 5');
	sub('b.conf', 'User from-b', `Include ${folder}/deep/*.conf`);
	mkdirSync(path.join(folder, 'deep'), {recursive: true});
	writeFileSync(path.join(folder, 'deep', 'x.conf'), 'Port 77\n', {
		mode: 0o600,
	});
	const cases: ReadonlyArray<
		readonly [lines: readonly string[], host: string, expected: string]
	> = [
		[[`Include ${folder}/*.conf`], 'nuc', 'from-a 77'],
		[[`Include ${folder}/*.conf`], 'third', 'from-b 77'],
		[[`Include "${folder}/a.conf" ${folder}/[b-c].conf`], 'other', 'from-b 5'],
		[
			['Host never', `Include ${folder}/*.conf`, 'Host nuc', 'User last'],
			'nuc',
			'last 22',
		],
		[['Include /no/such/file', 'User here'], 'nuc', 'here 22'],
	];
	for (const [lines, host, expected] of cases) {
		configure(...lines);
		const {user, port} = await settingsOf({host}, 'us');
		assert.equal(`${user} ${port}`, expected, lines.join('; '));
		if (!noSsh) {
			const theirs = await settingsOf({host}, 'ssh');
			assert.equal(`${theirs.user} ${theirs.port}`, expected);
		}
	}

	// OpenSSH looks for these in the home folder of the user database, which no test may write to.
	configure('Include conf.d/a.conf ~/.ssh/conf.d/b.conf');
	const {user, port} = await settingsOf({host: 'nuc'}, 'us');
	assert.equal(`${user} ${port}`, 'from-a 77');
});

test('the system’s own configuration comes last', async () => {
	configure('Host nuc', ' User me');
	const systemConfig = sub('system', 'Host *', ' User all', ' Port 99');
	const {user, port} = await resolveSettings(
		{host: 'nuc'},
		{home: home.home, environment: {PATH: home.home}, systemConfig},
		never,
		() => undefined,
	);
	assert.deepEqual([user, port], ['me', 99]);
});

test('a configuration that can not be used names file and line', async () => {
	const file = path.join(home.home, '.ssh', 'config');
	const wrong: ReadonlyArray<readonly [line: string, message: RegExp]> = [
		['Port 70000', /config:2 has the port 70000/],
		['User "me', /config:2 does not close a quote/],
		['HostName', /config:2 gives hostname no value/],
		['Match all user me', /config:2 combines Match all with others/],
		['Match user', /config:2 gives Match user no value/],
		['ConnectTimeout soon', /config:2 has the time soon/],
		['ProxyCommand nc %q', /"nc %q" has the unknown token %q/],
		[
			'IdentityFile /${NOT_SET_HERE}',
			/names the environment variable NOT_SET_HERE/,
		],
	];
	for (const [line, message] of wrong) {
		configure('# first', line);
		await assert.rejects(settingsOf({host: 'nuc'}, 'us'), (error: unknown) => {
			assert.ok(error instanceof UserError);
			assert.match(error.message, message);
			return true;
		});
	}

	configure('User me');
	chmodSync(file, 0o620);
	await assert.rejects(
		settingsOf({host: 'nuc'}, 'us'),
		/others may write to .*config/,
	);
	rmSync(file);
	assert.equal((await settingsOf({host: 'nuc'}, 'us')).port, 22);
});

test('what is not followed is said', async () => {
	const notes: string[] = [];
	const mark = path.join(home.home, 'ran');
	configure(
		`Match exec "touch ${mark}"`,
		' User never',
		'Match host other exec "true"',
		'Host *',
		' StrictHostKeyChecking no',
		' RevokedHostKeys /etc/revoked',
		' CanonicalizeHostname yes',
	);
	const {user, newHosts} = await settingsOf({host: 'nuc'}, 'us', notes);
	assert.notEqual(user, 'never');
	assert.equal(newHosts, 'accept');
	assert.equal(notes.filter((note) => note.includes('Match exec')).length, 1);
	for (const word of ['RevokedHostKeys', 'CanonicalizeHostname']) {
		assert.ok(
			notes.some((note) => note.includes(word)),
			word,
		);
	}

	assert.ok(
		notes.some((note) => note.includes('no is read as accept-new: a changed')),
	);
	assert.throws(() => {
		chmodSync(mark, 0o600);
	}, /ENOENT/);
});

test('ways to log in that we do not have are told where the person’s own file asks for them', async () => {
	const told = async (by: 'ssh' | 'us') => {
		const notes: string[] = [];
		await settingsOf({host: 'nuc'}, by, notes);
		return notes
			.map((note) => note.split(' ')[0]!)
			.filter((word) => word.endsWith('Authentication'));
	};

	const system = path.join(home.home, 'no-such-file');
	for (const by of ['ssh', 'us'] as const) {
		if (by === 'ssh' && noSsh) {
			continue;
		}

		configure('Host nuc', ' GSSAPIAuthentication yes');
		assert.deepEqual(await told(by), ['GSSAPIAuthentication'], by);
		configure('Host *', ' HostbasedAuthentication yes');
		assert.deepEqual(await told(by), ['HostbasedAuthentication'], by);
		configure(
			'Host pi',
			' GSSAPIAuthentication yes',
			'Host nuc',
			' HostbasedAuthentication no',
		);
		assert.deepEqual(await told(by), [], by);
	}

	// As some systems do it for everybody.
	writeFileSync(system, 'Host *\n GSSAPIAuthentication yes\n');
	configure('User me');
	assert.deepEqual(await told('us'), []);
	configure('Host *', ' GSSAPIAuthentication yes');
	assert.deepEqual(await told('us'), ['GSSAPIAuthentication']);
	rmSync(system);
});

test('a configuration that OpenSSH does not get to the end of says so', async () => {
	const rejected = async (script: string): Promise<UserError> => {
		const bin = path.join(home.home, 'bin');
		mkdirSync(bin, {recursive: true});
		writeFileSync(path.join(bin, 'ssh'), `#!/bin/sh\n${script}\n`, {
			mode: 0o755,
		});
		try {
			await askOpenSsh(
				{host: 'nuc', home: home.home},
				{PATH: bin},
				never,
				// As short as the one is that never ends, and long for the others.
				script.startsWith('exec') ? 200 : 600_000,
			);
		} catch (error) {
			assert.ok(error instanceof UserError, String(error));
			return error;
		}

		throw new Error('It was not refused.');
	};

	// As with a command of a "Match exec" that hangs.
	const hung = await rejected('exec /bin/sleep 600');
	assert.equal(
		hung.message,
		'The SSH configuration can not be used for nuc: ssh -G did not end within 0.2 s',
	);
	assert.match(hung.tryNext.join(' '), /Match exec.*ssh -v -G nuc/);
	const mute = await rejected('exit 255');
	assert.match(mute.message, /for nuc: ssh -G ended without a word \(255\)$/);
	const said = await rejected('echo first >&2; echo "bad option" >&2; exit 1');
	assert.match(said.message, /for nuc: bad option$/);
});

test('names that could become shell source are refused before anybody sees them', async () => {
	const mark = path.join(home.home, 'ran');
	configure(`Match exec "echo %h"`, 'Host *', ' ProxyCommand nc %h %p');
	for (const by of ['ssh', 'us'] as const) {
		for (const host of [
			`$(touch ${mark})`,
			'a;b',
			'a|b',
			'-oProxyCommand=x',
			'a`b`',
			'a b',
			'a\nb',
			"a'b",
			String.raw`a\b`,
		]) {
			await assert.rejects(
				settingsOf({host}, by),
				/is refused: it has characters that mean something to a shell/,
			);
		}

		await assert.rejects(
			settingsOf({host: 'nuc', user: '$(id)'}, by),
			/user name "\$\(id\)" is refused/,
		);
	}

	for (const host of ['fe80::1%eth0', 'nuc_1.example.org', 'münchen.example']) {
		assert.equal(
			(await settingsOf({host}, 'us')).proxyCommand,
			`nc ${host.toLowerCase()} 22`,
		);
	}
});

const hostName = fc.constantFrom('nuc', 'pi', 'nuc.lan', 'a.b', 'FRA1');
const pattern = fc.constantFrom(
	'nuc',
	'*',
	'n*',
	'!nuc',
	'!pi',
	'?i',
	'*.lan',
	'a.?',
	'FRA1',
	'fra1',
	'!*.lan',
	'"nuc"',
	"'pi'",
	'nuc#',
);
const word = fc.constantFrom(
	'me',
	'you',
	'a#b',
	'"c d"',
	"'e'",
	String.raw`f\"g`,
	String.raw`h\ i`,
);
const setting = fc.oneof(
	fc.tuple(fc.constantFrom('User', 'user', 'USER'), word),
	fc.tuple(fc.constantFrom('HostKeyAlias'), fc.constantFrom('Key', 'other')),
	fc.tuple(fc.constant('Port'), fc.constantFrom('22', '2222', '70000', 'x')),
	fc.tuple(
		fc.constant('HostName'),
		fc.constantFrom('%h.lan', '192.0.2.1', 'Big.Example', '2001:db8::1'),
	),
	fc.tuple(
		fc.constant('IdentityFile'),
		fc.constantFrom('/k/%h', '"/k/%r %p"', '/k/${SOCKET}', '/k/%n%%', 'none'),
	),
	fc.tuple(fc.constant('IdentitiesOnly'), fc.constantFrom('yes', 'no')),
	fc.tuple(
		fc.constant('ProxyJump'),
		fc.constantFrom('none', 'a', 'me@a:2,b', '[2001:db8::1]:22'),
	),
	fc.tuple(
		fc.constant('ProxyCommand'),
		fc.constantFrom('none', 'nc %h %p', 'x "%r" # %n %%'),
	),
	fc.tuple(
		fc.constant('IdentityAgent'),
		fc.constantFrom('none', '$SOCKET', '${SOCKET}', '/run/%r', 'SSH_AUTH_SOCK'),
	),
	fc.tuple(
		fc.constant('ConnectTimeout'),
		fc.constantFrom('5', '1m', '2m5', 'none', 'x'),
	),
	fc.tuple(
		fc.constant('StrictHostKeyChecking'),
		fc.constantFrom('yes', 'no', 'ask', 'accept-new', 'off'),
	),
	fc.tuple(
		fc.constant('UserKnownHostsFile'),
		fc.constantFrom('/h/1 /h/2', '/h/%h', 'none', '/h/${SOCKET}'),
	),
	fc.tuple(fc.constant('GlobalKnownHostsFile'), fc.constantFrom('/g/1 /g/2')),
	fc.tuple(fc.constant('HashKnownHosts'), fc.constantFrom('yes', 'no')),
	fc.tuple(
		fc.constant('AddressFamily'),
		fc.constantFrom('any', 'inet', 'inet6'),
	),
);
const criterion = fc.oneof(
	fc.tuple(
		fc.constantFrom('host', '!host'),
		fc.constantFrom('nuc', '*.lan,!a', '!nuc,*'),
	),
	fc.tuple(
		fc.constantFrom('originalhost', '!originalhost'),
		fc.constantFrom('nuc', 'p*', 'FRA1'),
	),
	fc.tuple(
		fc.constantFrom('user', '!user'),
		fc.constantFrom('me', 'y*', '*,!me'),
	),
	fc.tuple(
		fc.constantFrom('localuser', '!localuser'),
		fc.constantFrom('root', '*'),
	),
	fc.tuple(fc.constantFrom('final', '!final')),
);
const line = fc.oneof(
	{
		weight: 8,
		arbitrary: fc
			.tuple(
				fc.constantFrom('', '  ', '\t'),
				setting,
				fc.constantFrom(' ', '=', ' = ', '\t'),
				fc.constantFrom('', ' ', '  # comment', '\r'),
			)
			.map(
				([indent, [keyword, value], separator, end]) =>
					`${indent}${keyword}${separator}${value}${keyword.startsWith('Proxy') ? '' : end}`,
			),
	},
	{
		weight: 3,
		arbitrary: fc
			.array(pattern, {minLength: 1, maxLength: 3})
			.map((patterns) => `Host ${patterns.join(' ')}`),
	},
	{
		weight: 2,
		arbitrary: fc
			.array(criterion, {minLength: 1, maxLength: 2})
			.map((criteria) => `Match ${criteria.flat().join(' ')}`),
	},
	{
		weight: 1,
		arbitrary: fc.constantFrom('Match all', 'Match !all', '# Host x', ''),
	},
	{
		weight: 1,
		arbitrary: fc.constantFrom(
			`Include ${folder}/a.conf`,
			`Include ${folder}/*.conf ${folder}/none`,
		),
	},
);

test(
	'generated configurations come to the same as for ssh -G',
	{skip: noSsh},
	async () => {
		sub('a.conf', 'Host n*', ' User from-a', 'Match user me', ' Port 5');
		sub('b.conf', 'IdentityFile /b/%h', 'Match final', ' HashKnownHosts yes');
		let answered = 0;
		let refused = 0;
		await fc.assert(
			fc.asyncProperty(
				fc.array(line, {minLength: 1, maxLength: 12}),
				hostName,
				fc.option(fc.constantFrom('me', 'you'), {nil: undefined}),
				async (lines, host, user) => {
					configure(...lines);
					const theirs = await outcomeOf({host, user}, 'ssh');
					assert.deepEqual(await outcomeOf({host, user}, 'us'), theirs);
					if (theirs === 'refused') {
						refused += 1;
					} else {
						answered += 1;
					}
				},
			),
			{numRuns: 400},
		);
		assert.ok(answered > 100 && refused > 10, `${answered} and ${refused}`);
	},
);
