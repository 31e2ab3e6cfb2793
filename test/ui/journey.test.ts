import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {afterEach, describe, it} from 'node:test';
import {conclude} from '../../source/checks/conclusions/conclude.js';
import {noMeasurements} from '../../source/facts/measurements.js';
import type {ApplyResult} from '../../source/operations/operations.js';
import type {InstallEvent} from '../../source/install/events.js';
import {allPairs} from './measurements.js';
import {machine, startRig, type FakeInstall, type Rig} from './fakes.js';
import {keys, type TestTerminal} from './terminal.js';

const addresses: Readonly<Record<string, string>> = {
	fra1: '198.51.100.11',
	nuc: '192.0.2.7',
	nyc1: '203.0.113.21',
};
const machines = Object.fromEntries(
	Object.entries(addresses).map(([name, address]) => [
		name,
		machine(name, address),
	]),
);
const addressOf = (name: string): string => addresses[name] ?? '203.0.113.99';

const savedFile = `version: 1
name: home
# Kept: a comment of the user.
nodes:
${Object.entries(addresses)
	.map(
		([name, address], index) =>
			`  - {name: ${name}, role: ${index === 0 ? 'server' : 'agent'}, ssh: ${name}, externalIp: ${address}}`,
	)
	.join('\n')}
`;

let rig: Rig;
afterEach(async () => rig.dispose());

/** Opens the saved cluster at a step. */
const startAt = async (
	progress: 'nodes' | 'mesh' | 'settings' | 'checks',
	options: Partial<Parameters<typeof startRig>[0]> = {},
): Promise<TestTerminal> => {
	rig = startRig({
		machines,
		measurements: (names) => allPairs(names, {addressOf}),
		async prepare(store) {
			await store.files.write('home', savedFile);
			store.preferences.remember({name: 'home', progress, usedAt: 1});
		},
		...options,
	});
	const {terminal} = rig;
	await terminal.waitFor(/home +left at/);
	terminal.type(keys.enter);
	return terminal;
};

const toReview = async (options = {}): Promise<TestTerminal> => {
	const terminal = await startAt('checks', options);
	await terminal.waitFor(/12 of 12 paths · [\d.]+s +all good/);
	terminal.type(keys.enter);
	await terminal.waitFor(/3 nodes will change/);
	return terminal;
};

const toInstall = async (options = {}): Promise<FakeInstall> => {
	const terminal = await toReview(options);
	terminal.type(keys.enter);
	await terminal.waitFor(/Installing home/);
	const install = rig.installs[0]!;
	install.emit({
		type: 'run-started',
		at: Date.now(),
		runId: 'run',
		purpose: 'apply',
		cluster: 'home',
		version: install.plan.version,
		nodes: install.plan.nodes.map(({node, role, steps}) => ({
			name: node,
			role,
			steps,
		})),
	});
	await terminal.waitFor(/fra1 server +●/);
	return install;
};

const stepEvent = (
	install: FakeInstall,
	node: string,
	stage: string,
	state: Extract<InstallEvent, {type: 'step'}>['state'],
	more: {message?: string; tryNext?: readonly string[]} = {},
): InstallEvent => {
	const step = install.plan.nodes
		.find((known) => known.node === node)!
		.steps.find((known) => known.stage === stage)!;
	return {
		type: 'step',
		at: Date.now(),
		node,
		step: step.id,
		stage: step.stage,
		state,
		...more,
	};
};

const good: ApplyResult = {
	outcome: 'good',
	changed: true,
	proofs: [
		...Object.keys(addresses).map((from) => ({
			kind: 'node-ready' as const,
			from,
			to: undefined,
			ok: true,
			detail: '',
		})),
		{
			kind: 'mesh-ping',
			from: 'fra1',
			to: 'nuc',
			ok: false,
			detail: 'no answer within 3 s',
		},
	],
	failures: [],
};

describe('a wizard that was left', () => {
	it('goes on where it was, with all its answers', async () => {
		const terminal = await startAt('settings');
		await terminal.waitFor(/❯ Pod network +10\.42\.0\.0\/16/);
		terminal.type(keys.escape);
		await terminal.waitFor(/How should the nodes reach each other/);
		terminal.type(keys.escape);
		await terminal.waitFor(/● nyc1/);
		terminal.type(keys.escape);
		await terminal.waitFor(/home +left at Nodes · 3 nodes · just now/);
	});

	it('says which line of a broken file is wrong, and goes on', async () => {
		rig = startRig({
			machines,
			async prepare(store) {
				await store.files.write(
					'home',
					savedFile.replace('role: agent', 'role: king'),
				);
				store.preferences.remember({
					name: 'home',
					progress: 'nodes',
					usedAt: 1,
				});
			},
		});
		const {terminal} = rig;
		await terminal.waitFor(/✖ home +its file can not be read/);
		terminal.type(keys.enter);
		await terminal.waitFor(/home\.yaml:6:\d+/);
		terminal.type('n');
		await terminal.waitFor(/> home-2/);
		// Typing takes the place of what is proposed.
		terminal.type('home');
		await terminal.waitFor(/There is a cluster named home already/);
	});
});

describe('the Mesh screen', () => {
	it('recommends what works, with the reason', async () => {
		const terminal = await startAt('mesh');
		await terminal.waitFor(/❯ WireGuard \(built into K3s\) +● recommended/);
		await terminal.waitFor(/All 3 nodes have an external address/);
		terminal.type(keys.enter);
		await terminal.waitFor(/Pod network/);
	});

	it('tells what the last checks have measured', async () => {
		const terminal = await startAt('checks');
		await terminal.waitFor(/12 of 12 paths · [\d.]+s +all good/);
		terminal.type(keys.escape);
		await terminal.waitFor(/❯ Pod network/);
		terminal.type(keys.escape);
		await terminal.waitFor(
			/WireGuard's port of each is\s+reached by all others\./,
		);
	});

	it('says why WireGuard can not work, and goes on with it only when told to', async () => {
		const terminal = await startAt('mesh', {
			machines: {
				...machines,
				nuc: machine('nuc', '192.0.2.7', {wireguard: 'missing'}),
			},
		});
		await terminal.waitFor(/✖ not possible with these nodes/);
		await terminal.waitFor(/❯ Tailscale .*● recommended/);
		terminal.type(keys.up);
		await terminal.waitFor(/✖ wireguard\.kernel/);
		terminal.type(keys.enter);
		await terminal.waitFor(/can not work with these nodes: go on\?/);
		terminal.type('n');
		await terminal.waitFor(/Enter next {2}Esc back/);
		assert.match(terminal.screen(), /not possible with these nodes/);
		terminal.type(keys.enter);
		await terminal.waitFor(/y go on/);
		terminal.type('y');
		await terminal.waitFor(/Pod network/);
	});
});

describe('the Settings screen', () => {
	it('checks a setting as it is typed and writes it into the file, comments kept', async () => {
		const terminal = await startAt('settings');
		await terminal.waitFor(/❯ Pod network/);
		terminal.type('e');
		await terminal.waitFor(/> 10\.42\.0\.0\/16/);
		terminal.type(`${keys.ctrlU}10.99.0.1/16`);
		await terminal.waitFor(/✖ Pod network: must be a network in CIDR form/);
		terminal.type(keys.enter);
		terminal.type(`${keys.ctrlU}10.99.0.0/16${keys.enter}`);
		await terminal.waitFor(/❯ Pod network +10\.99\.0\.0\/16/);
		await rig.waitForFile('home', /podCidr: \[? ?\n? *-? ?10\.99\.0\.0\/16/);
		await rig.waitForFile('home', /# Kept: a comment of the user/);
		terminal.type(keys.down.repeat(3));
		await terminal.waitFor(/❯ K3s version +by the channel/);
		terminal.type('e');
		await terminal.waitFor(/❯ K3s version +>/);
		terminal.type('1.36');
		await terminal.waitFor(/must be a K3s release such as v1\.36\.3\+k3s1/);
		terminal.type(keys.escape);
		await terminal.waitFor(/❯ K3s version +by the channel/);
	});
});

describe('the Checks screen', () => {
	const blocked = {
		measurements: (names: readonly string[]) =>
			allPairs(names, {addressOf, closed: ['nyc1']}),
	};

	it('does not go on while a check speaks against it, until it is overridden by its id', async () => {
		const terminal = await startAt('checks', blocked);
		await terminal.waitFor(/4 blocked/);
		terminal.type(keys.enter);
		await terminal.waitFor(/3 findings speak against it/);
		await terminal.waitFor(/❯ ✖ path\.blocked/);
		terminal.type('o');
		await terminal.waitFor(/Override path\.blocked \(3 findings\)\?/);
		terminal.type('n');
		await terminal.waitFor(/o override/);
		terminal.type(keys.enter);
		await terminal.waitFor(/speak against it/);
		terminal.type('o');
		await terminal.waitFor(/Override/);
		terminal.type('y');
		await terminal.waitFor(/path\.blocked {2}overridden by you/);
		await rig.waitForFile('home', /ignore:[^#]*path\.blocked/);
		terminal.type(keys.enter);
		await terminal.waitFor(/nodes will change/);
	});

	it('says what went wrong with the checks, and tries again', async () => {
		let tries = 0;
		const terminal = await startAt('checks', {
			operations: {
				async checkCluster({cluster}) {
					tries += 1;
					if (tries === 1) {
						throw new Error('the probe fell over');
					}

					return {
						cluster,
						measurements: allPairs([], {addressOf}),
						conclusions: conclude({
							cluster,
							facts: new Map(),
							measurements: noMeasurements,
						}),
						findings: [],
						failed: new Map([['nuc', 'the connection was lost']]),
					};
				},
			},
		});
		await terminal.waitFor(/the probe fell over.* r measures again/);
		terminal.type(keys.enter);
		await terminal.waitFor(/have not been completed/);
		terminal.type('r');
		await terminal.waitFor((screen) => !screen.includes('fell over'));
		await terminal.waitFor(/all good|finding/);
		terminal.type(keys.enter);
		await terminal.waitFor(/nuc: the connection was lost/);
	});
});

describe('the Review screen', () => {
	it('lists what is done to each node, and shows files with secrets by name', async () => {
		const terminal = await toReview();
		await terminal.waitFor(/❯ fra1 +server +will change/);
		await terminal.waitFor(
			/\+ write \/etc\/rancher\/k3s\/config\.yaml\.d\/10-k3s-mesh\.yaml +0600/,
		);
		terminal.type(keys.down.repeat(2));
		await terminal.waitFor(/v to view/);
		terminal.type('v');
		await terminal.waitFor(/token: .*‹server-token›/);
		assert.equal(rig.installs.length, 0);
		terminal.type(keys.escape);
		await terminal.waitFor(/Nothing has been changed yet/);
	});

	it('says why there is no plan, and plans again', async () => {
		let tries = 0;
		const terminal = await startAt('checks', {
			operations: {
				async makePlan() {
					tries += 1;
					throw new Error(`no release for you, try ${tries}`);
				},
			},
		});
		await terminal.waitFor(/all good/);
		terminal.type(keys.enter);
		await terminal.waitFor(/no release for you, try 1/);
		terminal.type('r');
		await terminal.waitFor(/no release for you, try 2/);
	});
});

describe('the Install screen', () => {
	it('shows each node on its way, a failure with what to do, the log, and retries', async () => {
		const install = await toInstall();
		const {terminal} = rig;
		install.emit(stepEvent(install, 'fra1', 'download', 'running'));
		install.emit({
			type: 'now',
			at: Date.now(),
			node: 'fra1',
			text: 'downloading k3s',
			waiting: false,
		});
		const {step} = stepEvent(install, 'fra1', 'download', 'running') as {
			step: string;
		};
		install.emit({
			type: 'progress',
			at: Date.now(),
			node: 'fra1',
			step,
			doneBytes: 61,
			totalBytes: 100,
		});
		install.emit(stepEvent(install, 'nuc', 'download', 'running'));
		install.emit(
			stepEvent(install, 'nuc', 'download', 'failed', {
				message: 'no space left in /usr/local/bin',
				tryNext: ['Free some space there.'],
			}),
		);
		install.emit({
			type: 'log',
			at: Date.now(),
			node: 'nuc',
			line: 'curl: (23) \u001B[2Jwrite error',
		});
		await terminal.waitFor(/downloading k3s 61 %/);
		await terminal.waitFor(
			/✖ nuc[^\n]+\n +no space left in \/usr\/local\/bin\n +Free some space there\. Then press r\./,
		);
		await terminal.waitFor(/1 failed/);
		terminal.type(keys.down + keys.enter);
		await terminal.waitFor(/Log of nuc/);
		await terminal.waitFor(/curl: \(23\) write error/);
		terminal.type(keys.escape);
		await terminal.waitFor(/r retry/);
		terminal.type('r');
		await terminal.waitFor(() => install.retried.length === 1);
		assert.deepEqual(install.retried, ['nuc']);
		terminal.type('s');
		await terminal.waitFor(/nuc +▸ download K3s/);
		assert.equal(rig.store.preferences.installView(), 'stream');
		assert.ok(rig.logged.length > 3);
	});

	it('asks before it stops, and says that nothing is lost', async () => {
		const install = await toInstall();
		const {terminal} = rig;
		terminal.type('q');
		await terminal.waitFor(/Stop the install\?/);
		terminal.type('n');
		await terminal.waitFor(/q stop/);
		assert.equal(install.ending.aborted, false);
		terminal.type('q');
		await terminal.waitFor(/Stop the install\?/);
		terminal.type('y');
		await terminal.waitFor(/Stopping the install of home/);
		assert.equal(install.ending.aborted, true);
		assert.equal(install.signal.aborted, false);
		install.end({outcome: 'stopped', changed: true, proofs: [], failures: []});
		await terminal.waitFor(/The install of home was stopped/);
		terminal.type('q');
		const end = await rig.ended;
		assert.equal(end.exitCode, 130);
		assert.match(end.summary.join('\n'), /the next run goes on/);
	});

	it('Ctrl-C stops after the steps under way, says which, and what each node is like then', async () => {
		const install = await toInstall();
		const {terminal} = rig;
		terminal.type(keys.ctrlC);
		await terminal.waitFor(/Stopping the install of home/);
		assert.deepEqual(
			[install.ending.aborted, install.signal.aborted],
			[true, false],
		);
		install.emit({
			type: 'stopping',
			at: 2,
			steps: [{node: 'nuc', step: 'x', title: 'download K3s'}],
		});
		await terminal.waitFor(/nuc \(download K3s\)\. Ctrl-C\s+stops\s+at\s+once/);
		install.emit({
			type: 'run-ended',
			at: 3,
			outcome: 'stopped',
			changed: true,
			message: '',
			nodes: [
				{
					node: 'nuc',
					state: 'partly',
					done: 1,
					steps: 8,
					text: 'stopped before "install K3s"',
					next: 'goes on with "install K3s"',
				},
			],
		});
		install.end({outcome: 'stopped', changed: true, proofs: [], failures: []});
		const end = await rig.ended;
		assert.equal(end.exitCode, 130);
		assert.match(
			end.summary.join('\n'),
			/▲ nuc {2}stopped before "install K3s"\.\n.*The next run goes on with/,
		);
	});

	it('counts down what a node waits for', async () => {
		const install = await toInstall();
		const {terminal} = rig;
		install.emit(stepEvent(install, 'nuc', 'join', 'running'));
		install.emit({
			type: 'now',
			at: Date.now(),
			node: 'nuc',
			text: 'waits for 198.51.100.11:6443',
			waiting: true,
			deadlineAt: Date.now() + 150_000,
		});
		await terminal.waitFor(
			/waits for 198\.51\.100\.11:6443 · gives up in 2m(?:30|29|28)s/,
		);
		await terminal.waitFor(/gives up in 2m2[5-8]s/);
	});

	it('shows a long sentence about what is waited for whole, in the grid, the log and the stream', async () => {
		const install = await toInstall();
		const {terminal} = rig;
		install.emit(stepEvent(install, 'fra1', 'ready', 'running'));
		install.emit({
			type: 'now',
			at: Date.now(),
			node: 'fra1',
			text: 'waits until 10.42.0.0/24 is approved in the tailnet: approve it on the headscale: headscale nodes approve-routes --identifier 7 --routes 10.42.0.0/24 (this replaces what is approved for fra1)',
			waiting: true,
			deadlineAt: Date.now() + 150_000,
		});
		const whole =
			/approve-routes\s+--identifier 7\s+--routes\s+10\.42\.0\.0\/24\s+\(this replaces/;
		await terminal.waitFor(whole);
		await terminal.waitFor(/what is approved for fra1\)\s+gives up in 2m/);
		terminal.type(keys.enter);
		await terminal.waitFor(/Log of fra1[\s\S]*▲ waits until 10\.42\.0\.0\/24/);
		terminal.type(keys.escape);
		await terminal.waitFor(whole);
		terminal.type('s');
		await terminal.waitFor(/fra1 +▲ waits until 10\.42\.0\.0\/24/);
	});

	it('Ctrl-C twice ends at once', async () => {
		const install = await toInstall();
		const {terminal} = rig;
		terminal.type(keys.ctrlC);
		await terminal.waitFor(/Stopping the install of home/);
		terminal.type(keys.ctrlC);
		const end = await rig.ended;
		assert.equal(end.exitCode, 130);
		assert.equal(install.signal.aborted, true);
	});

	it('shows whose lock keeps it from beginning, and breaks it only after asking', async () => {
		const install = await toInstall();
		const {terminal} = rig;
		install.end({
			outcome: 'failed',
			changed: false,
			proofs: [],
			failures: [],
			lockedBy: {
				runId: 'there:1:a',
				owner: 'ann on box (process 1)',
				heldSeconds: 600,
				ageSeconds: 4,
			},
		});
		await terminal.waitFor(/b break lock/);
		terminal.type('b');
		await terminal.waitFor(
			/Break the lock of that run\?[\s\S]*ann on box \(process 1\), for 10 min, last sign of life 4 s ago/,
		);
		terminal.type('n');
		await terminal.waitFor(/b break lock/);
		assert.deepEqual(install.retried, []);
		terminal.type('b');
		await terminal.waitFor(/Break the lock of that run\?/);
		terminal.type('y');
		await terminal.waitFor(() => install.retried.length === 1);
		assert.deepEqual(install.retried, ['break lock']);
	});

	it('goes on to Done only when all went well, with proofs, kubeconfig and what to try', async () => {
		const install = await toInstall();
		const {terminal} = rig;
		terminal.type('c');
		install.end(good);
		await terminal.waitFor(/home is installed/);
		terminal.type('c');
		await terminal.waitFor(/home is up · K3s v1\.36\.3\+k3s1/);
		await terminal.waitFor(/● 3 of 3 nodes Ready/);
		await terminal.waitFor(/✖ 0 of 1 mesh paths proven/);
		await terminal.waitFor(/fra1 → nuc: no answer within 3 s/);
		await terminal.waitFor(
			/context "home" merged into \/home\/me\/\.kube\/config/,
		);
		await terminal.waitFor(/npx k3s-mesh-tui check home/);
		terminal.type(keys.enter);
		const end = await rig.ended;
		assert.equal(end.exitCode, 0);
		assert.match(end.summary[0]!, /^home is up: 3 of 3 nodes Ready/);
		await terminal.waitFor(() => !terminal.isAlternate());
		assert.equal(rig.store.preferences.clusters()[0]!.progress, 'done');
	});

	it('tells a failed run in the summary, and ends with 1', async () => {
		const install = await toInstall();
		const {terminal} = rig;
		install.end({
			outcome: 'failed',
			changed: true,
			proofs: [],
			failures: [
				{
					node: 'nuc',
					step: 'nuc/download/k3s',
					message: 'no space left',
					tryNext: ['Free some space.'],
				},
			],
		});
		await terminal.waitFor(/home is not complete/);
		terminal.type('q');
		const end = await rig.ended;
		assert.equal(end.exitCode, 1);
		assert.match(end.summary.join('\n'), /✖ nuc: no space left\n +Free/);
	});

	it('asks before it replaces a context of somebody else', async () => {
		const answers: boolean[] = [];
		const install = await toInstall({
			operations: {
				async fetchKubeconfig({
					confirmReplace,
				}: {
					confirmReplace: (context: string) => Promise<boolean>;
				}) {
					answers.push(await confirmReplace('home'));
					throw new Error('the context home is not ours');
				},
			},
		});
		const {terminal} = rig;
		install.end(good);
		await terminal.waitFor(/c continue/);
		terminal.type('c');
		await terminal.waitFor(
			/has a context "home" that this program did not make/,
		);
		terminal.type('n');
		await terminal.waitFor(
			/could not be merged: [^\n]*not ours k\s+tries again/,
		);
		assert.deepEqual(answers, [false]);
	});
});

describe('leaving', () => {
	it('on SIGTERM gives the terminal back and keeps all answers', async () => {
		const terminal = await startAt('settings');
		await terminal.waitFor(/Pod network/);
		assert.equal(terminal.isAlternate(), true);
		rig.stop.abort();
		const end = await rig.ended;
		assert.equal(end.exitCode, 130);
		await terminal.waitFor(() => !terminal.isAlternate());
		assert.match(end.summary[0]!, /^home is saved in /);
		const path = rig.store.files.path('home');
		assert.match(await readFile(path, 'utf8'), /Kept: a comment/);
	});

	it('by Ctrl-C works in input mode too, with what was added saved', async () => {
		rig = startRig({machines, initial: {kind: 'home'}});
		const {terminal} = rig;
		await terminal.waitFor(/New cluster/);
		terminal.type('n');
		await terminal.waitFor(/> home/);
		terminal.type(keys.enter);
		await terminal.waitFor(/Which machines/);
		terminal.type(`fra1${keys.enter}`);
		// In the list, and not only in the line where it is typed.
		await terminal.waitFor(/fra1 +server/);
		terminal.type(`half${keys.ctrlC}`);
		const end = await rig.ended;
		assert.equal(end.exitCode, 130);
		assert.match((await rig.store.files.read('home'))!, /fra1/);
	});
});
