import assert from 'node:assert/strict';
import {afterEach, describe, it} from 'node:test';
import {allPairs} from './measurements.js';
import {machine, startRig, type Rig} from './fakes.js';
import {keys, type TestTerminal} from './terminal.js';

const names = Array.from(
	{length: 50},
	(_, index) => `a-node-with-a-long-name-${String(index).padStart(2, '0')}`,
);
const addressOf = (name: string): string =>
	`203.0.113.${names.indexOf(name) + 1}`;
const machines = Object.fromEntries(
	names.map((name) => [name, machine(name, addressOf(name))]),
);

let rig: Rig;
afterEach(async () => rig.dispose());

const start = async (
	size: readonly [number, number],
	environment: Readonly<Record<string, string>> = {},
): Promise<TestTerminal> => {
	rig = startRig({
		machines,
		size,
		environment,
		measurements: (all) =>
			allPairs(all, {addressOf, closed: [names[7]!, names[40]!]}),
		async prepare(store) {
			await store.files.write(
				'home',
				`version: 1\nname: home\nignore: [path.blocked]\nnodes:\n${names
					.map(
						(name, index) =>
							`  - {name: ${name}, role: ${index === 0 ? 'server' : 'agent'}, ssh: ${name}, externalIp: ${addressOf(name)}}\n`,
					)
					.join('')}`,
			);
		},
	});
	await rig.terminal.waitFor(/home/);
	rig.terminal.type(keys.enter);
	return rig.terminal;
};

const assertFits = (terminal: TestTerminal): void => {
	const wrong = terminal
		.everyFirstRow()
		.find((row) => row !== '' && !row.startsWith(' k3s-mesh'));
	assert.equal(wrong, undefined, 'a frame was taller than the terminal');
	const rows = terminal.screen().split('\n');
	assert.match(rows.at(-1)!, /\?|Esc|Enter|help|y /, terminal.screen());
};

/** Goes through every screen with fifty nodes, and calls back on each. */
const walk = async (
	terminal: TestTerminal,
	onScreen: (title: string) => void,
): Promise<void> => {
	await terminal.waitFor(/● a-node/);
	onScreen('nodes');
	terminal.type('e');
	await terminal.waitFor(/❯ Name/);
	onScreen('edit');
	terminal.type(keys.escape);
	await terminal.waitFor(/a add/);
	terminal.type('d');
	await terminal.waitFor(/off the list/);
	onScreen('question');
	terminal.type('n');
	await terminal.waitFor(/a add/);
	terminal.type('?');
	await terminal.waitFor(/close help/);
	onScreen('help');
	terminal.type(keys.escape);
	await terminal.waitFor(/a add/);
	await terminal.waitFor((screen) => !/connecting|asking/.test(screen));
	terminal.type(keys.enter);
	await terminal.waitFor(/WireGuard/);
	onScreen('mesh');
	terminal.type(keys.enter);
	await terminal.waitFor(/Pod network/);
	onScreen('settings');
	terminal.type(keys.enter);
	await terminal.waitFor(/194 blocked/);
	onScreen('checks');
	terminal.type('w');
	await terminal.waitFor(/→ a-node-with-a-long-name-(?:07|40)/);
	onScreen('worst');
	terminal.type('v');
	await terminal.waitFor(/On external addresses/);
	onScreen('evidence');
	terminal.type(keys.escape);
	await terminal.waitFor(/Enter next/);
	for (const [title, pattern] of [
		['latency', /Latency \(external\)/],
		['mtu', /MTU \(external\)/],
		['hosts', /Hosts · 50/],
		['findings', /Findings · 50/],
	] as const) {
		terminal.type(keys.tab);
		await terminal.waitFor(pattern);
		onScreen(title);
	}

	terminal.type(keys.enter);
	await terminal.waitFor(/Go on with|will change/);
	terminal.type('y');
	await terminal.waitFor(/50 nodes will change/);
	onScreen('review');
	terminal.type(keys.enter);
	await terminal.waitFor(/Installing home/);
	const install = rig.installs[0]!;
	const at = Date.now();
	install.emit({
		type: 'run-started',
		at,
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
	for (const {node, steps} of install.plan.nodes) {
		const {id, stage} = steps[0]!;
		install.emit({type: 'step', at, node, step: id, stage, state: 'running'});
		install.emit({
			type: 'step',
			at,
			node,
			step: id,
			stage,
			state: 'failed',
			message:
				'no space left in /usr/local/bin, which is a long story that does not fit into one line of a terminal',
			tryNext: ['Free some space there.', 'Or give it another disk.'],
		});
		install.emit({type: 'log', at, node, line: 'x'.repeat(500)});
	}

	await terminal.waitFor(/50 failed/);
	onScreen('install');
	terminal.type('s');
	await terminal.waitFor(/xxxx/);
	onScreen('stream');
	terminal.type('s');
	await terminal.waitFor(/50 failed/);
	install.end({
		outcome: 'good',
		changed: true,
		proofs: names.map((from) => ({
			kind: 'pod-to-pod',
			from,
			to: names[0],
			ok: false,
			detail: 'no answer',
		})),
		failures: [],
	});
	await terminal.waitFor(/c continue/);
	terminal.type('c');
	await terminal.waitFor(/home is up/);
	onScreen('done');
};

describe('fifty nodes', () => {
	for (const size of [
		[80, 24],
		[80, 15],
		[200, 60],
	] as const) {
		it(`fit into ${size.join(' × ')} on every screen`, async () => {
			const terminal = await start(size);
			const seen: string[] = [];
			await walk(terminal, (title) => {
				seen.push(title);
				assertFits(terminal);
			});
			assert.equal(seen.length, 17);
		});
	}
});

describe('the terminal', () => {
	it('can change its size at any time', async () => {
		const terminal = await start([120, 40]);
		await terminal.waitFor(/● a-node/);
		terminal.resize(80, 24);
		await terminal.waitFor(
			(screen) =>
				screen.split('\n').length === 24 &&
				screen.split('\n')[23]!.includes('help') &&
				screen.startsWith(' k3s-mesh'),
		);
		terminal.resize(60, 12);
		await terminal.waitFor(
			(screen) =>
				screen.split('\n').length === 12 &&
				screen.split('\n')[11]!.includes('help') &&
				/^ k3s-mesh .*Nodes 1\/6/.test(screen),
		);
		terminal.resize(200, 60);
		await terminal.waitFor(
			(screen) =>
				screen.split('\n')[59]!.includes('help') &&
				screen.split('\n')[0]!.includes('Review · Install'),
		);
	});

	it('gets no colour under NO_COLOR, and a glyph for every state all the same', async () => {
		const terminal = await start([80, 24], {NO_COLOR: '1'});
		await terminal.waitFor(/● a-node/);
		// eslint-disable-next-line no-control-regex
		assert.doesNotMatch(terminal.raw(), /\u001B\[(?:3[0-7]|38|9[0-7])/);
	});
});
