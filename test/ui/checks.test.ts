/** The Checks screen: what it shows of measurements, and what its keys do. */
import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {afterEach, describe, it} from 'node:test';
import {conclude} from '../../source/checks/conclusions/conclude.js';
import {checkAll, judge} from '../../source/checks/check.js';
import {
	controller,
	type Cell,
	type Measurements,
	type Path,
	type Verdict,
} from '../../source/facts/measurements.js';
import type {
	CheckCluster,
	FirewallFix,
	FixOutcome,
} from '../../source/operations/operations.js';
import {allPairs} from './measurements.js';
import {machine, startRig, type Rig} from './fakes.js';
import {keys, type TestTerminal} from './terminal.js';

const addresses: Readonly<Record<string, string>> = {
	fra1: '198.51.100.11',
	nuc: '192.0.2.7',
	pi4: '192.0.2.8',
	nyc1: '203.0.113.21',
};
const names = Object.keys(addresses);
const addressOf = (name: string): string => addresses[name]!;

const cell = (
	path: Partial<Path> & Pick<Path, 'from' | 'to'>,
	verdict: Verdict,
	more: Partial<Cell> = {},
): Cell => ({
	path: {
		addressKind: 'internal',
		address: '10.0.0.2',
		protocol: 'tcp',
		port: 10_250,
		...path,
	},
	verdict,
	sent: 3,
	answered: verdict.kind === 'open' ? 3 : 0,
	observedSource: undefined,
	...more,
});

/** Two sites, one host whose firewall says no, everything that can be told. */
const measured = (): Measurements => {
	const base = allPairs(names, {addressOf, closed: ['nyc1']});
	return {
		...base,
		cells: [
			...base.cells,
			cell({from: 'nuc', to: 'pi4'}, {kind: 'open', rttMs: 0.8}),
			cell({from: 'pi4', to: 'nuc'}, {kind: 'open', rttMs: 0.8}),
			cell({from: 'fra1', to: 'nuc'}, {kind: 'filtered'}),
			cell(
				{from: 'fra1', to: 'pi4'},
				{kind: 'wrong-host', answeredBy: undefined},
			),
			cell(
				{
					from: controller,
					to: 'fra1',
					addressKind: 'external',
					address: addressOf('fra1'),
					port: 6443,
				},
				{
					kind: 'in-use',
					process: 'k3s-server',
					live: {arrives: true, evidence: 'TLS answered with its certificate'},
				},
			),
			cell(
				{
					from: 'pi4',
					to: 'nuc',
					addressKind: 'tailscale',
					address: '100.64.0.7',
				},
				{kind: 'open', rttMs: 3},
				{observedSource: '100.64.0.8:40112'},
			),
		],
		latencies: [
			...base.latencies.map((latency) =>
				latency.from === 'pi4' && latency.to === 'nyc1'
					? {...latency, medianMs: 412, jitterMs: 31, loss: 0.1}
					: latency,
			),
			{
				...base.latencies[0]!,
				from: 'pi4',
				to: 'nuc',
				addressKind: 'tailscale',
				address: '100.64.0.7',
				medianMs: 31,
			},
		],
		pathMtus: [
			{from: 'fra1', to: 'nuc', address: addressOf('nuc'), bytes: 1500},
			{from: 'fra1', to: 'nyc1', address: addressOf('nyc1'), bytes: 1300},
		],
		netchecks: [
			{
				node: 'nuc',
				udp: false,
				ipv6: false,
				mappingVaries: true,
				seenAs: '192.0.2.7',
				relays: [{region: 'fra', ms: 12}],
				preferred: 'fra',
				captivePortal: undefined,
			},
		],
		tailnetPaths: [
			{
				from: 'pi4',
				to: 'nuc',
				address: '100.64.0.7',
				way: {kind: 'relayed', relay: 'DERP(fra)', rttMs: 40},
			},
		],
		nat: [
			{
				from: 'nuc',
				to: 'fra1',
				address: addressOf('fra1'),
				localPort: 51_820,
				observedAddress: '192.0.2.7',
				observedPort: 40_001,
			},
		],
		outbound: [
			{
				from: 'fra1',
				need: 'registry',
				target: 'https://registry-1.docker.io',
				result: {kind: 'silent'},
			},
			{
				from: 'fra1',
				need: 'dns',
				target: '9.9.9.9:53',
				result: {kind: 'answered', ms: 12},
			},
		],
		stations: names.map((node) => ({
			node,
			rung: node === 'pi4' ? 'counters' : 'python3',
			interpreter: node === 'pi4' ? undefined : '/usr/bin/python3 (3.11.2)',
			problem: undefined,
		})),
	};
};

const report = (
	{cluster, fleet}: Parameters<CheckCluster>[0],
	measurements: Measurements,
) => {
	const context = {cluster, facts: fleet.facts(), measurements};
	return {
		cluster,
		measurements,
		findings: judge(checkAll(context), []),
		conclusions: {
			...conclude(context),
			sites: [
				{name: 'fra1', nodes: ['fra1']},
				{name: 'home', nodes: ['nuc', 'pi4']},
				{name: 'nyc1', nodes: ['nyc1']},
			],
			nat: new Map([
				[
					'nuc',
					{
						kind: 'symmetric' as const,
						publicAddress: '192.0.2.7',
						evidence: ['fra1 saw port 40001, nyc1 saw port 40002'],
						layersHint: undefined,
					},
				],
			]),
			clockSkewMs: new Map([
				['fra1', 0],
				['nuc', -65_000],
			]),
			meshMtu: new Map([['fra1', 1420]]),
		},
		failed: new Map<string, string>(),
	};
};

let rig: Rig;
afterEach(async () => rig.dispose());

const start = async (
	options: Partial<Parameters<typeof startRig>[0]> = {},
): Promise<TestTerminal> => {
	rig = startRig({
		machines: Object.fromEntries(
			names.map((name) => [name, machine(name, addressOf(name))]),
		),
		async prepare(store) {
			await store.files.write(
				'home',
				`version: 1\nname: home\nnodes:\n${names
					.map(
						(name, index) =>
							`  - {name: ${name}, role: ${index === 0 ? 'server' : 'agent'}, ssh: ${name}, externalIp: ${addressOf(name)}}\n`,
					)
					.join('')}`,
			);
			store.preferences.remember({name: 'home', progress: 'checks', usedAt: 1});
		},
		...options,
		operations: {
			checkCluster: async (asked) => report(asked, measured()),
			...options.operations,
		},
	});
	const {terminal} = rig;
	await terminal.waitFor(/home +left at/);
	terminal.type(keys.enter);
	return terminal;
};

describe('the matrix of ports', () => {
	it('stands by sites, with this machine, and a sign in every cell', async () => {
		const terminal = await start();
		await terminal.waitFor(/6 blocked/);
		await terminal.waitFor(/from ↓ {2}to → +fra1 │nuc {3}pi4 {2}│nyc1\n/);
		await terminal.waitFor(/\n +fra1 +· +│● +● +│✖\n home nuc +● +│· +● +│✖\n/);
		await terminal.waitFor(/this machine +● +│– +– +│–/);
	});

	it('shows other kinds of addresses, and nothing is wrong where nothing is expected', async () => {
		const terminal = await start();
		await terminal.waitFor(/6 blocked/);
		terminal.type('a');
		await terminal.waitFor(/Ports \(internal\)/);
		await terminal.waitFor(/\n +fra1 +· +│– +– +│–\n home nuc +– +│· +● +│–\n/);
		await terminal.waitFor(
			/fra1 → nuc\n +– 10\.0\.0\.2 +tcp 10250 +filtered +3 sent, 0 answered, no ICMP/,
		);
		terminal.type(keys.right);
		await terminal.waitFor(/wrong host +another machine answered/);
		terminal.type('a');
		await terminal.waitFor(/Ports \(tailscale\)/);
		terminal.type('a');
		await terminal.waitFor(/Ports \(external\)/);
		await terminal.waitFor(/6 blocked/);
	});

	it('orders the worst first and goes from trouble to trouble', async () => {
		const terminal = await start();
		await terminal.waitFor(/6 blocked/);
		terminal.type('w');
		await terminal.waitFor(/worst first/);
		await terminal.waitFor(
			/from ↓ {2}to → +nyc1 {2}fra1 {2}nuc {3}pi4\n +nyc1/,
		);
		await terminal.waitFor(
			/fra1 → nyc1\n +✖ 203\.0\.113\.21 +udp 51820 +filtered +5 sent, 0 answered, no ICMP/,
		);
		await terminal.waitFor(/path\.blocked/);
		terminal.type('n');
		await terminal.waitFor(/nuc → nyc1/);
		terminal.type('w');
		await terminal.waitFor(/│nyc1\n/);
		await terminal.waitFor(/nuc → nyc1/);
	});

	it('is filtered by names, rows and columns', async () => {
		const terminal = await start();
		await terminal.waitFor(/6 blocked/);
		terminal.type('/');
		await terminal.waitFor(/"pi nuc" rows/);
		terminal.type('PI, nu > fr');
		await terminal.waitFor(/from ↓ +fra1\n home nuc +●\n +pi4 +●\n ─/);
		terminal.type(keys.enter);
		await terminal.waitFor(/only PI, nu > fr/);
		terminal.type('/');
		await terminal.waitFor(/Esc all nodes/);
		terminal.type(keys.escape);
		await terminal.waitFor(/nyc1\n +fra1/);
	});

	it('opens a cell to all that is known of the pair', async () => {
		const terminal = await start();
		await terminal.waitFor(/6 blocked/);
		terminal.type(`${keys.down}${keys.left}`);
		await terminal.waitFor(/nuc → fra1/);
		terminal.type('v');
		await terminal.waitFor(/nuc → fra1 +1–\d+ of \d+/);
		await terminal.waitFor(/required: pods on nuc and fra1/);
		await terminal.waitFor(
			/sent from port 51820 to 198\.51\.100\.11, arrived from\s+192\.0\.2\.7:40001/,
		);
		terminal.type(keys.escape);
		await terminal.waitFor(/6 blocked/);
	});

	it('counts a running service that shows itself as open, with what it showed', async () => {
		const terminal = await start();
		await terminal.waitFor(/6 blocked/);
		terminal.type(`${keys.down.repeat(4)}${keys.left}`);
		await terminal.waitFor(
			/this machine → fra1\n +● 198\.51\.100\.11 +tcp +6443 +in use +TLS answered with its certificate/,
		);
	});
});

describe('the other tabs', () => {
	it('show round trips with a sign for their grade, and the MTU of paths', async () => {
		const terminal = await start();
		await terminal.waitFor(/6 blocked/);
		terminal.type(keys.tab);
		await terminal.waitFor(/Latency \(external\)/);
		await terminal.waitFor(/pi4 +14 +│ +14 +· +│412✖/);
		terminal.type('n');
		await terminal.waitFor(
			/pi4 → nyc1\n +✖ 203\.0\.113\.21 +median 412 ms +min 10 +p95 20 +jitter 31 +loss 10 % of 20/,
		);
		terminal.type(keys.tab);
		await terminal.waitFor(/MTU \(external\)/);
		await terminal.waitFor(/fra1 +· +│1500 +– +│1300▲/);
		terminal.type('n');
		await terminal.waitFor(
			/▲ 203\.0\.113\.21 +packets of up to 1300 bytes pass/,
		);
		await terminal.waitFor(/the mesh interface of fra1 gets an MTU of 1420/);
	});

	it('show what each host is and measures with', async () => {
		const terminal = await start();
		await terminal.waitFor(/6 blocked/);
		terminal.type(keys.tab.repeat(3));
		await terminal.waitFor(/Hosts · 4 of 4/);
		await terminal.waitFor(
			/fra1 +python3 +Debian 12\S* \S+ +none +– +\+0ms 1\/2 1420/,
		);
		await terminal.waitFor(
			/registry +https:\/\/registry-1\.docker\.io {2}no answer/,
		);
		terminal.type(keys.down);
		await terminal.waitFor(/❯ \S nuc +python3 .* symmetric +-65\.0s +– +–/);
		await terminal.waitFor(/fra1 saw port 40001, nyc1 saw port 40002/);
		await terminal.waitFor(/✖ clock +-65\.0s from the median/);
		await terminal.waitFor(/pi4 +counters/);
		await terminal.waitFor(
			/▲ Tailscale +no UDP gets out, a port for each target, relay fra in 12 ms/,
		);
	});

	it('show which way Tailscale takes, by a sign in the matrix and in words', async () => {
		const terminal = await start();
		await terminal.waitFor(/6 blocked/);
		terminal.type(keys.tab);
		await terminal.waitFor(/Latency \(external\)/);
		terminal.type('aa');
		await terminal.waitFor(/Latency \(tailscale\)/);
		await terminal.waitFor(/pi4 +– +│ 31 r +· +│/);
		terminal.type(`${keys.down}${keys.down}`);
		await terminal.waitFor(/pi4 → nuc/);
		await terminal.waitFor(/in the tailnet: relayed by DERP\(fra\) in 40 ms/);
	});
});

const fix: FirewallFix = {
	node: 'nyc1',
	firewall: 'ufw',
	rules: [],
	lines: [
		'ufw allow from 198.51.100.11 to any port 51820 proto udp',
		'ufw allow from 192.0.2.7 to any port 51820 proto udp',
	],
	paths: ['fra1', 'nuc'].map((from) => ({
		from,
		to: 'nyc1',
		addressKind: 'external',
		address: addressOf('nyc1'),
		protocol: 'udp',
		port: 51_820,
	})),
};

describe('a fix', () => {
	/** Applies a fix that ends like this; a second measurement finds its paths open. */
	const withOutcome = (outcome: FixOutcome) => {
		const applied: string[] = [];
		const again: string[] = [];
		return {
			applied,
			again,
			operations: {
				proposeFixes: () => [fix],
				async applyFixes({fixes}: {readonly fixes: readonly FirewallFix[]}) {
					applied.push(...fixes.map(({node}) => node));
					return new Map(fixes.map(({node}) => [node, outcome]));
				},
				async checkCluster(asked: Parameters<CheckCluster>[0]) {
					if (asked.again === undefined) {
						return report(asked, measured());
					}

					const {earlier, only} = asked.again;
					const cells = earlier.measurements.cells.map((known): Cell => {
						if (!only(known.path)) {
							return known;
						}

						again.push(`${known.path.from} ${known.path.protocol}`);
						return {...known, verdict: {kind: 'open', rttMs: 9}, answered: 5};
					});
					return report(asked, {...earlier.measurements, cells});
				},
			},
		};
	};

	it('is shown, run only after a yes, and only what it should open is measured again', async () => {
		const {operations, applied, again} = withOutcome({kind: 'opened'});
		const terminal = await start({operations});
		await terminal.waitFor(/6 blocked/);
		terminal.type('w');
		await terminal.waitFor(/f fix/);
		terminal.type('f');
		await terminal.waitFor(/Open ufw on nyc1\?/);
		await terminal.waitFor(/ufw allow from 192\.0\.2\.7 to any port 51820/);
		terminal.type('n');
		await terminal.waitFor(/6 blocked/);
		assert.deepEqual(applied, []);
		terminal.type('f');
		await terminal.waitFor(/y run on nyc1/);
		terminal.type('y');
		await terminal.waitFor(/● The lines were added on nyc1/);
		await terminal.waitFor(/[^6] blocked/);
		assert.deepEqual(applied, ['nyc1']);
		assert.deepEqual(again, ['fra1 udp', 'nuc udp']);
	});

	it('that the host took back is told, and nothing is measured again', async () => {
		const {operations, again} = withOutcome({
			kind: 'rolled-back',
			message: 'a new SSH connection did not get through.',
		});
		const terminal = await start({operations});
		await terminal.waitFor(/6 blocked/);
		terminal.type('wf');
		await terminal.waitFor(/y run on nyc1/);
		terminal.type('y');
		await terminal.waitFor(
			/✖ nyc1 has taken the lines back: a new SSH connection/,
		);
		assert.deepEqual(again, []);
	});

	it('is copied to the terminal by OSC 52', async () => {
		const {operations, applied} = withOutcome({kind: 'opened'});
		const terminal = await start({operations});
		await terminal.waitFor(/6 blocked/);
		terminal.type('wc');
		await terminal.waitFor(/2 lines for nyc1 went to the terminal's clipboard/);
		// eslint-disable-next-line no-control-regex
		const sequence = /\u001B\]52;c;(?<text>[^\u0007]+)\u0007/.exec(
			terminal.raw(),
		);
		assert.equal(
			Buffer.from(sequence!.groups!.text!, 'base64').toString('utf8'),
			fix.lines.join('\n'),
		);
		assert.deepEqual(applied, []);
	});

	it('that is not there is explained', async () => {
		const terminal = await start();
		await terminal.waitFor(/6 blocked/);
		terminal.type('wf');
		await terminal.waitFor(/No firewall on nyc1 itself closes a path to it/);
	});
});

describe('results', () => {
	it('are shown as they arrive, those of a host before those of others', async () => {
		let tell: ((last: boolean) => void) | undefined;
		const terminal = await start({
			operations: {
				async checkCluster(asked) {
					const all = measured();
					asked.onEvent({type: 'planned', cells: all.cells.length});
					asked.onEvent({type: 'cell', cell: all.cells[0]!});
					await new Promise<void>((resolve) => {
						tell = (isLast) => {
							if (isLast) {
								resolve();
							} else {
								asked.onEvent({type: 'latency', latency: all.latencies[0]!});
								asked.onEvent({type: 'path-mtu', pathMtu: all.pathMtus[0]!});
								asked.onEvent({type: 'station', station: all.stations[0]!});
							}
						};
					});
					return report(asked, all);
				},
			},
		});
		await terminal.waitFor(/1 of 30 paths/);
		await terminal.waitFor(/fra1 +· +● +◌ +◌/);
		tell!(false);
		terminal.type(keys.tab);
		await terminal.waitFor(/fra1 +· +14 +◌ +◌/);
		terminal.type(keys.tab);
		await terminal.waitFor(/fra1 +· +1500 +◌ +◌/);
		terminal.type(keys.tab);
		await terminal.waitFor(/fra1 +python3/);
		terminal.type(keys.tab);
		await terminal.waitFor(/once everything is measured/);
		tell!(true);
		await terminal.waitFor(/path\.blocked/);
	});
});
