/** The whole matrix against what each network was built to do, found by the program itself from the client. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type {Topology} from '../topology.js';
import {topologies} from '../index.js';
import {checkedMatrix, type MatrixAnswer} from './answers.js';
import {internalPairsOf, questionsOf, truths, type Truth} from './truth.js';

const lineOf = (
	{from, to, kind, protocol, port}: ReturnType<typeof questionsOf>[number],
	answer: string,
): string => `${from} > ${to} ${kind} ${protocol}/${port} ${answer}`;

/** No cell is missing, none is there that nobody needs, and each says what is true. */
const assertMatrix = (
	topology: Topology,
	{answer}: Truth,
	{cells}: MatrixAnswer,
): void => {
	const internal = cells.filter(({kind}) => kind === 'internal');
	const expected = [...questionsOf(topology), ...internal].map((question) =>
		lineOf(question, answer(question)),
	);
	const found = cells.map((cell) => lineOf(cell, cell.answer));
	assert.deepEqual(
		{
			said: found.filter((line) => !expected.includes(line)),
			true: expected.filter((line) => !found.includes(line)),
		},
		{said: [], true: []},
	);
	assert.equal(found.length, expected.length, 'a cell is there twice');
	// How many ports are tried between nodes that may not share a network is the program's choice; that they are is not.
	assert.deepEqual(
		[...new Set(internal.map(({from, to}) => `${from} > ${to}`))].toSorted(),
		internalPairsOf(topology).toSorted(),
		'pairs whose internal addresses were tried',
	);
	for (const cell of cells) {
		assert.equal(
			cell.answer === 'open',
			cell.tokenSeen,
			`${lineOf(cell, cell.answer)}: open is what carried the token, and nothing else`,
		);
	}
};

/** Groups and names in one order. */
const sorted = (groups: Truth['sites']): string[] =>
	groups.map((group) => group.toSorted().join(', ')).toSorted();

const assertConclusions = (truth: Truth, found: MatrixAnswer): void => {
	assert.deepEqual(sorted(found.sites), sorted(truth.sites), 'sites');
	for (const [node, kinds] of Object.entries(truth.nat)) {
		const nat = found.nat.get(node);
		assert.ok(
			nat && [kinds].flat().includes(nat.kind),
			`NAT of ${node}: ${nat?.kind}, and it is ${[kinds].flat().join(' or ')}: ${nat?.evidence.join('; ')}`,
		);
	}

	if (truth.oneWay) {
		assert.deepEqual(found.oneWay.toSorted(), truth.oneWay.toSorted());
	}

	for (const [one, other] of truth.portToPort ?? []) {
		assert.ok(
			found.portToPort.includes(`${one} > ${other}`) &&
				found.portToPort.includes(`${other} > ${one}`),
			`${one} and ${other} from port to port: ${found.portToPort.join(', ')}`,
		);
	}
};

for (const [name, truth] of Object.entries(truths)) {
	test(`${name}: every cell of the matrix, the sites and the kinds of NAT are what the network was built to be`, async (t) => {
		const topology = topologies.find((one) => one.name === name)!;
		const found = await checkedMatrix(t, topology);

		assertMatrix(topology, truth, found);
		assertConclusions(truth, found);
	});
}
