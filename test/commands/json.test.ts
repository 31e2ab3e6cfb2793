/** What the commands print as JSON is what its schema says, no field more. */
import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import type {z} from 'zod';
import {checkReportJson} from '../../source/commands/check-json.js';
import {
	applyLineSchema,
	type ApplyLine,
} from '../../source/commands/json/apply-schema.js';
import {checkSchema} from '../../source/commands/json/check-schema.js';
import {planSchema} from '../../source/commands/json/plan-schema.js';
import {outputSchemaFiles} from '../../source/commands/json/schema-files.js';
import {startApply} from '../../source/operations/apply.js';
import {makePlan} from '../../source/operations/plan.js';
import {planToJson} from '../../source/plan/render.js';
import {checkReportText} from '../../source/commands/check-text.js';
import type {MachineSpec} from '../../source/host/simulated/machine.js';
import {loggedIn} from '../mesh/tailnet-support.js';
import {closedMachine, withCheckedStage} from './support.js';

/** A schema drops fields that it does not know: what is left must be all. */
const assertDocumented = (schema: z.ZodType, output: unknown): void => {
	// eslint-disable-next-line unicorn/prefer-structured-clone -- as it is printed: without what is undefined
	const printed: unknown = JSON.parse(JSON.stringify(output));
	assert.deepEqual(schema.parse(printed), printed);
};

const behindRouter = (
	network: string,
	nat: NonNullable<MachineSpec['nat']>,
): Partial<MachineSpec> => ({
	nat,
	internal: {address: '192.168.1.4', network},
});

describe('the JSON outputs', () => {
	it('of check are as documented, with and without what is closed', async () => {
		for (const changes of [{}, {three: closedMachine}]) {
			await withCheckedStage(changes, async ({outcome}) => {
				assertDocumented(checkSchema, checkReportJson(outcome));
			});
		}
	});

	it('of check name the need of each path, the nodes that failed and what became of fixes', async () => {
		await withCheckedStage({three: closedMachine}, async ({outcome}) => {
			const json = checkReportJson({
				...outcome,
				failed: [
					{
						node: 'two',
						message: 'two does not answer.',
						tryNext: ['Look at it.'],
						unreachable: true,
					},
				],
				facts: new Map([...outcome.facts].filter(([name]) => name !== 'two')),
				outcomes: new Map([
					['three', {kind: 'rolled-back', message: 'not reached.'}],
				]),
			});
			assertDocumented(checkSchema, json);
			const closed = json.cells.filter(
				({verdict}) => verdict.kind === 'filtered',
			);
			assert.deepEqual(
				closed.map(({from, to, need}) => [from, to, need]),
				[
					['one', 'three', 'required'],
					['two', 'three', 'required'],
				],
			);
			assert.deepEqual(
				json.nodes.map(({name, reached, problem}) => [name, reached, problem]),
				[
					['one', true, undefined],
					['two', false, 'two does not answer.'],
					['three', true, undefined],
				],
			);
			assert.equal(json.fixes[0]!.outcome?.kind, 'rolled-back');
			assert.ok(json.latencies.every(({grade}) => grade === 'good'));
		});
	});

	it('of check tell which way Tailscale takes, and what it finds of its ways out', async () => {
		const inTailnet = (last: number) => ({
			facts: {tailscale: loggedIn(last, {addresses: [`100.64.0.${last}`]})},
		});
		await withCheckedStage(
			{
				one: {...inTailnet(1), ...behindRouter('home', 'port-restricted')},
				two: {...inTailnet(2), ...behindRouter('cabin', 'symmetric')},
				three: inTailnet(3),
			},
			async ({outcome}) => {
				const json = checkReportJson(outcome);
				assertDocumented(checkSchema, json);
				assert.deepEqual(
					json.tailnetPaths
						.map(({from, to, address, way}) =>
							[from, to, address, way.kind].join(' '),
						)
						.toSorted(),
					[
						'one three 100.64.0.3 direct',
						'one two 100.64.0.2 relayed',
						'three one 100.64.0.1 direct',
						'three two 100.64.0.2 direct',
						'two one 100.64.0.1 relayed',
						'two three 100.64.0.3 direct',
					],
				);
				assert.deepEqual(
					json.nodes.map(({netcheck}) => netcheck?.mappingVaries),
					[false, true, false],
				);
				const text = checkReportText(outcome);
				assert.ok(
					text.includes(
						'Latency on Tailscale addresses, median in ms (r: by a relay)',
					),
					text.join('\n'),
				);
				assert.ok(text.some((line) => /one +· +\d+ r +\d+$/.test(line)));
			},
		);
	});

	it('of plan and apply are as documented', async () => {
		await withCheckedStage(
			{},
			async ({cluster, fleet, world, outcome, signal}) => {
				const plan = await makePlan({
					cluster,
					fleet,
					measurements: outcome.report.measurements,
					signal,
				});
				assertDocumented(planSchema, {
					format: 'k3s-mesh-tui/plan/1',
					...planToJson(plan),
				});
				const lines: ApplyLine[] = [];
				const {outcome: end} = await startApply({
					cluster,
					plan,
					fleet,
					world,
					signal,
					onEvent(event) {
						lines.push(event);
					},
				}).result;
				assert.equal(end, 'good');
				assert.deepEqual([...new Set(lines.map(({type}) => type))].toSorted(), [
					'log',
					'now',
					'progress',
					'proof',
					'run-ended',
					'run-started',
					'step',
				]);
				for (const line of lines) {
					assertDocumented(applyLineSchema, line);
				}
			},
		);
	});

	it('have a JSON Schema each, which explains itself and allows further fields', () => {
		const files = outputSchemaFiles();
		assert.deepEqual(
			[...files.keys()],
			[
				'check.schema.json',
				'plan.schema.json',
				'apply.schema.json',
				'leaving.schema.json',
				'policy.schema.json',
				'kubeconfig.schema.json',
			],
		);
		for (const [name, text] of files) {
			const schema = JSON.parse(text) as {
				readonly title?: string;
				readonly $schema?: string;
			};
			assert.match(schema.title!, /k3s-mesh-tui/, name);
			assert.match(schema.$schema!, /json-schema\.org/);
			assert.doesNotMatch(text, /additionalProperties|readOnly/);
		}
	});
});
