import assert from 'node:assert/strict';
import {copyFileSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {createHash} from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {releaseFolder} from './releases.js';
import {assertCode, stageFor} from './support.js';

const version = 'v1.36.3+k3s1';

test('nodes that get nothing from the internet are installed from a folder of this machine', async (t) => {
	const stage = await stageFor('lan3', {name: 'airgap'});
	t.after(stage.down);
	const folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-airgap-'));
	t.after(() => {
		rmSync(folder, {recursive: true});
	});
	const releases = await releaseFolder();
	copyFileSync(
		path.join(releases, 'install.sh'),
		path.join(folder, 'install.sh'),
	);
	copyFileSync(path.join(releases, version, 'k3s'), path.join(folder, 'k3s'));
	const images = 'k3s-airgap-images-amd64.tar.gz';
	const imagesText = 'images of the pods';
	writeFileSync(path.join(folder, images), imagesText);
	const sums = await readFile(
		path.join(releases, version, 'sha256sum-amd64.txt'),
		'utf8',
	);
	writeFileSync(
		path.join(folder, 'sha256sum-amd64.txt'),
		`${sums}${createHash('sha256').update(imagesText).digest('hex')}  ${images}\n`,
	);
	// Nothing answers but with an error.
	await stage.lab.mirror.control({status: 503});
	stage.writeCluster({k3s: {version}, airgap: {folder}, mirrors: {}});

	const outcome = await stage.apply('--progress', 'json');
	assertCode(outcome, 0);
	assert.match(outcome.stdout, /"type":"progress"/);
	assert.deepEqual(await stage.lab.mirror.requests(), []);
	for (const node of stage.lab.nodes) {
		const {stdout} = await node.exec(
			`cat /var/lib/rancher/k3s/agent/images/${images}; find / -xdev -name '*.k3s-mesh-*' -not -name '*.bak'`,
		);
		assert.equal(stdout.trim(), imagesText);
	}

	const again = await stage.apply('--progress', 'json');
	assertCode(again, 0);
	assert.match(again.stdout, /"type":"run-ended"[^\n]*"changed":false/);
});
