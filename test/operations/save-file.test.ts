import assert from 'node:assert/strict';
import {mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {saveFile} from '../../source/operations/save-file.js';

test('a file is saved, and replaced only after a yes', async (t) => {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-save-'));
	t.after(() => {
		rmSync(folder, {recursive: true});
	});
	const file = path.join(folder, 'policy.hujson');
	let asked = 0;
	const answering = (yes: boolean) => async () => {
		asked += 1;
		return yes;
	};

	const read = () => readFileSync(file, 'utf8');
	assert.equal(await saveFile(file, 'one', answering(false)), 'saved');
	assert.equal(await saveFile(file, 'one', answering(false)), 'same');
	assert.equal(asked, 0);
	assert.equal(await saveFile(file, 'two', answering(false)), 'kept');
	assert.equal(read(), 'one');
	assert.equal(await saveFile(file, 'two', answering(true)), 'saved');
	assert.equal(read(), 'two');
	assert.equal(asked, 2);
	assert.deepEqual(readdirSync(folder), ['policy.hujson']);

	await assert.rejects(
		saveFile(path.join(folder, 'none', 'x'), 'one', answering(true)),
		/its folder is not there/,
	);
	await assert.rejects(
		saveFile(folder, 'one', answering(true)),
		/it is a folder/,
	);
});
