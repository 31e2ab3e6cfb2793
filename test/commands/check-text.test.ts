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
import {noMeasurements, type Verdict} from '../../source/facts/measurements.js';
import {lan3, measured} from '../plan/fixtures.js';

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

test('each node that was not reached has its sentence and its next step, and its paths are one line', () => {
	const cluster = lan3();
	const lines = checkReportText(
		{
			cluster,
			measurements: measured(cluster, ({from, to, port}) => {
				if (from === 'nuc' || to === 'nuc') {
					return lost;
				}

				return to === 'pi4' && port === 51_820 ? {kind: 'filtered'} : undefined;
			}),
			findings: [],
			conclusions: conclude({
				cluster,
				facts: new Map(),
				measurements: noMeasurements,
			}),
			failed: new Map(),
		},
		failed,
	);
	assert.deepEqual(lines.slice(0, 7), [
		'home: 1 of 3 nodes, 5 of 15 paths',
		'✖ nuc: 198.51.100.12 refuses connections on port 22.',
		'    Check that SSH listens on port 22 there.',
		'✖ pi4: me on pi4 may not run sudo without a password.',
		'    Log in as root instead.',
		'✖ fra1 → pi4  external 198.51.100.13  udp 51820  filtered  5 sent, 0 answered',
		'▲ 9 paths not measured: nuc could not be contacted',
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
