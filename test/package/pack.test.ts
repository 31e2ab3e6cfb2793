import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {startTerminal, keys} from '../support/terminal.js';

const root = path.dirname(
	path.dirname(path.dirname(fileURLToPath(import.meta.url))),
);
const runFile = promisify(execFile);

test('the packed program runs from an empty folder', async (t) => {
	const folder = await mkdtemp(path.join(os.tmpdir(), 'k3s-mesh-pack-'));
	t.after(async () => rm(folder, {recursive: true, force: true}));
	await runFile('npm', ['pack', '--silent', '--pack-destination', folder], {
		cwd: root,
	});
	const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
	assert.ok(tarball, 'npm pack made no tarball');

	const version = await runFile('npx', ['--yes', `./${tarball}`, '--version'], {
		cwd: folder,
	});
	const {version: wanted} = JSON.parse(
		await readFile(path.join(root, 'package.json'), 'utf8'),
	) as {version: string};
	assert.equal(version.stdout.trim(), wanted);

	const terminal = startTerminal({
		command: ['npx', '--yes', `./${tarball}`, 'demo'],
		cwd: folder,
		env: {XDG_CONFIG_HOME: path.join(folder, 'config')},
	});
	t.after(terminal.stop);
	await terminal.waitFor(/DEMO/, 60_000);
	terminal.type(keys.ctrlC);
	await terminal.exited;
});

test('the tarball holds the program, its schemas and the licences, and nothing else', async () => {
	const {stdout} = await runFile(
		'npm',
		['pack', '--dry-run', '--json', '--ignore-scripts'],
		{cwd: root},
	);
	const [packed] = JSON.parse(stdout) as Array<{
		files: Array<{path: string}>;
	}>;
	const files = packed!.files.map((file) => file.path);
	for (const needed of [
		'LICENSE',
		'README.md',
		'CHANGELOG.md',
		'package.json',
		'dist/cli.js',
		'dist/cluster.schema.json',
		'dist/check.schema.json',
		'dist/plan.schema.json',
		'dist/apply.schema.json',
		'dist/kubeconfig.schema.json',
		'dist/leaving.schema.json',
		'dist/THIRD-PARTY-LICENCES.txt',
	]) {
		assert.ok(files.includes(needed), `${needed} is missing`);
	}

	assert.deepEqual(
		files.filter((file) => file.includes('/') && !file.startsWith('dist/')),
		[],
	);
});
