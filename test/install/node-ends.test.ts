import assert from 'node:assert/strict';
import {test} from 'node:test';
import {leavingEnds} from '../../source/install/leaving-ends.js';
import {nodeEnds} from '../../source/install/node-ends.js';
import type {Plan, Step, StepAction} from '../../source/plan/plan.js';

const stop: StepAction = {kind: 'stop-k3s', role: 'agent', how: 'stop'};

const planOf = (purpose: Plan['purpose']): Plan => ({
	purpose,
	cluster: 'home',
	version: '',
	firstServer: 'one',
	estimateSeconds: 1,
	nodes: ['one', 'two', 'three'].map((node) => ({
		node,
		role: 'agent',
		steps: [
			{
				id: `${node}/clean/stop`,
				node,
				stage: 'clean',
				title: 'stop K3s',
				action: stop,
				needs: [],
				expectation: 'change',
			} satisfies Step,
		],
	})),
});

for (const [purpose, ends, there] of [
	['apply', nodeEnds, 'K3s was not installed by this run'],
	['uninstall', leavingEnds, 'all is there still'],
] as const) {
	test(`${purpose}: what was cut off half-way is not told as not begun`, () => {
		const nodes = ends(planOf(purpose), {
			states: new Map([
				['one/clean/stop', 'skipped'],
				['two/clean/stop', 'skipped'],
				['three/clean/stop', 'changed'],
			]),
			failures: [],
			cutSteps: new Set(['two/clean/stop']),
		});
		assert.deepEqual(
			nodes.map(({state}) => state),
			['untouched', 'partly', 'done'],
		);
		assert.equal(
			nodes[0]!.text,
			`nothing was changed before "stop K3s"; ${there}`,
		);
		assert.equal(
			nodes[1]!.text,
			`cut off in "stop K3s", and how far that came is not known; before it: ${there}`,
		);
	});
}
