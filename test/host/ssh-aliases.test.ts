import assert from 'node:assert/strict';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {afterEach, beforeEach, test} from 'node:test';
import {sshAliases} from '../../source/host/ssh/ssh-aliases.js';

let home: string;
beforeEach(() => {
	home = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-aliases-'));
	mkdirSync(path.join(home, '.ssh', 'conf.d'), {recursive: true});
});
afterEach(() => {
	rmSync(home, {recursive: true});
});

const write = (name: string, ...lines: readonly string[]): void => {
	writeFileSync(path.join(home, '.ssh', name), lines.join('\n'));
};

test('names of hosts are found, patterns are none, each once', async () => {
	write(
		'config',
		'# Host commented',
		'Host fra1 nuc',
		'  HostName 198.51.100.11',
		'host=pi4',
		'Host *.lan !bad "with space"',
		'Host *',
		'Match host other',
		'\tHost  nuc   ams2  ',
	);
	assert.deepEqual(await sshAliases(home), [
		'fra1',
		'nuc',
		'pi4',
		'with space',
		'ams2',
	]);
});

test('included files are followed where they stand, by name, pattern and home', async () => {
	write('config', 'Include conf.d/*.conf', 'Host last', 'Include ~/.ssh/more');
	write('conf.d/b.conf', 'Host bravo');
	write('conf.d/a.conf', 'Host alpha');
	write('conf.d/c.txt', 'Host never');
	write('more', 'Host more', 'Include config');
	assert.deepEqual(await sshAliases(home), ['alpha', 'bravo', 'last', 'more']);
});

test('no configuration names nobody', async () => {
	assert.deepEqual(await sshAliases(home), []);
});
