import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createServer, type AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {parseBaseUrl} from '../../source/control/base-url.js';
import {ControlError} from '../../source/control/control-error.js';
import {makeSend, type Send} from '../../source/control/http.js';
import {fails} from './fails.js';
import {startDouble} from './http-double.js';

const get = async (send: Send, url: string) =>
	send(
		{method: 'GET', url: new URL(url), headers: {}},
		{signal: new AbortController().signal, timeoutMs: 5000},
	);

/** A certificate for 127.0.0.1 that signs itself, or nothing where openssl is not installed. */
const makeCertificate = async (
	name = 'IP:127.0.0.1',
): Promise<{readonly key: string; readonly cert: string} | undefined> => {
	const folder = await mkdtemp(path.join(tmpdir(), 'control-tls-'));
	try {
		execFileSync(
			'openssl',
			[
				'req',
				'-x509',
				'-newkey',
				'ec',
				'-pkeyopt',
				'ec_paramgen_curve:prime256v1',
				'-nodes',
				'-days',
				'2',
				'-subj',
				'/CN=double',
				'-addext',
				`subjectAltName=${name}`,
				'-keyout',
				path.join(folder, 'key.pem'),
				'-out',
				path.join(folder, 'cert.pem'),
			],
			{stdio: 'ignore'},
		);
		return {
			key: await readFile(path.join(folder, 'key.pem'), 'utf8'),
			cert: await readFile(path.join(folder, 'cert.pem'), 'utf8'),
		};
	} catch {
		return undefined;
	} finally {
		await rm(folder, {recursive: true});
	}
};

test('a private certificate is refused with the way out, and taken with its authority', async (t) => {
	const tls = await makeCertificate();
	if (tls === undefined) {
		t.skip('openssl is not installed');
		return;
	}

	await using double = await startDouble(
		() => ({status: 200, body: 'hello'}),
		tls,
	);
	await fails(
		get(makeSend(), double.url),
		'untrusted-certificate',
		/signed by itself \(DEPTH_ZERO_SELF_SIGNED_CERT\).*NODE_EXTRA_CA_CERTS/,
	);
	const answer = await get(makeSend(tls.cert), double.url);
	assert.equal(answer.text, 'hello');
	await fails(
		get(makeSend(), double.url.replace('https:', 'http:')),
		'unreachable',
		/./,
	);

	const other = await makeCertificate('DNS:hs.example.org');
	await using renamed = await startDouble(() => ({status: 200}), other);
	await fails(
		get(makeSend(other!.cert), renamed.url),
		'untrusted-certificate',
		/for another name/,
	);
});

test('what is no certificate is refused before anything is sent', () => {
	for (const pem of [
		'',
		'nonsense',
		'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
	]) {
		assert.throws(
			() => makeSend(pem),
			(error) =>
				error instanceof ControlError && error.failure === 'bad-access',
		);
	}
});

test('no connection, no TLS and no HTTP have a sentence each', async () => {
	const quiet = createServer();
	await new Promise<void>((resolve) => {
		quiet.listen(0, '127.0.0.1', resolve);
	});
	const {port} = quiet.address() as AddressInfo;
	await new Promise((resolve) => {
		quiet.close(resolve);
	});
	await fails(
		get(makeSend(), `http://127.0.0.1:${port}`),
		'unreachable',
		/Nothing listens at 127\.0\.0\.1/,
	);

	await using plain = await startDouble(() => ({status: 200}));
	await fails(
		get(makeSend(), plain.url.replace('http:', 'https:')),
		'unreachable',
		/not with TLS.*http:\/\//,
	);

	const odd = createServer((socket) => {
		socket.on('error', () => undefined);
		socket.end('SSH-2.0-double\r\n');
	});
	await new Promise<void>((resolve) => {
		odd.listen(0, '127.0.0.1', resolve);
	});
	try {
		const {port: oddPort} = odd.address() as AddressInfo;
		await fails(
			get(makeSend(), `http://127.0.0.1:${oddPort}`),
			'unreachable',
			/not with HTTP/,
		);
	} finally {
		odd.close();
	}

	await fails(
		get(makeSend(), 'http://no-such-name.invalid'),
		'unreachable',
		/can not be looked up/,
	);
});

test('a control server is named by a URL that keeps the credential safe', () => {
	const good: ReadonlyArray<readonly [string, string]> = [
		['https://hs.example.org', 'https://hs.example.org'],
		['https://hs.example.org/', 'https://hs.example.org'],
		['https://example.org:8443/hs/', 'https://example.org:8443/hs'],
		['http://10.9.0.254:8080', 'http://10.9.0.254:8080'],
		['http://100.64.0.1:8080', 'http://100.64.0.1:8080'],
		['http://[fd00::1]:8080', 'http://[fd00::1]:8080'],
		['http://localhost:8080', 'http://localhost:8080'],
		['http://hs.lan', 'http://hs.lan'],
	];
	for (const [text, expected] of good) {
		assert.equal(parseBaseUrl(text), expected);
	}

	const bad: ReadonlyArray<readonly [string, RegExp]> = [
		['hs.example.org', /can not be read/],
		['ftp://hs.example.org', /must begin with/],
		['https://ann:secret@hs.example.org', /no user and no password/],
		['https://hs.example.org/?x=1', /"\?"/],
		['http://hs.example.org', /in clear text/],
		['http://203.0.113.7:8080', /in clear text/],
	];
	for (const [text, expected] of bad) {
		assert.throws(
			() => parseBaseUrl(text),
			(error) =>
				error instanceof ControlError &&
				expected.test(error.message) &&
				!error.message.includes('secret'),
			text,
		);
	}
});
