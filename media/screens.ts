/**
 * Makes the pictures of the README: goes through the demo in a terminal emulator, by key presses as a person does,
 * and draws what stands on the screen. Run it with `npx tsx media/screens.ts`.
 */
import {writeFile} from 'node:fs/promises';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {makeTestTerminal, keys} from '../test/ui/terminal.js';
import {toSvg} from './svg.js';

// Colours are chosen when Ink is imported.
process.env.FORCE_COLOR = '1';
process.env.NODE_ENV = 'production';
const {operations} = await import('../source/commands/wizard.js');
const {makeDemoWorld} = await import('../source/host/simulated/demo-world.js');
const {openTemporaryStore} = await import('../source/store/store.js');
const {runApp} = await import('../source/ui/app.js');

const terminal = makeTestTerminal(96, 24);
const {store, remove} = await openTemporaryStore();
const {world, cluster} = makeDemoWorld({
	pace: 1,
	now: Date.now,
	random: Math.random,
});
const stop = new AbortController();
const ended = runApp({
	world,
	store,
	operations,
	openDemo: async () => ({world, store, cluster, remove}),
	initial: {kind: 'demo'},
	signal: stop.signal,
	stdout: terminal.stdout,
	stdin: terminal.stdin,
	environment: {},
});

const picture = async (name: string, title: string): Promise<void> => {
	const file = fileURLToPath(new URL(`${name}.svg`, import.meta.url));
	await writeFile(file, toSvg(terminal.spans(), title));
	console.log(file);
};

const press = async (
	key: string,
	screen: Parameters<typeof terminal.waitFor>[0],
): Promise<void> => {
	terminal.type(key);
	await terminal.waitFor(screen);
};

try {
	await terminal.waitFor(
		(screen) => (screen.match(/● (?:fra1|nuc|nyc1)/g) ?? []).length === 3,
	);
	await picture('nodes', 'Nodes: each machine with what it said about itself');
	await press(keys.enter, /How should the nodes/);
	await press(keys.enter, /Pod network/);
	await press(keys.enter, /paths · [\d.]+s +\d+ (?:blocked|finding)/);
	await press('w', /→ nyc1/);
	await picture(
		'checks',
		'Checks: every path between the nodes, with the evidence and the fix',
	);
	await press('w', /Tab latency/);
	await press(keys.tab, /Latency \(external\)/);
	await press(keys.tab, /MTU \(external\)/);
	await press(keys.tab, /Hosts · /);
	await press(keys.down, /❯ \S nuc/);
	await picture(
		'hosts',
		'Checks, hosts: firewall, kind of NAT with what shows it, clock, what each node reaches',
	);
	await press(keys.enter, /Go on with/);
	await press('y', /nodes will change/);
	await picture('review', 'Review: what will be done to each node');
	await press(keys.enter, /Installing demo/);
	// The first server runs, the others are on their way.
	await terminal.waitFor(/fra1 server +● +– +● +● +● +●/);
	await picture(
		'install',
		'Install: a row for each node, a column for each stage',
	);
	// The model takes its time here, as machines do.
	for (let patience = 0; patience < 5; patience += 1) {
		try {
			await terminal.waitFor(/demo is installed/);
			break;
		} catch {
			continue;
		}
	}

	await press('c', /merged into/);
	await picture(
		'done',
		'Done: what was proven, the kubeconfig, what to try next',
	);
	terminal.type(keys.enter);
} finally {
	stop.abort();
	await ended;
}
