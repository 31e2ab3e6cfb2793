import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {spawnSync} from 'node:child_process';
import {createHmac, randomBytes} from 'node:crypto';
import {readFileSync, rmSync} from 'node:fs';
import path from 'node:path';
import {after, test} from 'node:test';
import fc from 'fast-check';
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

/** As far as a line goes that nobody can use: the type, and a number. */
const dss = Buffer.concat(
	['ssh-dss', '1'].map((part) =>
		Buffer.concat([Buffer.from([0, 0, 0, part.length]), Buffer.from(part)]),
	),
).toString('base64');

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
old.example.org ssh-dss ${dss}
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

const label = fc.constantFrom(
	'nuc',
	'pi.example.org',
	'192.0.2.7',
	'2001:db8::5',
	'NUC',
);
const port = fc.constantFrom(22, 2222);
const namePattern = fc.oneof(
	fc.tuple(label, port).map(([host, number]) => knownHostName(host, number)),
	fc.constantFrom(
		'*',
		'!nuc',
		'n?c',
		'*.example.org',
		'[*]:2222',
		'!192.0.2.*',
		'',
	),
	label,
);
const hostsLine = fc.oneof(
	fc
		.tuple(
			fc.constantFrom(
				'',
				'',
				'',
				'@revoked ',
				'@cert-authority ',
				'@other ',
				' \t',
			),
			fc.oneof(
				{
					weight: 3,
					arbitrary: fc
						.array(namePattern, {minLength: 1, maxLength: 3})
						.map((names) => names.join(',')),
				},
				{
					weight: 1,
					arbitrary: fc
						.tuple(label, port)
						.map(([host, number]) => hashed(knownHostName(host, number))),
				},
				{weight: 1, arbitrary: fc.constantFrom('|1|AAAA|BBBB', '|2|x|y', '|')},
			),
			fc.constantFrom(' ', '\t', '  '),
			fc.constantFrom(
				one.publicKey,
				rsa.publicKey,
				other.publicKey,
				'ssh-ed25519 AAAA',
				`ssh-rsa ${one.publicKey.split(' ')[1]}`,
				'unknown-type AAAADHVua25vd24tdHlwZQ==',
				'',
			),
			fc.constantFrom('', ' a comment', '\r', ' # more'),
		)
		.map((parts) => parts.join('')),
	fc.constantFrom('', '# nuc', 'nuc', '\r'),
);

test(
	'generated files have the same lines for a host as for ssh-keygen',
	{skip: noKeygen},
	() => {
		let matches = 0;
		fc.assert(
			fc.property(
				fc.array(hostsLine, {minLength: 1, maxLength: 8}),
				label,
				port,
				fc.boolean(),
				(lines, host, number, hasEnd) => {
					const written = `${lines.join('\n')}${hasEnd ? '\n' : ''}`;
					const file = home.write('generated', written);
					const entries = parseKnownHosts(written, file);
					const name = knownHostName(host, number);
					const {stdout} = spawnSync('ssh-keygen', ['-F', name, '-f', file], {
						encoding: 'utf8',
					});
					const expected = [
						...stdout.matchAll(/found: line (?<line>\d+)/g),
					].map((match) => Number(match.groups!.line));
					const found = entries
						.filter(({names}) => namesMatch(names, name))
						.map(({line}) => line);
					matches += found.length;
					// Ssh-keygen does not look into the key here; ssh leaves such lines out.
					const isKey = (line: number) =>
						/\S+[ \t]+\S+[ \t]+AAAA/.test(lines[line - 1]!) &&
						!/ssh-ed25519[ \t]+AAAA(?:\s|$)|ssh-rsa[ \t]+AAAAC3/.test(
							lines[line - 1]!,
						);
					assert.deepEqual(
						found,
						expected.filter((line) => isKey(line)),
						stdout,
					);
				},
			),
			{numRuns: 300},
		);
		assert.ok(matches > 10, `${matches} lines matched`);
	},
);

test('a key is known, unknown, changed or revoked', () => {
	const entries = parseKnownHosts(text, 'known_hosts');
	const verdict = (host: string, key: Buffer) => {
		const {kind, ...rest} = judgeKey(
			entries,
			{name: knownHostName(host, 22)},
			key,
		);
		return 'entry' in rest && rest.entry ? `${kind} ${rest.entry.line}` : kind;
	};

	assert.equal(verdict('plain.example.org', one.blob), 'known');
	assert.equal(verdict('plain.example.org', other.blob), 'revoked 9');
	assert.equal(verdict('plain.example.org', makeKey().blob), 'changed 2');
	// Another type than the known one is no better than another key.
	assert.equal(verdict('plain.example.org', rsa.blob), 'changed 2');
	assert.equal(verdict('old.example.org', one.blob), 'changed 14');
	assert.equal(verdict('new.example.org', one.blob), 'unknown');
	assert.equal(verdict('bad.wild.example.org', one.blob), 'unknown');
	assert.equal(verdict('x.example.net', one.blob), 'unknown');
});

test('a key that is known without the port is good, and another one there says nothing', () => {
	const entries = parseKnownHosts(text, 'known_hosts');
	const names = {
		name: knownHostName('plain.example.org', 2222),
		without: 'plain.example.org',
	};
	assert.equal(judgeKey(entries, names, one.blob).kind, 'known');
	assert.equal(judgeKey(entries, names, makeKey().blob).kind, 'unknown');
	assert.equal(judgeKey(entries, names, other.blob).kind, 'revoked');
});

test('a host that is trusted by a certificate only is unknown, with the line that says so', () => {
	const entries = parseKnownHosts(text, 'known_hosts');
	const verdict = judgeKey(entries, {name: 'x.example.net'}, one.blob);
	assert.equal(verdict.kind, 'unknown');
	assert.equal(
		verdict.kind === 'unknown' ? verdict.authority?.line : undefined,
		10,
	);
});

test('many who append at once lose nothing, also hashed, and after a line without an end', async () => {
	const file = home.write('crowded', `old.example.org ${rsa.publicKey}`);
	const names = Array.from({length: 40}, (_, index) => `h${index}.example.org`);
	await Promise.all(
		names.map(async (name, index) =>
			rememberKey(file, name, one.blob, {isHashed: index % 2 === 0}),
		),
	);
	const written = readFileSync(file, 'utf8');
	const entries = parseKnownHosts(written, file);
	for (const name of ['old.example.org', ...names]) {
		assert.equal(
			entries.filter((entry) => namesMatch(entry.names, name)).length,
			1,
			name,
		);
	}

	assert.ok(!written.includes('h0.example.org'));
	assert.ok(written.includes('h1.example.org'));
	assert.equal(await rememberKey('/dev/null', 'x', one.blob), false);
});

test('algorithms of known keys are offered first', () => {
	const entries = parseKnownHosts(text, 'known_hosts');
	const supported = [
		'ssh-ed25519',
		'ecdsa-sha2-nistp256',
		'rsa-sha2-512',
		'rsa-sha2-256',
	];
	assert.deepEqual(
		orderAlgorithms(supported, entries, {name: 'hashed.example.org'}),
		['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519', 'ecdsa-sha2-nistp256'],
	);
	assert.deepEqual(
		orderAlgorithms(supported, entries, {name: 'new.example.org'}),
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
