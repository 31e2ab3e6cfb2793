import assert from 'node:assert/strict';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import test, {type TestContext} from 'node:test';
import {fileURLToPath} from 'node:url';
import type {FixReport} from './fix-program.js';
import {up, type Lab, type LabNode} from './index.js';

const program = fileURLToPath(new URL('fix-program.ts', import.meta.url));

/** A lab, and the program that opens firewalls run in the client's namespace. */
const stageOf = async (t: TestContext, topology: string) => {
	const lab = await up({topology});
	const folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-fix-'));
	t.after(async () => {
		rmSync(folder, {recursive: true, force: true});
		await lab.down();
	});
	const clusterPath = path.join(folder, 'cluster.yaml');
	writeFileSync(clusterPath, lab.clusterFile());
	const fix = async (...words: readonly string[]): Promise<FixReport> => {
		const {code, stdout, stderr} = await lab.client.exec(
			[process.execPath, '--import', 'tsx', program, clusterPath, ...words],
			{
				env: {HOME: lab.home, PATH: process.env.PATH ?? '/usr/bin:/bin'},
				timeoutMs: 150_000,
			},
		);
		assert.equal(code, 0, stderr);
		return JSON.parse(stdout) as FixReport;
	};

	return {lab, fix};
};

/** All rules of a host's firewalls, its units and our manifest, in the order of the alphabet: a boot adds rules in another order. */
const stateOf = async (node: LabNode): Promise<readonly string[]> => {
	const {stdout} = await node.exec(`
if systemctl -q is-active firewalld; then
	for zone in public trusted; do
		firewall-cmd --permanent --zone=$zone --list-all
		firewall-cmd --zone=$zone --list-all
	done
else
	ufw status 2>/dev/null
	iptables -S 2>/dev/null | grep -v '^-A ufw'
	nft list table inet filter 2>/dev/null
fi
systemctl is-enabled k3s-mesh-firewall 2>/dev/null
cat /etc/systemd/system/k3s-mesh-firewall.service /var/lib/k3s-mesh/manifest.json 2>/dev/null
ls -A /var/lib/k3s-mesh 2>/dev/null
:`);
	return stdout.split('\n').toSorted();
};

const statesOf = async (lab: Lab) =>
	Object.fromEntries(
		await Promise.all(
			lab.nodes.map(async (node) => [node.name, await stateOf(node)] as const),
		),
	);

/** Runs the words that the manifest keeps for taking our rules back. */
const removeOurs = `python3 - <<'END'
import json, subprocess
rules = json.load(open('/var/lib/k3s-mesh/manifest.json'))['firewall']['rules']
for words in {tuple(rule['remove']): None for rule in rules}:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
END
systemctl -q is-active firewalld && firewall-cmd --reload >/dev/null
:`;

const outcomesOf = (names: readonly string[], outcome: string) =>
	Object.fromEntries(names.map((name) => [name, outcome]));

test('fw-kinds: fixes open each kind of firewall for good, and a host that nobody reaches takes them back', async (t) => {
	const {lab, fix} = await stageOf(t, 'fw-kinds');
	const names = lab.nodes.map(({name}) => name);

	const first = await fix();
	assert.ok(first.closed.length > 10);
	assert.deepEqual(
		Object.fromEntries(first.fixes.map(({node, firewall}) => [node, firewall])),
		{
			tables: 'iptables',
			chains: 'nftables',
			simple: 'ufw',
			zones: 'firewalld',
		},
	);
	// Every closed cell is one that a fix names.
	assert.equal(
		first.fixes.reduce((sum, {paths}) => sum + paths, 0),
		first.closed.length,
	);
	assert.deepEqual(first.outcomes, outcomesOf(names, 'opened'));
	assert.deepEqual(first.left, []);

	// What was confirmed leaves no timer and nothing else of the way back.
	for (const node of lab.nodes) {
		const {stdout} = await node.exec(
			'systemctl list-units --all --no-legend "k3s-mesh-rollback*"; ls -A /var/lib/k3s-mesh',
		);
		assert.equal(stdout.trim(), 'manifest.json', node.name);
	}

	const opened = await statesOf(lab);
	const second = await fix();
	assert.deepEqual(second.closed, []);
	assert.deepEqual(second.fixes, []);
	assert.deepEqual(await statesOf(lab), opened);

	// The old connection lives on with ufw, and does not on the other host: neither is a proof.
	const cut = await fix('cut');
	assert.deepEqual(Object.keys(cut.outcomes).toSorted(), ['chains', 'simple']);
	for (const outcome of Object.values(cut.outcomes)) {
		assert.match(outcome, /^rolled-back: /);
	}

	assert.match(cut.outcomes.simple!, /took the lines back by itself/);
	assert.deepEqual(cut.left, []);
	assert.deepEqual(await statesOf(lab), opened);

	await Promise.all(lab.nodes.map(async (node) => node.reboot()));
	const third = await fix();
	assert.deepEqual(third.closed, []);
	assert.deepEqual(await statesOf(lab), opened);

	await Promise.all(lab.nodes.map(async (node) => node.exec(removeOurs)));
	const fourth = await fix();
	assert.deepEqual(fourth.closed, first.closed);
	assert.deepEqual(fourth.outcomes, outcomesOf(names, 'opened'));
	assert.deepEqual(fourth.left, []);
});

test('fw: only the hosts that close a path are opened', async (t) => {
	const {fix} = await stageOf(t, 'fw');
	const first = await fix();
	assert.deepEqual(
		first.fixes.map(({node, firewall}) => `${node} ${firewall}`),
		['gate nftables', 'wall ufw'],
	);
	assert.deepEqual(first.outcomes, {gate: 'opened', wall: 'opened'});
	assert.deepEqual(first.left, []);
	assert.deepEqual((await fix()).fixes, []);
});
