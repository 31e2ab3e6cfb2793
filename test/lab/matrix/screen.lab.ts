/** The Checks screen of the real program, in a pseudo-terminal, shows in each cell what the topology was built with. */
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'node:test';
import type {AddressKind} from '../../../source/mesh/mesh.js';
import {keys, startTerminal, type Terminal} from '../../support/terminal.js';
import {topologies} from '../index.js';
import {program, stageFor, type Stage} from '../support.js';
import type {Topology} from '../topology.js';
import {
	clientName,
	internalPairsOf,
	kubelet,
	questionsOf,
	truths,
	type Question,
	type Truth,
} from './truth.js';

/** The signs of the screen, as its help tells them. */
const signs = {
	good: '●',
	warning: '▲',
	bad: '✖',
	none: '–',
	self: '·',
} as const;

const badness = {none: 0, good: 1, warning: 2, bad: 3} as const;
type Sign = keyof typeof badness;

const arrives = (truth: Truth, question: Question): boolean =>
	['open', 'reached'].includes(truth.answer(question));

/** What a question's answer is to the cluster: K3s's docs need the API and WireGuard, and metrics only sometimes. */
const signOf = (truth: Truth, question: Question): Sign => {
	if (arrives(truth, question)) {
		return 'good';
	}

	const {from, to, kind, protocol, port} = question;
	if (kind === 'internal') {
		return 'none';
	}

	const isOneWay =
		protocol === 'udp' && arrives(truth, {...question, from: to, to: from});
	return kind !== 'external' ||
		port === kubelet ||
		from === clientName ||
		isOneWay
		? 'warning'
		: 'bad';
};

/** All that is asked, internal addresses included. */
const allQuestions = (topology: Topology): readonly Question[] => [
	...questionsOf(topology),
	...internalPairsOf(topology).map((pair): Question => {
		const [from, to] = pair.split(' > ') as [string, string];
		return {from, to, kind: 'internal', protocol: 'tcp', port: kubelet};
	}),
];

/** A matrix by `a > b`. */
type Matrix = Readonly<Record<string, string>>;

const wantedMatrix = (
	topology: Topology,
	truth: Truth,
	kind: AddressKind,
): Matrix => {
	const names = topology.hosts
		.filter(({outsider}) => outsider === undefined)
		.map(({name}) => name);
	const questions = allQuestions(topology);
	return Object.fromEntries(
		[...names, clientName].flatMap((from) =>
			names.map((to) => {
				const found = questions
					.filter(
						(one) => one.from === from && one.to === to && one.kind === kind,
					)
					.map((question) => signOf(truth, question));
				const blocked = found.filter((sign) => sign === 'bad').length;
				const [worst] = found.toSorted(
					(one, other) => badness[other] - badness[one],
				);
				return [
					`${from} > ${to}`,
					worst === undefined
						? from === to
							? signs.self
							: signs.none
						: `${signs[worst]}${blocked > 1 ? blocked : ''}`,
				];
			}),
		),
	);
};

/** Reads the matrix off the screen: a column stands below its head, whose end may be cut. */
const shownMatrix = (screen: string, names: readonly string[]): Matrix => {
	const lines = screen.split('\n');
	const start = lines.findIndex((line) => /^ from\b/.test(line));
	const end = lines.findIndex((line) => /^ ─+$/.test(line.trimEnd()));
	assert.ok(start !== -1 && end > start, screen);
	const head = lines[start]!.replace(/^ from(?: ↓(?: {2}to →)?)?/, (text) =>
		' '.repeat(text.length),
	);
	const columns = [...head.matchAll(/[^\s│]+/g)].map(({0: text, index}) => {
		const matching = names.filter((name) =>
			text.endsWith('…') ? name.startsWith(text.slice(0, -1)) : name === text,
		);
		assert.equal(matching.length, 1, `${text}\n${screen}`);
		return {name: matching[0]!, index};
	});
	return Object.fromEntries(
		lines.slice(start + 1, end).flatMap((line) => {
			const before = ` ${line.slice(0, columns[0]!.index).trim()}`;
			const from = [...names, clientName].find((name) =>
				before.endsWith(` ${name}`),
			);
			assert.ok(from !== undefined, `${line}\n${screen}`);
			return columns.map(
				({name, index}) =>
					[
						`${from} > ${name}`,
						line.slice(index, index + 2).trimEnd(),
					] as const,
			);
		}),
	);
};

const startWizard = (stage: Stage): Terminal =>
	startTerminal({
		command: [process.execPath, program],
		columns: 150,
		rows: 48,
		wrapper: ['ip', 'netns', 'exec', stage.lab.client.netns],
		env: stage.env,
	});

/** Saves the cluster and goes to its checks; returns when all is measured. */
const goToChecks = async (stage: Stage, name: string): Promise<Terminal> => {
	const folder = path.join(stage.env.XDG_CONFIG_HOME!, 'k3s-mesh-tui/clusters');
	mkdirSync(folder, {recursive: true});
	writeFileSync(
		path.join(folder, `${name}.yaml`),
		stage.lab.clusterFile({
			name,
			ignore: ['wireguard.kernel', 'cgroup.memory'],
		}),
	);
	const terminal = startWizard(stage);
	await terminal.waitFor(new RegExp(`❯ ◌ ${name} `));
	terminal.type(keys.enter);
	await terminal.waitFor(/Enter next/, 60_000);
	await terminal.waitFor(/● .* agent/, 60_000);
	terminal.type(keys.enter);
	// Where WireGuard, the first of the list, can not work, the cursor comes up on another mesh; the truths are those of WireGuard.
	await terminal.waitFor(
		/❯ \S(?![\s\S]*not known yet)[\s\S]*Enter next/,
		60_000,
	);
	const isOn = (mesh: string) => terminal.screen().includes(`❯ ${mesh} `);
	for (let attempt = 1; !isOn('WireGuard'); attempt += 1) {
		assert.ok(attempt < 10, terminal.screen());
		// Only what the whole row says counts: a key too many would go round to the other end of the list.
		if (isOn('Tailscale')) {
			terminal.type(keys.up);
		}

		await terminal.waitFor(/❯ WireGuard /, 5000).catch(() => undefined);
	}

	terminal.type(keys.enter);
	// Some of these networks are for what WireGuard cannot do. The question takes no key in the moment in which it comes up.
	const isAsked = (screen: string) => screen.includes('❯ Pod network ');
	await terminal.waitFor(/❯ Pod network |y go on/);
	for (let attempt = 1; !isAsked(terminal.screen()); attempt += 1) {
		assert.ok(attempt < 20, terminal.screen());
		terminal.type('y');
		await terminal.waitFor(/❯ Pod network /, 1500).catch(() => undefined);
	}

	terminal.type(keys.enter);
	// Down to the keys at the foot: while it is drawn anew, rows are missing.
	await terminal.waitFor(
		/^ Ports \(external\) · (?<nodes>\d+) of \k<nodes> nodes · (?<paths>\d+) of \k<paths> paths · [\s\S]*Enter next/m,
		120_000,
	);
	return terminal;
};

/** A pair that is opened in each topology, and what its evidence says. */
const opened: ReadonlyArray<
	readonly [topology: string, from: string, to: string, RegExp]
> = [
	[
		'nat-mix',
		'hub',
		'cabin1',
		/203\.0\.113\.45 +udp +51820 +filtered +\d+ sent, 0 answered, no ICMP/,
	],
	[
		'oneway',
		'valve1',
		'mute1',
		/udp +51820 +reached +arrival seen on the far side, no answer asked for|udp +51820 +reached/,
	],
	[
		'reject',
		'friend',
		'h-host',
		/198\.51\.100\.97 +udp +51820 +refused +by 198\.51\.100\.97 \(host-prohibited\)/,
	],
	['forward', 'out1', 'den2', /udp +51820 +wrong host +den1 answered/],
	['floating', 'second', 'lost', /udp +51820 +wrong host +floats answered/],
	[
		'dual',
		'both1',
		'half',
		/On further IPv6 addresses[\s\S]*udp +51821 +filtered +\d+ sent, 0 answered, no ICMP/,
	],
];

for (const [name, from, to, evidence] of opened) {
	test(`${name}: each cell of the screen is as the topology was built`, async (t) => {
		const topology = topologies.find((one) => one.name === name)!;
		const truth = truths[name]!;
		const stage = await stageFor(topology);
		t.after(stage.down);
		const terminal = await goToChecks(stage, name);
		t.after(terminal.stop);
		const names = stage.lab.nodes
			.map((node) => node.name)
			.filter((one) =>
				topology.hosts.some(
					(host) => host.name === one && host.outsider === undefined,
				),
			);
		const asked = new Set(allQuestions(topology).map(({kind}) => kind));
		const kinds = (['external', 'internal', 'external-ipv6'] as const).filter(
			(kind) => asked.has(kind),
		);
		for (const [index, kind] of kinds.entries()) {
			if (index > 0) {
				terminal.type('a');
				await terminal.waitFor(
					new RegExp(String.raw`^ Ports \(${kind}\)[\s\S]*Enter next`, 'm'),
				);
			}

			assert.deepEqual(
				shownMatrix(terminal.screen(), names),
				wantedMatrix(topology, truth, kind),
				kind,
			);
		}

		terminal.type('/');
		await terminal.waitFor(/Esc all nodes/);
		terminal.type(`${from} > ${to}`);
		await terminal.waitFor(new RegExp(`${from} > ${to}`));
		terminal.type(keys.enter);
		await terminal.waitFor(new RegExp(`only ${from} > ${to}`));
		await terminal.waitFor(new RegExp(`^ ${from} → ${to}$`, 'm'));
		terminal.type('v');
		await terminal.waitFor(/On external addresses/);
		await terminal.waitFor(evidence);
	});
}
