import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {readFileSync, readdirSync} from 'node:fs';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {catalogue} from '../../source/host/scripts/catalogue.js';
import {wrapScript} from '../../source/host/scripts/prelude.js';
import {systemShells} from './shells.js';

const folder = fileURLToPath(
	new URL('../../source/host/scripts/', import.meta.url),
);

test('names are unique and every script says what it does', () => {
	assert.equal(new Set(catalogue.map(({name}) => name)).size, catalogue.length);
	for (const {name, purpose} of catalogue) {
		assert.match(name, /^[a-z\d-]+\.[a-z\d-]+$/);
		assert.ok(purpose.length > 10, name);
	}
});

test('every script that is defined is in the catalogue', () => {
	const defined = readdirSync(folder)
		.filter((file) => file.endsWith('.ts'))
		.flatMap((file) =>
			[
				...readFileSync(`${folder}${file}`, 'utf8').matchAll(
					/^\tname: '(?<name>[^'.]+\.[^']+)',$/gm,
				),
			].map((match) => match.groups!.name!),
		);
	assert.deepEqual(
		defined.toSorted(),
		catalogue.map(({name}) => name).toSorted(),
	);
});

for (const shell of systemShells) {
	test(`${shell.name} understands every script`, {skip: shell.skip}, () => {
		const words = shell.name === 'busybox ash' ? ['ash', '-n'] : ['-n'];
		for (const {name, source} of catalogue) {
			for (const kind of ['run', 'converse'] as const) {
				const {status, stderr} = spawnSync(shell.path!, words, {
					input: wrapScript(source, ['field_one'], kind),
					encoding: 'utf8',
				});
				assert.equal(status, 0, `${name}: ${stderr}`);
			}
		}
	});
}
