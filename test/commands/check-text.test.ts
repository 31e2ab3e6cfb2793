import assert from 'node:assert/strict';
import test from 'node:test';
import {
	checkReportText,
	findingLines,
} from '../../source/commands/check-text.js';
import {
	requireAllNodes,
	type FailedNode,
} from '../../source/commands/session.js';
import {UserError} from '../../source/errors.js';
import {conclude} from '../../source/checks/conclusions/conclude.js';
import type {CheckOutcome} from '../../source/commands/check-json.js';
import type {Measurements, Verdict} from '../../source/facts/measurements.js';
import {clusterSchema, type Cluster} from '../../source/cluster/schema.js';
import {lan3, measured} from '../plan/fixtures.js';
import {allPairs} from '../ui/measurements.js';

const failed: readonly FailedNode[] = [
	{
		node: 'nuc',
		message: '198.51.100.12 refuses connections on port 22.',
		tryNext: ['Check that SSH listens on port 22 there.'],
		unreachable: true,
	},
	{
		node: 'pi4',
		message: 'me on pi4 may not run sudo without a password.',
		tryNext: ['Log in as root instead.'],
		unreachable: false,
	},
];

const lost: Verdict = {kind: 'unknown', reason: 'nuc could not be contacted'};

const outcomeOf = (
	cluster: Cluster,
	measurements: Measurements,
	failed: readonly FailedNode[] = [],
): CheckOutcome => ({
	report: {
		cluster,
		measurements,
		findings: [],
		conclusions: conclude({cluster, facts: new Map(), measurements}),
		failed: new Map(),
	},
	failed,
	facts: new Map(),
	fixes: [],
	outcomes: new Map(),
	at: 0,
});

test('each node that was not reached has its sentence and its next step, and its paths are one line', () => {
	const cluster = lan3();
	const lines = checkReportText(
		outcomeOf(
			cluster,
			measured(cluster, ({from, to, port}) => {
				if (from === 'nuc' || to === 'nuc') {
					return lost;
				}

				return port === 51_820 ? {kind: 'filtered'} : undefined;
			}),
			failed,
		),
	);
	assert.deepEqual(lines.slice(0, 13), [
		'home: 1 of 3 nodes, 4 of 15 paths',
		'✖ nuc: 198.51.100.12 refuses connections on port 22.',
		'    Check that SSH listens on port 22 there.',
		'✖ pi4: me on pi4 may not run sudo without a password.',
		'    Log in as root instead.',
		'✖ pi4 → fra1  external 198.51.100.11  udp 51820  filtered  5 sent, 0 answered, no ICMP',
		'✖ fra1 → pi4  external 198.51.100.13  udp 51820  filtered  5 sent, 0 answered, no ICMP',
		'▲ 9 paths not measured: nuc could not be contacted',
		'',
		'Ports on external addresses, from rows to columns',
		'        fra1  nuc   pi4',
		'  fra1  ●     ▲     ✖',
		'  nuc   ▲     ·     ▲',
	]);
});

test('a command that needs every node names each, and ends as unreachable when one was', () => {
	assert.doesNotThrow(() => {
		requireAllNodes([]);
	});
	for (const [nodes, code] of [
		[failed, 3],
		[failed.slice(1), 1],
	] as const) {
		assert.throws(
			() => {
				requireAllNodes(nodes);
			},
			(error) =>
				error instanceof UserError &&
				error.exitCode === code &&
				error.message.endsWith('\nNothing was changed on any node.') &&
				nodes.every(({node, message, tryNext}) =>
					error.message.includes(`✖ ${node}: ${message}\n    ${tryNext[0]!}\n`),
				),
		);
	}
});

test('what was overridden is a line each before what was not, which has its next steps', () => {
	const finding = {
		severity: 'error' as const,
		nodes: [],
		fixes: ['Do that.'],
		source: 'docs',
	};
	assert.deepEqual(
		findingLines([
			{...finding, id: 'a.b', message: 'One.', ignored: false},
			{...finding, id: 'c.d', message: 'Two.', ignored: true},
		]),
		['– c.d  Two.  (overridden)', '✖ a.b  One.', '    Do that.'],
	);
});

test('of many nodes only those in trouble have a table, the worst first', () => {
	const names = Array.from({length: 30}, (_, index) => `node${index + 1}`);
	const addressOf = (name: string) => `203.0.113.${names.indexOf(name) + 1}`;
	const lines = checkReportText(
		outcomeOf(
			clusterSchema.parse({
				version: 1,
				name: 'many',
				nodes: names.map((name, index) => ({
					name,
					role: index === 0 ? 'server' : 'agent',
					ssh: name,
					externalIp: addressOf(name),
				})),
			}),
			allPairs(names, {addressOf, closed: ['node7']}),
		),
	);
	const start = lines.indexOf(
		'Ports on external addresses, from rows to columns',
	);
	assert.match(lines[start + 1]!, /^ +7 +1 +2 +3 /);
	assert.match(lines[start + 2]!, /^ +7 node7 +· +✖ +✖/);
	assert.match(lines[start + 3]!, /^ +1 node1 +✖ +· +●/);
	assert.ok(
		lines.includes('  14 more nodes in no or less trouble: --json has all.'),
	);
	assert.ok(
		lines.includes(
			'Latency on external addresses, median in ms: the slowest 16 of 870 pairs',
		),
	);
});
