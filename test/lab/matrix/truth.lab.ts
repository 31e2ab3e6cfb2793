/** The truths that the program is judged by, judged themselves: plain sockets see in each network what they say. */
import assert from 'node:assert/strict';
import test, {type TestContext} from 'node:test';
import {topologies, up, type Lab} from '../index.js';
import type {Topology} from '../topology.js';
import {ask, listen, sourcesOf} from './sockets.js';
import {
	api,
	clientName,
	internalPairsOf,
	kubelet,
	questionsOf,
	truths,
	wireguard,
	wireguardIpv6,
	type Answer,
	type Question,
} from './truth.js';

const topologyOf = (name: string): Topology =>
	topologies.find((one) => one.name === name)!;

/** A lab whose nodes listen as agents of the program would. */
const upListening = async (t: TestContext, name: string): Promise<Lab> => {
	const topology = topologyOf(name);
	const lab = await up({topology});
	t.after(lab.down);
	await Promise.all(
		topology.hosts
			.filter(({outsider}) => outsider === undefined)
			.map(async ({name: host, role}) =>
				listen(lab.node(host), role === 'server' ? [api, kubelet] : [kubelet], [
					wireguard,
					wireguardIpv6,
				]),
			),
	);
	return lab;
};

/** All that nodes ask of each other. */
const questionsBetween = (topology: Topology): readonly Question[] => [
	...questionsOf(topology).filter(({from}) => from !== clientName),
	...internalPairsOf(topology).map((pair): Question => {
		const [from, to] = pair.split(' > ') as [string, string];
		return {from, to, kind: 'internal', protocol: 'tcp', port: kubelet};
	}),
];

/** The part of an answer that a socket can see: not who refused, and not what arrived without coming back. */
const visible = (answer: Answer): string =>
	answer === 'reached'
		? 'filtered'
		: answer.startsWith('refused')
			? 'refused'
			: answer;

const inWords = (said: string, question: Question, lab: Lab): string => {
	if (said === 'silence') {
		return 'filtered';
	}

	const [name] = said.split(' ');
	return name === question.to
		? 'open'
		: lab.nodes.some((node) => node.name === name)
			? `wrong-host: ${name}`
			: said === 'refused'
				? said
				: 'wrong-host: -';
};

for (const [name, truth] of Object.entries(truths)) {
	test(`${name}: plain sockets see what the truth says`, async (t) => {
		const topology = topologyOf(name);
		const lab = await upListening(t, name);
		const addressOf = ({to, kind}: Question): string => {
			const host = topology.hosts.find((one) => one.name === to)!;
			return kind === 'internal'
				? host.internalIp!
				: kind === 'external'
					? host.externalIp
					: host.ipv6!;
		};

		const seen = await Promise.all(
			lab.nodes.map(async (from) => {
				const questions = questionsBetween(topology).filter(
					(question) => question.from === from.name,
				);
				const said = await ask(
					from,
					questions.map(
						(question) =>
							[question.protocol, addressOf(question), question.port] as const,
					),
				);
				return questions.map((question, index) => ({
					question,
					saw: inWords(said[index]!, question, lab),
				}));
			}),
		);
		assert.deepEqual(
			seen
				.flat()
				.filter(({question, saw}) => saw !== visible(truth.answer(question))),
			[],
		);
	});
}

test('nat-mix: each router translates the port of a node as its kind of NAT does', async (t) => {
	const lab = await upListening(t, 'nat-mix');
	const observers = ['hub', 'office1'].map((name) => lab.node(name).externalIp);
	/** Sources, as `ADDRESS PORT`, without repetition. */
	const seen = async (name: string, port: number): Promise<string[]> => {
		const answers = await sourcesOf(
			lab.node(name),
			port,
			wireguard,
			observers.filter((address) => address !== lab.node(name).externalIp),
		);
		return [
			...new Set(answers.map((answer) => answer.split(' ').slice(1).join(' '))),
		];
	};

	// Another port for each: two behind one router would be in each other's way.
	assert.deepEqual(await seen('hub', 40_001), ['198.51.100.91 40001']);
	assert.deepEqual(await seen('office1', 40_002), ['203.0.113.31 40002']);
	assert.deepEqual(await seen('home1', 40_003), ['203.0.113.40 40003']);
	assert.deepEqual(await seen('home2', 40_004), ['203.0.113.40 40004']);
	assert.deepEqual(await seen('cabin1', 40_005), ['203.0.113.45 40005']);
	for (const [name, port, address] of [
		['hotel1', 40_006, '203.0.113.50'],
		['mobile1', 40_007, '203.0.113.60'],
		['village1', 40_008, '203.0.113.60'],
	] as const) {
		const sources = await seen(name, port);
		assert.equal(sources.length, 2, `${name}: ${sources.join(', ')}`);
		assert.ok(
			sources.every((source) => source.startsWith(`${address} `)),
			`${name}: ${sources.join(', ')}`,
		);
	}
});
