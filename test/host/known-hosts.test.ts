import assert from 'node:assert/strict';
import {type Buffer} from 'node:buffer';
import {spawnSync} from 'node:child_process';
import {createHmac, randomBytes} from 'node:crypto';
import {readFileSync, rmSync} from 'node:fs';
import path from 'node:path';
import {after, test} from 'node:test';
import {
	judgeKey,
	knownHostName,
	namesMatch,
	orderAlgorithms,
	parseKnownHosts,
} from '../../source/host/ssh/known-hosts.js';
import {
	fingerprintOf,
	rememberKey,
} from '../../source/host/ssh/known-hosts-files.js';
import {makeHome, makeKey, modeOf} from './ssh-double.js';

const home = makeHome();
after(() => {
	home.close();
});

const one = makeKey();
const other = makeKey();
const rsa = makeKey('rsa');

const hashed = (name: string): string => {
	const salt = randomBytes(20);
	const hash = createHmac('sha1', salt).update(name).digest('base64');
	return `|1|${salt.toString('base64')}|${hash}`;
};

const text = `# a comment
plain.example.org ${one.publicKey} somebody@somewhere
[ports.example.org]:2222 ${one.publicKey}
${hashed('hashed.example.org')} ${rsa.publicKey}
${hashed('[hashed.example.org]:2200')} ${one.publicKey}

*.wild.example.org,!bad.wild.example.org ${one.publicKey}
192.0.2.?,2001:db8::5 ${one.publicKey}
@revoked plain.example.org ${other.publicKey}
@cert-authority *.example.net ${one.publicKey}
not-a-key.example.org ssh-ed25519 AAAA
short.example.org
UPPER.example.org ${one.publicKey}
`;

const questions: ReadonlyArray<readonly [string, number]> = [
	['plain.example.org', 22],
	['plain.example.org', 2222],
	['PLAIN.example.org', 22],
	['ports.example.org', 2222],
	['ports.example.org', 22],
	['hashed.example.org', 22],
	['hashed.example.org', 2200],
	['other.example.org', 22],
	['a.wild.example.org', 22],
	['bad.wild.example.org', 22],
	['wild.example.org', 22],
	['a.wild.example.org', 2222],
	['192.0.2.7', 22],
	['192.0.2.77', 22],
	['2001:db8::5', 22],
	['upper.example.org', 22],
	['x.example.net', 22],
];

const keygen = spawnSync('ssh-keygen', ['-?']);
const noKeygen = keygen.error !== undefined && 'ssh-keygen is not installed';

test('the same lines match as for ssh-keygen', {skip: noKeygen}, () => {
	const file = home.write('oracle', text);
	const entries = parseKnownHosts(text, file);
	for (const [host, port] of questions) {
		const name = knownHostName(host, port);
		const {stdout} = spawnSync('ssh-keygen', ['-F', name, '-f', file], {
			encoding: 'utf8',
		});
		const expected = [...stdout.matchAll(/found: line (?<line>\d+)/g)].map(
			(match) => Number(match.groups!.line),
		);
		const found = entries
			.filter(({names}) => namesMatch(names, name))
			.map(({line}) => line);
		// Ssh-keygen lists authorities and lines that are no keys, too.
		const keys = new Set(entries.map(({line}) => line));
		assert.deepEqual(
			found,
			expected.filter((line) => keys.has(line)),
			`${name}: ${stdout}`,
		);
	}
});

test('a key is known, unknown, changed or revoked', () => {
	const entries = parseKnownHosts(text, 'known_hosts');
	const verdict = (host: string, key: Buffer) => {
		const {kind, ...rest} = judgeKey(entries, knownHostName(host, 22), key);
		return 'entry' in rest ? `${kind} ${rest.entry.line}` : kind;
	};

	assert.equal(verdict('plain.example.org', one.blob), 'known');
	assert.equal(verdict('plain.example.org', other.blob), 'revoked 9');
	assert.equal(verdict('plain.example.org', makeKey().blob), 'changed 2');
	// Another type than the known one is no better than another key.
	assert.equal(verdict('plain.example.org', rsa.blob), 'changed 2');
	assert.equal(verdict('new.example.org', one.blob), 'unknown');
	assert.equal(verdict('bad.wild.example.org', one.blob), 'unknown');
	assert.equal(verdict('x.example.net', one.blob), 'unknown');
});

test('algorithms of known keys are offered first', () => {
	const entries = parseKnownHosts(text, 'known_hosts');
	const supported = [
		'ssh-ed25519',
		'ecdsa-sha2-nistp256',
		'rsa-sha2-512',
		'rsa-sha2-256',
	];
	assert.deepEqual(orderAlgorithms(supported, entries, 'hashed.example.org'), [
		'rsa-sha2-512',
		'rsa-sha2-256',
		'ssh-ed25519',
		'ecdsa-sha2-nistp256',
	]);
	assert.deepEqual(
		orderAlgorithms(supported, entries, 'new.example.org'),
		supported,
	);
});

test('a pattern’s dots and brackets are themselves', () => {
	assert.equal(namesMatch('a.b', 'axb'), false);
	assert.equal(namesMatch('[a-z]', 'b'), false);
	assert.equal(namesMatch('[a.b]:22*', '[a.b]:2222'), true);
});

test('a remembered key lands in a private file, on a line of its own', async () => {
	const file = path.join(home.home, 'fresh', '.ssh', 'known_hosts');
	await rememberKey(file, '[host.example.org]:2222', one.blob);
	assert.equal(modeOf(file), 0o600);
	assert.equal(modeOf(path.dirname(file)), 0o700);
	rmSync(file);

	const unfinished = home.write(
		'unfinished',
		`old.example.org ${rsa.publicKey}`,
	);
	await rememberKey(unfinished, 'new.example.org', one.blob);
	const entries = parseKnownHosts(readFileSync(unfinished, 'utf8'), unfinished);
	assert.deepEqual(
		entries.map(({names, line}) => [names, line]),
		[
			['old.example.org', 1],
			['new.example.org', 2],
		],
	);
});

test('fingerprints are those of ssh-keygen', {skip: noKeygen}, () => {
	const file = home.write('key.pub', `${one.publicKey}\n`);
	const {stdout} = spawnSync('ssh-keygen', ['-lf', file], {encoding: 'utf8'});
	assert.equal(stdout.split(' ')[1], fingerprintOf(one.blob));
});
