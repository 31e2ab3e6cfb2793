import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {generateKeyPairSync, type KeyObject} from 'node:crypto';
import {after, test} from 'node:test';
import {makeRedactor} from '../../source/host/redactor.js';
import {makeKeyRing, readKeyFile} from '../../source/host/ssh/key-files.js';
import {
	UnknownKeyType,
	fromPkcs8,
	pkcs8Kind,
} from '../../source/host/ssh/pkcs8.js';
import {makeSecretMemory} from '../../source/host/ssh/secret-memory.js';
import {makeHome} from './ssh-double.js';

const home = makeHome();
after(home.close);

const passphrase = 'Sesame-4711';
const keys: ReadonlyArray<readonly [string, string, KeyObject]> = [
	['ed25519', 'ssh-ed25519', generateKeyPairSync('ed25519').privateKey],
	[
		'RSA',
		'ssh-rsa',
		generateKeyPairSync('rsa', {modulusLength: 2048}).privateKey,
	],
	[
		'ECDSA',
		'ecdsa-sha2-nistp256',
		generateKeyPairSync('ec', {namedCurve: 'P-256'}).privateKey,
	],
];

const write = (name: string, key: KeyObject, secret?: string): string =>
	home.write(
		name.replace(' ', '-'),
		key.export({
			type: 'pkcs8',
			format: 'pem',
			...(secret !== undefined && {cipher: 'aes-256-cbc', passphrase: secret}),
		}) as string,
	);

for (const [title, type, key] of keys) {
	test(`a key in PKCS #8 is read: ${title}`, async () => {
		const file = await readKeyFile(write(title, key));
		assert.ok(file.kind === 'key');
		assert.equal(file.key.type, type);
		const data = Buffer.from('signed');
		const signature = file.key.sign(data);
		assert.ok(!(signature instanceof Error));
		assert.equal(file.key.verify(data, signature), true);
	});

	test(`an encrypted one is opened by its passphrase, after a wrong one: ${title}`, async () => {
		const path = write(`${title} encrypted`, key, passphrase);
		const file = await readKeyFile(path);
		assert.ok(file.kind === 'encrypted');
		const ring = makeKeyRing(makeSecretMemory(makeRedactor()));
		const answers = ['wrong-one', passphrase];
		const opened = await ring.unlock(path, file.text, {
			trustHostKey: async () => false,
			askSecret: async () => answers.shift(),
		});
		assert.ok(opened && !(opened instanceof Error));
		assert.equal(opened.type, type);
		assert.deepEqual(answers, []);
	});
}

test('an ed25519 key stays the same key, whatever its bytes', () => {
	for (let count = 0; count < 50; count += 1) {
		const {privateKey} = generateKeyPairSync('ed25519');
		const text = fromPkcs8(
			privateKey.export({type: 'pkcs8', format: 'pem'}) as string,
		);
		assert.ok(typeof text === 'string');
		const {d, x} = privateKey.export({format: 'jwk'});
		const body = Buffer.from(text.replaceAll(/-----[^-]+-----/g, ''), 'base64');
		for (const part of [d!, x!]) {
			assert.ok(body.includes(Buffer.from(part, 'base64url')));
		}
	}
});

for (const [title, key] of [
	['x448', generateKeyPairSync('x448').privateKey],
	[
		'secp256k1',
		generateKeyPairSync('ec', {namedCurve: 'secp256k1'}).privateKey,
	],
] as const) {
	test(`the right passphrase of a key that SSH does not know is not called wrong: ${title}`, async () => {
		const path = write(`${title} encrypted`, key, passphrase);
		const file = await readKeyFile(path);
		assert.ok(file.kind === 'encrypted');
		const ring = makeKeyRing(makeSecretMemory(makeRedactor()));
		const answers = ['wrong-one', passphrase, 'never asked for'];
		const questions = {
			trustHostKey: async () => false,
			askSecret: async () => answers.shift(),
		};
		for (let times = 0; times < 2; times += 1) {
			const opened = await ring.unlock(path, file.text, questions);
			assert.ok(opened instanceof UnknownKeyType);
			assert.equal(opened.message, `SSH knows no keys of the type ${title}`);
		}

		assert.deepEqual(answers, ['never asked for']);
	});
}

test('a type that SSH does not know is said', () => {
	const {privateKey} = generateKeyPairSync('x25519');
	const text = privateKey.export({type: 'pkcs8', format: 'pem'}) as string;
	const error = fromPkcs8(text);
	assert.ok(error instanceof Error);
	assert.match(error.message, /no keys of the type x25519/);
	assert.equal(pkcs8Kind(text), 'plain');
	assert.equal(pkcs8Kind('-----BEGIN RSA PRIVATE KEY-----\n'), undefined);
});
