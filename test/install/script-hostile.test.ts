import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {readFileSync} from 'node:fs';
import {after, before, describe, test} from 'node:test';
import fc from 'fast-check';
import {
	filesHash,
	filesRead,
	filesWrite,
} from '../../source/host/scripts/files.js';
import {firewallApply} from '../../source/host/scripts/firewall.js';
import {lockRelease, lockTake} from '../../source/host/scripts/lock.js';
import {systemShells} from '../host/shells.js';
import {makeSandbox, type Sandbox} from './script-sandbox.js';

const dangerous = [
	"'; touch OWNED; '",
	'$(touch OWNED)',
	'`touch OWNED`',
	'"; touch OWNED; "',
	'& touch OWNED &',
	'| touch OWNED',
	'> OWNED',
	'$IFS touch$IFS OWNED',
	'*',
	'?',
	'~',
	'-n',
	'-rf',
	'--',
	'\\',
	String.raw`\n`,
	'%s%n',
	'a b  c ',
	'END_OF_PATHS',
	'END_OF_RULES',
	'.hidden',
	'日本 é 🎉',
] as const;

/** One line of text, as names, owners and banners are. */
const text = fc
	.oneof(
		fc.constantFrom<string>(...dangerous),
		fc.string({unit: fc.constantFrom(...'$`"\'\\ !*?#;&|<>(){}[]~%=-0ax')}),
		fc.string({unit: 'grapheme', maxLength: 20}),
	)
	// eslint-disable-next-line no-control-regex
	.filter((value) => !/[\u0000-\u001F\u007F-\u009F]/.test(value));

const fileName = text.filter(
	(value) => !/^\.{0,2}$|\//.test(value) && Buffer.byteLength(value) < 120,
);
const content = fc
	.oneof(text, fc.string({unit: 'binary'}))
	.map((value) => value.toWellFormed())
	.filter((value) => !value.includes('\0'));

for (const shell of systemShells) {
	describe(
		`what is hostile stays data in ${shell.name}`,
		{skip: shell.skip},
		() => {
			let sandbox: Sandbox | undefined;
			before(() => {
				sandbox = makeSandbox(shell);
			});
			after(() => {
				sandbox?.close();
			});

			test('names and contents of files', async () => {
				await fc.assert(
					fc.asyncProperty(fileName, content, async (name, body) => {
						const path = sandbox!.at(`/etc/rancher/k3s/${name}`);
						const file = {
							path,
							mode: 0o600,
							content: body,
							keepPrevious: false,
						};
						await sandbox!.run(filesWrite, file);
						assert.equal(readFileSync(path, 'utf8'), body);
						const again = await sandbox!.run(filesWrite, file);
						assert.equal(again.changed, false);
						const states = await sandbox!.run(filesHash, {
							paths: [path, `${path}.absent`],
						});
						assert.equal(states.get(path)?.mode, 0o600);
						assert.ok(states.has(`${path}.absent`));
						assert.equal(states.get(`${path}.absent`), undefined);
						assert.equal(await sandbox!.run(filesRead, {path}), body);
					}),
					{numRuns: 30},
				);
			});

			test('the owner of a run', async () => {
				await fc.assert(
					fc.asyncProperty(text, async (owner) => {
						const self = {runId: 'run-1', owner};
						const first = await sandbox!.run(lockTake, {...self, gone: []});
						assert.deepEqual(first, {taken: true});
						const second = await sandbox!.run(lockTake, {
							runId: 'run-2',
							owner: 'another',
							gone: [],
						});
						assert.equal(second.taken, false);
						assert.equal(!second.taken && second.holder.owner, owner);
						await sandbox!.run(lockRelease, {runId: 'run-1'});
					}),
					{numRuns: 30},
				);
			});

			test('the words of firewall rules', async () => {
				// Nothing is there yet (-C), and what is added leaves its words behind.
				sandbox!.program(
					'ufw',
					`#!/bin/sh\n[ "$1" != --dry-run ] || exit 0\n[ "$1" != show ] || exit 0\nprintf '%s\\0' "$@" >'${sandbox!.at('/words')}'\n`,
				);
				await fc.assert(
					fc.asyncProperty(
						fc.array(text, {minLength: 1, maxLength: 8}),
						async (words) => {
							const all = ['allow', ...words, 'comment', 'k3s-mesh'];
							const {missing} = await sandbox!.run(firewallApply, {
								firewall: 'ufw',
								rules: [
									{add: ['ufw', ...all], remove: ['ufw', 'delete', ...all]},
								],
								checkOnly: false,
							});
							assert.equal(missing, 1);
							assert.deepEqual(
								sandbox!.read('/words').split('\0').slice(0, -1),
								all,
							);
						},
					),
					{numRuns: 30},
				);
			});

			test('nothing of it was run', () => {
				assert.throws(() => readFileSync('OWNED'), /ENOENT/);
				assert.throws(() => sandbox!.read('/OWNED'), /ENOENT/);
			});
		},
	);
}
