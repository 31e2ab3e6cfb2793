import assert from 'node:assert/strict';
import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	statSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {makeRedactor} from '../../source/host/redactor.js';
import {openRunLog} from '../../source/install/run-log.js';

let folder: string;
before(() => {
	folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-log-'));
});
after(() => {
	rmSync(folder, {recursive: true});
});

const line = (text: string) =>
	({type: 'log', at: 1, node: 'fra1', line: text}) as const;

test('a run log is private, in a private folder, one JSON line an event, in order', async () => {
	const file = path.join(folder, 'logs', 'home.jsonl');
	const log = await openRunLog({
		path: file,
		isOwnFolder: false,
		redact: (text) => text,
	});
	for (let index = 0; index < 50; index += 1) {
		log.write(line(`line ${index}`));
	}

	await log.close();
	assert.equal(statSync(file).mode % 0o1000, 0o600);
	assert.equal(statSync(path.dirname(file)).mode % 0o1000, 0o700);
	const events = readFileSync(file, 'utf8')
		.trim()
		.split('\n')
		.map((text) => JSON.parse(text) as {line: string});
	assert.deepEqual(
		events.map((event) => event.line),
		Array.from({length: 50}, (_, index) => `line ${index}`),
	);
});

test("a folder of ours is closed to others also when it was there already; somebody else's is left as it is", async () => {
	for (const [isOwnFolder, mode] of [
		[true, 0o700],
		[false, 0o755],
	] as const) {
		const known = path.join(folder, `known-${isOwnFolder}`);
		mkdirSync(known);
		chmodSync(known, 0o755);
		const log = await openRunLog({
			path: path.join(known, 'home.jsonl'),
			isOwnFolder,
			redact: (text) => text,
		});
		await log.close();
		assert.equal(statSync(known).mode % 0o1000, mode);
	}
});

test('a run log is appended to', async () => {
	const file = path.join(folder, 'again.jsonl');
	for (const text of ['one', 'two']) {
		const log = await openRunLog({
			path: file,
			isOwnFolder: false,
			redact: (value) => value,
		});
		log.write(line(text));
		await log.close();
	}

	assert.equal(readFileSync(file, 'utf8').trim().split('\n').length, 2);
});

test('secrets are taken out, also those that JSON writes differently', async () => {
	const redactor = makeRedactor();
	const secret = 'pass"word\\with\ttab';
	redactor.add(secret);
	const file = path.join(folder, 'secret.jsonl');
	const log = await openRunLog({
		path: file,
		isOwnFolder: false,
		redact: (text) => redactor.redact(text),
	});
	log.write(line(`token is ${secret}.`));
	await log.close();
	const event = JSON.parse(readFileSync(file, 'utf8')) as {line: string};
	assert.equal(event.line.includes(secret), false);
	assert.match(event.line, /^token is .+\.$/);
});
