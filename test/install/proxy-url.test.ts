import assert from 'node:assert/strict';
import test from 'node:test';
import {UserError} from '../../source/errors.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {proxyUrl} from '../../source/install/proxy-url.js';

const read = async (text: string) => {
	const redactor = makeRedactor();
	const url = await proxyUrl(
		{proxy: {httpFrom: 'env:P', https: 'http://q', noProxy: []}},
		'http',
		{
			async readSecret(from) {
				assert.equal(from, 'env:P');
				return text;
			},
			redactor,
		},
	);
	return {url, redactor};
};

test('a URL that is read from elsewhere is known to the redactor, with its password as it is typed', async () => {
	const {url, redactor} = await read('http://me:Correct%40Horse@p:3128\n');
	assert.equal(url, 'http://me:Correct%40Horse@p:3128');
	for (const text of [url, 'Correct%40Horse', 'Correct@Horse']) {
		assert.ok(!redactor.redact(`x ${text} y`).includes('Horse'), text);
	}
});

test('what is no URL of a proxy is refused without repeating it', async () => {
	for (const text of [
		'hunter2hunter2',
		'http://me:hunter2"x@p',
		'http://p/x',
	]) {
		await assert.rejects(read(text), (error) => {
			assert.ok(error instanceof UserError);
			assert.match(error.message, /takes from env:P cannot be used: it must/);
			assert.ok(!error.message.includes('hunter2'));
			return true;
		});
	}
});
