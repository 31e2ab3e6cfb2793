import assert from 'node:assert/strict';
import {
	mkdtemp,
	readFile,
	readdir,
	rm,
	stat,
	writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {afterEach, beforeEach, describe, it} from 'node:test';
import {newClusterText} from '../../source/cluster/file.js';
import {clusterSchema} from '../../source/cluster/schema.js';
import {makeClusterFiles} from '../../source/store/cluster-files.js';
import {rememberProgress} from '../../source/store/known-progress.js';
import {makePreferences} from '../../source/store/preferences.js';
import {openTemporaryStore} from '../../source/store/store.js';

let folder: string;

beforeEach(async () => {
	folder = path.join(
		await mkdtemp(path.join(os.tmpdir(), 'store-')),
		'deep',
		'config',
	);
});

afterEach(async () => {
	await rm(path.dirname(path.dirname(folder)), {recursive: true});
});

const modeOf = async (file: string) => {
	const {mode} = await stat(file);
	return (mode % 0o1000).toString(8);
};

describe('cluster files', () => {
	it('are read back as they were written, for the owner only', async () => {
		const files = makeClusterFiles(folder);
		assert.deepEqual(await files.list(), []);
		assert.equal(await files.read('home'), undefined);
		await files.write('home', 'version: 1\n');
		await files.write('office', 'version: 1\n');
		await files.write('home', 'version: 1\nname: home\n');
		assert.equal(await files.read('home'), 'version: 1\nname: home\n');
		assert.deepEqual(await files.list(), ['home', 'office']);
		assert.equal(await modeOf(files.path('home')), '600');
		assert.equal(await modeOf(path.dirname(files.path('home'))), '700');
		assert.equal(await modeOf(folder), '700');
	});

	it('leave nothing behind beside the file, also when writing does not work', async () => {
		const files = makeClusterFiles(folder);
		await files.write('home', 'one');
		await assert.rejects(
			files.write('home', {} as unknown as string),
			TypeError,
		);
		assert.equal(await files.read('home'), 'one');
		assert.deepEqual(await readdir(path.dirname(files.path('home'))), [
			'cluster.schema.json',
			'home.yaml',
		]);
	});

	it('have the schema beside them that their first line names', async () => {
		const files = makeClusterFiles(folder);
		const schemaPath = path.join(
			path.dirname(files.path('home')),
			/\$schema=(?<name>\S+)/.exec(
				newClusterText(clusterSchema.parse({version: 1, name: 'home'})),
			)!.groups!.name!,
		);
		await files.write('home', 'version: 1\n');
		const {properties} = JSON.parse(await readFile(schemaPath, 'utf8')) as {
			properties: Record<string, unknown>;
		};
		assert.ok('nodes' in properties);
		assert.equal(await modeOf(schemaPath), '600');

		await writeFile(schemaPath, '{"of": "an older version"}');
		await files.write('home', 'version: 1\n');
		assert.match(await readFile(schemaPath, 'utf8'), /"nodes"/);
		const before = await stat(schemaPath);
		await files.write('home', 'version: 1\nname: home\n');
		const after = await stat(schemaPath);
		assert.equal(after.mtimeMs, before.mtimeMs);
	});

	it('never leave their folder', () => {
		const files = makeClusterFiles(folder);
		assert.equal(
			files.path('../../etc/passwd'),
			path.join(folder, 'clusters', 'passwd.yaml'),
		);
	});
});

describe('preferences', () => {
	it('list the clusters, the last used first, and survive a new start', async () => {
		const first = makePreferences(folder);
		first.remember({name: 'home', progress: 'nodes', usedAt: 1});
		first.remember({name: 'office', progress: 'done', usedAt: 2});
		first.remember({name: 'home', progress: 'checks', usedAt: 3});
		first.setInstallView('stream');
		const second = makePreferences(folder);
		assert.deepEqual(second.clusters(), [
			{name: 'home', progress: 'checks', usedAt: 3},
			{name: 'office', progress: 'done', usedAt: 2},
		]);
		assert.equal(second.installView(), 'stream');
		second.forget('home');
		assert.deepEqual(
			makePreferences(folder)
				.clusters()
				.map(({name}) => name),
			['office'],
		);
		assert.equal(await modeOf(path.join(folder, 'config.json')), '600');
	});

	it('begin anew when their file is damaged', async () => {
		makePreferences(folder).setInstallView('stream');
		await writeFile(path.join(folder, 'config.json'), '{"clusters": [');
		assert.equal(makePreferences(folder).installView(), 'grid');
	});
});

describe('the temporary store', () => {
	it('is gone after remove', async () => {
		const {store, remove} = await openTemporaryStore();
		await store.files.write('demo', 'version: 1\n');
		const file = store.files.path('demo');
		assert.ok(store.kubeconfigPath?.startsWith(os.tmpdir()));
		await remove();
		await assert.rejects(stat(file), {code: 'ENOENT'});
	});
});

describe('what is done without the wizard', () => {
	it('is remembered of a cluster that the wizard knows by that file, and of no other', async () => {
		const file = makeClusterFiles(folder).path('home');
		rememberProgress(
			{name: 'home', path: '/elsewhere/home.yaml'},
			'done',
			1,
			folder,
		);
		await assert.rejects(stat(folder), 'nothing was made');
		rememberProgress({name: 'home', path: file}, 'done', 1, folder);
		assert.deepEqual(makePreferences(folder).clusters(), []);
		makePreferences(folder).remember({
			name: 'home',
			progress: 'done',
			usedAt: 1,
		});
		rememberProgress({name: 'home', path: file}, 'uninstalled', 2, folder);
		assert.deepEqual(makePreferences(folder).clusters(), [
			{name: 'home', progress: 'uninstalled', usedAt: 2},
		]);
	});
});
