import assert from 'node:assert/strict';
import {existsSync, mkdirSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import {afterEach, beforeEach, describe, test} from 'node:test';
import {
	filesHash,
	filesRead,
	filesWrite,
} from '../../source/host/scripts/files.js';
import {
	manifestRead,
	manifestWrite,
} from '../../source/host/scripts/manifest.js';
import {systemShells} from '../host/shells.js';
import {makeSandbox, type Sandbox} from './script-sandbox.js';

/** A df that sees no room anywhere. */
const fullDisk = String.raw`#!/bin/sh
printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 9 9 0 100%% /\n'
`;

for (const shell of systemShells) {
	describe(`files on a host, with ${shell.name}`, {skip: shell.skip}, () => {
		let sandbox: Sandbox;
		beforeEach(() => {
			sandbox = makeSandbox(shell);
		});
		afterEach(() => {
			sandbox.close();
		});

		const write = async (file: string, content: string, mode = 0o600) =>
			sandbox.run(filesWrite, {
				path: file,
				mode,
				content,
				keepPrevious: true,
			});

		test('a new file is made whole, with its folders, and nothing else is left', async () => {
			const file = sandbox.at(
				'/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml',
			);
			const content = 'token: "$(id) `id` \' %s \\n"\n\n';
			assert.deepEqual(await write(file, content), {
				changed: true,
				backup: undefined,
			});
			assert.equal(
				sandbox.read('/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml'),
				content,
			);
			assert.equal(statSync(file).mode % 0o1000, 0o600);
			assert.equal(statSync(path.dirname(file)).mode % 0o1000, 0o755);
			assert.deepEqual(readdirSync(path.dirname(file)), ['10-k3s-mesh.yaml']);
		});

		test('the same content is not written again', async () => {
			const file = sandbox.at('/same');
			await write(file, 'one\n');
			const before = statSync(file, {bigint: true});
			const folderBefore = statSync(sandbox.root, {bigint: true}).mtimeNs;
			assert.deepEqual(await write(file, 'one\n'), {
				changed: false,
				backup: undefined,
			});
			const after = statSync(file, {bigint: true});
			assert.equal(after.ino, before.ino);
			assert.equal(after.mtimeNs, before.mtimeNs);
			assert.equal(
				statSync(sandbox.root, {bigint: true}).mtimeNs,
				folderBefore,
			);
		});

		test('another mode alone is a difference', async () => {
			const file = sandbox.at('/mode');
			await write(file, 'x', 0o644);
			const {changed} = await write(file, 'x', 0o600);
			assert.equal(changed, true);
			assert.equal(statSync(file).mode % 0o1000, 0o600);
		});

		test('what was there first is kept, once', async () => {
			const file = sandbox.at('/kept');
			sandbox.write('/kept', 'theirs\n', 0o640);
			assert.deepEqual(await write(file, 'ours 1\n'), {
				changed: true,
				backup: `${file}.k3s-mesh.bak`,
			});
			await write(file, 'ours 2\n');
			assert.equal(sandbox.read('/kept.k3s-mesh.bak'), 'theirs\n');
			assert.equal(
				statSync(sandbox.at('/kept.k3s-mesh.bak')).mode % 0o1000,
				0o640,
			);
		});

		// The shell of busybox takes its own cp and df before any program.
		const skip = shell.name === 'busybox ash';
		test(
			'what was there first is kept whole or not at all',
			{skip},
			async () => {
				const file = sandbox.at('/kept');
				sandbox.write('/kept', 'theirs, and a good deal of it\n');
				sandbox.program(
					'cp',
					`#!/bin/sh
shift
head -c 6 "$1" >"$2"
echo "cp: error writing '$2': No space left on device" >&2
exit 1
`,
				);
				sandbox.program('df', fullDisk);
				await assert.rejects(write(file, 'ours\n'), {
					message: `${file}.k3s-mesh.bak cannot be written: no space left on that disk.`,
				});
				assert.equal(sandbox.read('/kept'), 'theirs, and a good deal of it\n');
				assert.deepEqual(
					readdirSync(sandbox.root).filter((name) => name.includes('k3s-mesh')),
					[],
				);
			},
		);

		test('what a writer left whose machine lost power goes with the next one', async () => {
			sandbox.write('/.half.k3s-mesh.4711', 'token: ');
			sandbox.write('/.other.k3s-mesh.4711', 'of another file');
			await write(sandbox.at('/half'), 'token: all of it\n');
			assert.deepEqual(
				readdirSync(sandbox.root).filter((name) => name.includes('.k3s-mesh.')),
				['.other.k3s-mesh.4711'],
			);
		});

		test('a change takes the note away of what K3s was started with', async () => {
			sandbox.write('/var/lib/k3s-mesh/applied-hash', 'abc');
			await write(sandbox.at('/note'), '1');
			assert.equal(
				existsSync(sandbox.at('/var/lib/k3s-mesh/applied-hash')),
				false,
			);
			sandbox.write('/var/lib/k3s-mesh/applied-hash', 'abc');
			await write(sandbox.at('/note'), '1');
			assert.equal(
				existsSync(sandbox.at('/var/lib/k3s-mesh/applied-hash')),
				true,
			);
		});

		test('a folder in the way is said by name', async () => {
			mkdirSync(sandbox.at('/folder'));
			await assert.rejects(write(sandbox.at('/folder'), 'x'), {
				message: `${sandbox.at('/folder')} is a folder, and a file is to be written there.`,
			});
		});

		test('hash, mode and absence are read', async () => {
			sandbox.write('/has space', 'abc', 0o640);
			const states = await sandbox.run(filesHash, {
				paths: [sandbox.at('/has space'), sandbox.at('/absent')],
			});
			assert.equal(
				states.get(sandbox.at('/has space'))?.sha256,
				'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
			);
			assert.equal(states.get(sandbox.at('/has space'))?.mode, 0o640);
			assert.equal(states.get(sandbox.at('/absent')), undefined);
			assert.equal(states.size, 2);
		});

		test('a file is read back as it is, and an absent one is none', async () => {
			sandbox.write('/readable', 'a: 1\n\n');
			assert.equal(
				await sandbox.run(filesRead, {path: sandbox.at('/readable')}),
				'a: 1\n\n',
			);
			assert.equal(
				await sandbox.run(filesRead, {path: sandbox.at('/nothing')}),
				undefined,
			);
		});

		test('the manifest is private, and written only when it is different', async () => {
			assert.equal(await sandbox.run(manifestRead, {}), undefined);
			assert.deepEqual(
				await sandbox.run(manifestWrite, {content: '{"a": 1}\n'}),
				{changed: true},
			);
			const file = sandbox.at('/var/lib/k3s-mesh/manifest.json');
			const {mtimeNs} = statSync(file, {bigint: true});
			assert.equal(statSync(file).mode % 0o1000, 0o600);
			assert.equal(
				statSync(sandbox.at('/var/lib/k3s-mesh')).mode % 0o1000,
				0o700,
			);
			assert.deepEqual(
				await sandbox.run(manifestWrite, {content: '{"a": 1}\n'}),
				{changed: false},
			);
			assert.equal(statSync(file, {bigint: true}).mtimeNs, mtimeNs);
			assert.equal(await sandbox.run(manifestRead, {}), '{"a": 1}\n');
		});
	});
}
