/** The wizard over a tailnet: a key that is asked for, and routes that a person approves while it waits. */
import assert from 'node:assert/strict';
import {readFileSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {keys, type Terminal} from '../support/terminal.js';
import {stageFor, type Stage} from './support.js';
import {requireGo} from './tailnet/go.js';
import {firstPolicy, firstTag} from './tailnet/settings.js';
import {pair} from './tailnet/stage.js';
import {
	assertNeverShown,
	assertNoSecretShown,
	logins,
	pasted,
	readSaved,
	saveEmptyCluster,
	savedFile,
	startWizard,
	without,
} from './wizard.js';

/** A secret is in no file of the client's home: saved answers and logs. */
const assertNowhereHere = (stage: Stage, secret: string): void => {
	const files = readdirSync(stage.lab.home, {
		recursive: true,
		encoding: 'utf8',
	})
		.map((file) => path.join(stage.lab.home, file))
		.filter((file) => statSync(file).isFile());
	assert.ok(files.includes(savedFile(stage, 'hills')));
	for (const file of files) {
		assert.ok(!readFileSync(file, 'utf8').includes(secret), file);
	}
};

/** Moves the pointer of a list down to a line, and waits until it is there. */
const pointTo = async (
	terminal: Terminal,
	line: string,
	steps = 12,
): Promise<void> => {
	const there = new RegExp(`❯ +${line}`);
	for (let step = 0; !there.test(terminal.screen()); step += 1) {
		assert.ok(step < steps, terminal.screen());
		terminal.type(keys.down);
		await terminal.waitFor(there, 700).catch(() => undefined);
	}
};

/** Changes one setting. */
const set = async (
	terminal: Terminal,
	label: string,
	value: string,
): Promise<void> => {
	await pointTo(terminal, label);
	terminal.type('e');
	await terminal.waitFor(new RegExp(`❯ +${label} +> `));
	terminal.type(`${value}${keys.enter}`);
	await terminal.waitFor(
		new RegExp(`❯ +${label} +${value.replaceAll('.', String.raw`\.`)}`),
	);
};

/** Gives the key that is asked for; right after it came up a question takes nothing. */
const answerKey = async (terminal: Terminal, key: string): Promise<void> => {
	await terminal.waitFor(/❯ Key that nodes log in to .* with/, 60_000);
	for (let attempt = 1; !terminal.screen().includes('typed'); attempt += 1) {
		assert.ok(attempt < 20, terminal.screen());
		terminal.type(pasted(key));
		await terminal.waitFor(/typed, not shown/, 1500).catch(() => undefined);
	}

	terminal.type(keys.enter);
	await terminal.waitFor(without('Key that nodes log in', 'q '));
};

/** Approves, by the very command that stands on the screen, what it waits for. */
const approveAsTold = async (
	terminal: Terminal,
	stage: Stage,
): Promise<string> => {
	const told =
		/waits until\s+(?<cidr>10\.42\.\d+\.0\/24)\s+is\s+approved\s+in\s+the\s+tailnet:[\s\S]*headscale\s+nodes\s+approve-routes\s+--identifier\s+(?<id>\d+)\s+--routes\s+(?<routes>[\d./,]+)\s+\(this\s+replaces[\s\S]*gives up in/;
	await terminal.waitFor(told, 240_000);
	const {cidr, id, routes} = told.exec(terminal.screen())!.groups!;
	await stage.lab.headscale.command([
		'nodes',
		'approve-routes',
		'--identifier',
		id!,
		'--routes',
		routes!,
	]);
	// It goes away by itself.
	await terminal.waitFor(without(cidr!, 'q '), 60_000);
	return cidr!;
};

test('a new cluster over a headscale: settings, a key that nobody sees, and routes approved by hand', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const stage = await stageFor(pair, {name: 'wizard-tailnet'});
	t.after(stage.down);
	const {headscale} = stage.lab;
	await headscale.setPolicy({...firstPolicy, autoApprovers: {}});
	const key = await headscale.createKey({tags: [firstTag]});
	saveEmptyCluster(stage, 'hills');

	const terminal = startWizard(stage);
	t.after(terminal.stop);
	await terminal.waitFor(/❯ ◌ hills +not opened here yet/);
	terminal.type(keys.enter);
	await terminal.waitFor(/Which machines\?/);
	terminal.type(pasted(logins(stage).join('\n')));
	await terminal.waitFor(/● hub +server[\s\S]*● home1 +agent/);
	terminal.type(keys.escape);
	await terminal.waitFor(/Enter next/);
	terminal.type(keys.enter);

	await terminal.waitFor(/How should the nodes reach each other/);
	await terminal.waitFor(without('not known yet', 'Enter next'));
	await pointTo(terminal, String.raw`Tailscale \(K3s's own integration\)`);
	terminal.type(keys.enter);
	await terminal.waitFor(/❯ Pod network +10\.42\.0\.0\/16/);
	await set(terminal, 'Control server', headscale.url);
	await set(terminal, 'Tags', firstTag);
	terminal.type('p');
	await terminal.waitFor(/autoApprovers/);
	terminal.type(keys.escape);
	await terminal.waitFor(/❯ Tags/);
	terminal.type(keys.enter);

	await terminal.waitFor(
		/(?<paths>\d+) of \k<paths> paths · [\d.ms]+ +(?:\d+ findings?|all good)/,
		90_000,
	);
	terminal.type(keys.enter);
	await terminal.waitFor(/y go on to Review|\d nodes will change/);
	if (terminal.screen().includes('y go on to Review')) {
		terminal.type('y');
	}

	await terminal.waitFor(/2 nodes will change/);
	await pointTo(terminal, String.raw`\+ write /etc/rancher/k3s/config`);
	terminal.type('v');
	await terminal.waitFor(/token: ‹server-token›/);
	terminal.type(keys.escape);
	await terminal.waitFor(/Nothing has been changed yet/);
	terminal.type(keys.enter);

	await answerKey(terminal, key);
	for (const cidr of ['10.42.0.0/24', '10.42.1.0/24']) {
		assert.equal(await approveAsTold(terminal, stage), cidr);
	}

	await terminal.waitFor(/● hills is installed · 2 of 2 nodes done/, 240_000);
	terminal.type('c');
	await terminal.waitFor(/● +2 of 2 nodes Ready/);
	await terminal.waitFor(/kubeconfig: context "hills" merged into/);
	terminal.type(keys.enter);
	assert.equal(await terminal.exited, 0);

	const {approvedRoutes, tags} = await headscale.node('home1');
	assert.deepEqual(approvedRoutes, ['10.42.1.0/24']);
	assert.deepEqual(tags, [firstTag]);
	const {mesh} = readSaved(stage, 'hills');
	assert.deepEqual(mesh, {
		kind: 'tailscale',
		controlServer: headscale.url,
		tags: [firstTag],
	});
	await assertNoSecretShown(stage, terminal);
	assertNeverShown([key], terminal);
	assertNowhereHere(stage, key);
});
