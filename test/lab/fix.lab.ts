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

/** In front of iptables: takes nothing out while `/held` is there, as when another program holds its lock for long. */
const hold = `cat >/usr/local/sbin/iptables <<'END'
#!/bin/sh
case " $* " in
	*" -D "*) [ ! -e /held ] || exit 4 ;;
esac
exec /usr/sbin/iptables "$@"
END
chmod 755 /usr/local/sbin/iptables
touch /held`;

/** Waits until what a host was to take back is taken back, or is said to be left, and until who did it has ended. */
const rollbackEnds = async (node: LabNode, state: string): Promise<void> => {
	const folder = '/var/lib/k3s-mesh/rollback';
	const {code, stderr} = await node.exec(
		`until [ "$(cat ${folder}/state)" = ${state} ]; do sleep 0.2; done; flock ${folder}/lock true`,
		{timeoutMs: 120_000},
	);
	assert.equal(code, 0, `${node.name}: ${stderr}`);
};

test('fw-kinds: a boot before the change is confirmed takes it back, and what a host could not take back is told', async (t) => {
	const {lab, fix} = await stageOf(t, 'fw-kinds');
	const names = lab.nodes.map(({name}) => name);
	const untouched = await statesOf(lab);

	const abandoned = await fix('abandon');
	for (const name of names) {
		assert.match(abandoned.outcomes[name]!, /^failed: stopped; .* takes back/);
	}

	const tables = lab.node('tables');
	await tables.exec(hold);
	await Promise.all(lab.nodes.map(async (node) => node.reboot()));
	await Promise.all(
		lab.nodes.map(async (node) =>
			rollbackEnds(node, node.name === 'tables' ? 'stuck' : 'rolled-back'),
		),
	);
	for (const node of lab.nodes) {
		if (node.name !== 'tables') {
			const state = await stateOf(node);
			assert.deepEqual(
				state.filter((line) => line !== 'rollback'),
				untouched[node.name],
				node.name,
			);
		}
	}

	const {stdout: listed} = await tables.exec(
		'cat /var/lib/k3s-mesh/manifest.json; iptables -S',
	);
	assert.match(listed, /-A INPUT .*k3s-mesh/);
	const ours = listed
		.split('\n')
		.filter((line) => /^-A (?:INPUT|FORWARD) .*k3s-mesh/.test(line));
	const second = await fix();
	const {tables: told, ...others} = second.unconfirmed;
	for (const name of names.filter((one) => one !== 'tables')) {
		assert.match(others[name]!, /has taken firewall rules back by itself/);
		assert.match(
			second.outcomes[name]!,
			/^opened: An earlier change .* was not confirmed/,
		);
	}

	assert.match(told!, /^tables could not take back firewall rules/);
	assert.equal(
		told!.split('\n').filter((line) => line.startsWith('iptables ')).length,
		ours.length,
	);

	// Once it is free the host ends it by itself.
	await tables.exec('rm /held');
	await rollbackEnds(tables, 'rolled-back');
	const {stdout: left} = await tables.exec(
		'systemctl list-unit-files k3s-mesh*',
	);
	assert.match(left, /^0 unit files listed/m);
	const third = await fix();
	assert.match(
		third.unconfirmed.tables!,
		/has taken firewall rules back by itself/,
	);
	assert.match(third.outcomes.tables!, /^opened: An earlier change/);
	assert.deepEqual(third.left, []);
	assert.deepEqual((await fix()).unconfirmed, {});
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
