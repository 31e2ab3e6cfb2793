import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {afterEach, beforeEach, test} from 'node:test';
import {readLocalRelease} from '../../source/operations/local-release.js';
import {clusterSchema} from '../../source/cluster/schema.js';
import {makeFacts} from '../plan/fixtures.js';

const {signal} = new AbortController();
const facts = new Map([['fra1', makeFacts('fra1', '198.51.100.11')]]);
let folder: string;
beforeEach(() => {
	folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-release-'));
});
afterEach(() => {
	rmSync(folder, {recursive: true});
});

const write = (files: Readonly<Record<string, string>>): void => {
	for (const [name, text] of Object.entries(files)) {
		writeFileSync(path.join(folder, name), text);
	}
};

const sum = (text: string): string =>
	createHash('sha256').update(text).digest('hex');
const read = async () =>
	readLocalRelease(
		clusterSchema.parse({
			version: 1,
			name: 'home',
			k3s: {version: 'v1.36.3+k3s1'},
			airgap: {folder},
		}),
		facts,
		signal,
	);

test('files and their checksums are found', async () => {
	write({
		'install.sh': '#!/bin/sh\n',
		k3s: 'binary',
		'k3s-airgap-images-amd64.tar.gz': 'images',
		'sha256sum-amd64.txt': `${sum('images')}  k3s-airgap-images-amd64.tar.gz\n${sum('binary')} *k3s\n`,
	});
	const release = await read();
	const files = release!.files.get('amd64')!;
	assert.deepEqual(files.binary, {
		path: path.join(folder, 'k3s'),
		fileName: 'k3s',
		bytes: 6,
		sha256: sum('binary'),
	});
	assert.equal(files.images?.fileName, 'k3s-airgap-images-amd64.tar.gz');
	assert.equal(release!.installScript.fileName, 'install.sh');
	assert.deepEqual([...release!.files.keys()], ['amd64']);
});

test('images may be missing, and no folder means no release', async () => {
	write({
		'install.sh': '#!/bin/sh\n',
		k3s: 'binary',
		'sha256sum-amd64.txt': `${sum('binary')}  k3s\n`,
	});
	const release = await read();
	assert.equal(release!.files.get('amd64')!.images, undefined);
	assert.equal(
		await readLocalRelease(
			clusterSchema.parse({version: 1, name: 'home'}),
			facts,
			signal,
		),
		undefined,
	);
});

test('what is missing or differs is named', async () => {
	await assert.rejects(read(), /has no install\.sh/);
	write({'install.sh': '#!/bin/sh\n'});
	await assert.rejects(read(), /has no sha256sum-amd64\.txt/);
	write({'sha256sum-amd64.txt': `${sum('other')}  k3s\n`});
	await assert.rejects(read(), /has no k3s\./);
	write({k3s: 'binary'});
	await assert.rejects(read(), /k3s has another sha256 \(.*\) than sha256sum/);
	write({'sha256sum-amd64.txt': `${sum('binary')}  another\n`});
	await assert.rejects(read(), /has no checksum of k3s/);
});
