/** The wizard on real hosts: what a person types, in a pseudo-terminal of 80×24, from Home to a cluster that kubectl sees. */
import assert from 'node:assert/strict';
import {appendFileSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {parse} from 'yaml';
import type {ClusterInput} from '../../source/cluster/schema.js';
import {keys, type Terminal} from '../support/terminal.js';
import {assertCode, stageFor, type Stage} from './support.js';
import {
	assertNoSecretShown,
	ignore,
	literal,
	logins,
	pasted,
	readSaved,
	saveEmptyCluster,
	savedFile,
	startWizard,
	without,
} from './wizard.js';

const installLimitMs = 240_000;

/** Answers the questions about the keys of hosts, in whatever order they come: each shows the true fingerprint, and is trusted. */
const trust = async (
	terminal: Terminal,
	stage: Stage,
	addresses: readonly string[],
): Promise<void> => {
	const open = new Set(addresses);
	while (open.size > 0) {
		const about = [...open].map((address) => literal(address)).join('|');
		const pattern = new RegExp(`(?<address>${about}) port 22 shows a host key`);
		await terminal.waitFor(pattern);
		const {address} = pattern.exec(terminal.screen())!.groups!;
		open.delete(address!);
		const question = `${address} port 22 shows a host key`;
		const node = stage.lab.nodes.find(
			({sshAddress}) => sshAddress === address,
		)!;
		const {stdout} = await node.exec(
			'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub',
		);
		const fingerprint = stdout.split(' ')[1]!;
		assert.match(fingerprint, /^SHA256:/);
		assert.ok(terminal.screen().includes(fingerprint), terminal.screen());
		// The question takes no key in the moment in which it comes up: a person reads it first, and answers again.
		const answered = without(question, 'y trust and|Esc back to the list');
		for (let attempt = 1; !answered.test(terminal.screen()); attempt += 1) {
			assert.ok(attempt < 20, terminal.screen());
			await terminal.waitFor(/y trust and|Esc back to the list/);
			if (terminal.screen().includes(question)) {
				terminal.type('y');
				await terminal.waitFor(answered, 1500).catch(() => undefined);
			}
		}
	}
};

/** From Mesh to Done with the proposals that stand there, looking at everything that could show a secret. */
const goToDone = async (terminal: Terminal, stage: Stage): Promise<void> => {
	const {length} = stage.lab.nodes;
	await terminal.waitFor(/❯ WireGuard .*● recommended/);
	await terminal.waitFor(without('not known yet', 'Enter next'));
	terminal.type(keys.enter);
	await terminal.waitFor(/❯ Pod network +10\.42\.0\.0\/16/);
	terminal.type(keys.enter);
	await terminal.waitFor(
		/(?<paths>\d+) of \k<paths> paths · [\d.ms]+ +(?:\d+ findings?|all good)/,
		60_000,
	);
	terminal.type(keys.enter);
	await terminal.waitFor(/y go on to Review|\d nodes will change/);
	if (terminal.screen().includes('y go on to Review')) {
		terminal.type('y');
	}

	await terminal.waitFor(new RegExp(`${length} nodes will change`));
	terminal.type(`${keys.down}${keys.down}`);
	await terminal.waitFor(/❯ +\+ write \/etc\/rancher/);
	terminal.type('v');
	await terminal.waitFor(/token: ‹server-token›/);
	terminal.type(keys.escape);
	await terminal.waitFor(/Nothing has been changed yet/);
	terminal.type(keys.enter);
	await terminal.waitFor(/Installing .* about .* left/);
	terminal.type('s');
	await terminal.waitFor(
		new RegExp(
			String.raw`● .* is installed · ${length} of ${length} nodes done`,
		),
		installLimitMs,
	);
	terminal.type('s');
	await terminal.waitFor(/NODE +ROLE +reach/);
	terminal.type(keys.enter);
	await terminal.waitFor(/Log of \S+ +\d+–\d+ of \d+/);
	terminal.type(keys.escape);
	await terminal.waitFor(/c continue/);
	terminal.type('c');
	await terminal.waitFor(
		new RegExp(String.raw`● +${length} of ${length} nodes Ready`),
	);
	await terminal.waitFor(/kubeconfig: context "[^"]+" merged into/);
	await terminal.waitFor(/This machine reaches the API/);
	terminal.type(keys.enter);
	assert.equal(await terminal.exited, 0);
};

type NodeList = {
	readonly items: ReadonlyArray<{
		readonly metadata: {readonly name: string};
		readonly status: {
			readonly conditions: ReadonlyArray<{type: string; status: string}>;
			readonly addresses: ReadonlyArray<{type: string; address: string}>;
		};
	}>;
};

/** A real kubectl with the person's own kubeconfig sees every node Ready under its addresses. */
const assertReady = async (stage: Stage, context: string): Promise<void> => {
	const answer = await stage.lab.client.exec(
		['kubectl', '--context', context, 'get', 'nodes', '-o', 'json'],
		{env: stage.env, timeoutMs: 30_000},
	);
	assertCode(answer, 0);
	const {items} = JSON.parse(answer.stdout) as NodeList;
	const seen = items.map(({metadata, status}) => {
		const address = (wanted: string) =>
			status.addresses.find(({type}) => type === wanted)?.address;
		return {
			name: metadata.name,
			ready: status.conditions.find(({type}) => type === 'Ready')?.status,
			external: address('ExternalIP'),
			internal: address('InternalIP'),
		};
	});
	assert.deepEqual(
		seen.toSorted((one, other) => one.name.localeCompare(other.name)),
		stage.lab.nodes
			.map(({name, externalIp, internalIp}) => ({
				name,
				ready: 'True',
				external: externalIp,
				internal: internalIp ?? externalIp,
			}))
			.toSorted((one, other) => one.name.localeCompare(other.name)),
	);
};

test('lan3: a new cluster, host keys trusted by hand, Ctrl-C half-way, and on to Done', async (t) => {
	const stage = await stageFor('lan3', {name: 'wizard-lan3'});
	t.after(stage.down);
	const knownHosts = path.join(stage.lab.home, '.ssh', 'known_hosts');
	writeFileSync(knownHosts, '');
	const [first, ...others] = logins(stage);
	const addresses = stage.lab.nodes.map(({sshAddress}) => sshAddress);

	const begun = startWizard(stage);
	t.after(begun.stop);
	await begun.waitFor(/❯ \+ New cluster/);
	begun.type(keys.enter);
	await begun.waitFor(/> home/);
	begun.type(`\u0015three${keys.enter}`);
	await begun.waitFor(/Which machines\?/);
	begun.type(`${first}${keys.enter}`);
	await trust(begun, stage, addresses.slice(0, 1));
	await begun.waitFor(/● fra1 +server/);
	begun.type(pasted(`${others.join('\n')}\n`));
	await trust(begun, stage, addresses.slice(1));

	await begun.waitFor(/● fra1 +server[\s\S]*● fra2 +agent[\s\S]*● ams1 +agent/);
	begun.type(keys.ctrlC);
	assert.equal(await begun.exited, 130);
	assert.match(begun.screen(), /Start the program again to go on from here/);

	const known = readFileSync(knownHosts, 'utf8');
	for (const {name, sshAddress} of stage.lab.nodes) {
		const [, key] = (
			await stage.lab.node(name).readFile('/etc/ssh/ssh_host_ed25519_key.pub')
		).split(' ');
		assert.ok(known.includes(`${sshAddress} ssh-ed25519 ${key!}`), known);
	}

	// What only the file offers is written into it by hand meanwhile.
	const {mirrors} = parse(stage.lab.clusterFile()) as ClusterInput;
	appendFileSync(
		savedFile(stage, 'three'),
		`# by hand\nmirrors: ${JSON.stringify(mirrors)}\nignore: ${JSON.stringify(ignore)}\n`,
	);

	const resumed = startWizard(stage);
	t.after(resumed.stop);
	await resumed.waitFor(/❯ ◌ three +left at Nodes · 3 nodes/);
	resumed.type(keys.enter);
	await resumed.waitFor(
		/● fra1 +server[\s\S]*● fra2 +agent[\s\S]*● ams1 +agent/,
	);
	resumed.type(keys.enter);
	await goToDone(resumed, stage);

	await assertReady(stage, 'three');
	await assertNoSecretShown(stage, begun, resumed);
	assert.match(readFileSync(savedFile(stage, 'three'), 'utf8'), /# by hand/);
	const {nodes} = readSaved(stage, 'three');
	assert.deepEqual(
		nodes?.map(({ssh, externalIp}) => [ssh, externalIp]),
		stage.lab.nodes.map(({externalIp}, index) => [
			logins(stage)[index],
			externalIp,
		]),
	);
});

test('two-sites: addresses inside and outside are proposed, and become the cluster', async (t) => {
	const stage = await stageFor('two-sites', {name: 'wizard-two-sites'});
	t.after(stage.down);
	saveEmptyCluster(stage, 'sites');
	const terminal = startWizard(stage);
	t.after(terminal.stop);
	await terminal.waitFor(/❯ ◌ sites +not opened here yet · 0 nodes/);
	terminal.type(keys.enter);
	await terminal.waitFor(/Which machines\?/);
	terminal.type(pasted(logins(stage).join('\n')));
	await terminal.waitFor(
		/● home1 +server .*203\.0\.113\.11 NAT +192\.168\.10\.11[\s\S]*● home2 +agent .*203\.0\.113\.12 NAT +192\.168\.10\.12[\s\S]*● cloud1 +agent .*198\.51\.100\.31/,
	);
	terminal.type(keys.escape);
	await terminal.waitFor(/Enter next/);
	terminal.type(keys.enter);
	await goToDone(terminal, stage);

	const {nodes} = readSaved(stage, 'sites');
	assert.deepEqual(
		nodes?.map(({name, externalIp, internalIp}) => [
			name,
			externalIp,
			internalIp,
		]),
		stage.lab.nodes.map(({name, externalIp, internalIp}) => [
			name,
			externalIp,
			internalIp,
		]),
	);
	await assertReady(stage, 'sites');
	await assertNoSecretShown(stage, terminal);
});

test('ha3: three servers, by a word in the list and by a key, and an agent', async (t) => {
	const stage = await stageFor('ha3', {name: 'wizard-ha3'});
	t.after(stage.down);
	saveEmptyCluster(stage, 'ha');
	const [first, second, third, agent] = logins(stage);
	const terminal = startWizard(stage);
	t.after(terminal.stop);
	await terminal.waitFor(/❯ ◌ ha +not opened here yet/);
	terminal.type(keys.enter);
	await terminal.waitFor(/Which machines\?/);
	terminal.type(`${first}${keys.enter}`);
	await terminal.waitFor(/rack1 +server/);
	terminal.type(pasted(`${second} server\n${agent}\n${third}\n`));
	await terminal.waitFor(
		/● rack1 +server[\s\S]*● rack2 +server[\s\S]*● edge1 +agent[\s\S]*● rack3 +agent/,
	);
	terminal.type(keys.escape);
	await terminal.waitFor(/❯ ● rack3/);
	terminal.type('r');
	await terminal.waitFor(/❯ ● rack3 +server/);
	terminal.type(keys.enter);
	await goToDone(terminal, stage);
	await assertReady(stage, 'ha');
	await assertNoSecretShown(stage, terminal);
});
