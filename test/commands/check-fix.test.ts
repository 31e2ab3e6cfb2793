/** `check --fix` on simulated machines. */
import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import {
	fixAndCheck,
	isFixMissing,
	type FixTools,
} from '../../source/commands/check-fix.js';
import {UserError} from '../../source/errors.js';
import {verdictArrives} from '../../source/facts/measurements.js';
import {checkCluster} from '../../source/operations/check.js';
import {applyFixes} from '../../source/operations/fix.js';
import {closedMachine, withCheckedStage, type CheckedStage} from './support.js';

const toolsOf = (
	{fleet, world, signal}: CheckedStage,
	changes: Partial<FixTools> = {},
) => {
	const said: string[] = [];
	const tools: FixTools = {
		fleet,
		world,
		signal,
		atOnce: signal,
		applyFixes,
		checkCluster,
		say(lines) {
			said.push(...lines);
		},
		agree: async () => true,
		ignore: [],
		...changes,
	};
	return {said, tools};
};

const blocked = ({outcome}: Pick<CheckedStage, 'outcome'>): number =>
	outcome.report.measurements.cells.filter(
		({verdict}) => !verdictArrives(verdict),
	).length;

describe('check --fix', () => {
	it('shows the lines, runs them, and measures again only what they should open', async () => {
		await withCheckedStage({three: closedMachine}, async (stage) => {
			assert.equal(blocked(stage), 2);
			const asked: string[] = [];
			const {said, tools} = toolsOf(stage, {
				async agree() {
					asked.push(said.join('\n'));
					return true;
				},
				async checkCluster(options) {
					const again = options.again!;
					assert.deepEqual(
						again.earlier.measurements.cells
							.filter(({path}) => again.only(path))
							.map(({path}) => `${path.from} ${path.to} ${path.port}`)
							.toSorted(),
						['one three 51820', 'two three 51820'],
					);
					return checkCluster(options);
				},
			});
			const after = await fixAndCheck(stage.outcome, tools);
			assert.match(asked[0]!, /^To open:\nthree \(ufw\)\n {4}ufw /);
			assert.equal(
				said.at(-1),
				'● The lines were added on three, and a new connection still reaches it.',
			);
			assert.deepEqual([...after.outcomes], [['three', {kind: 'opened'}]]);
			assert.equal(blocked({outcome: after}), 0);
			assert.equal(isFixMissing(after), false);
		});
	});

	it('changes nothing without a yes', async () => {
		await withCheckedStage({three: closedMachine}, async (stage) => {
			const {tools} = toolsOf(stage, {
				agree: async () => false,
				async applyFixes() {
					throw new Error('nobody agreed to this');
				},
			});
			await assert.rejects(
				fixAndCheck(stage.outcome, tools),
				(error) =>
					error instanceof UserError &&
					error.exitCode === 130 &&
					error.message === 'Nothing was changed.',
			);
		});
	});

	it('says what a stop left closed, and measures nothing more', async () => {
		await withCheckedStage({three: closedMachine}, async (stage) => {
			const stop = new AbortController();
			const {said, tools} = toolsOf(stage, {
				signal: stop.signal,
				async applyFixes({signal, ending}) {
					// The first Ctrl-C ends in good order; only a second one cuts what is under way.
					stop.abort(new UserError('Stopped.', {exitCode: 130}));
					assert.equal(signal.aborted, false);
					assert.equal(ending?.aborted, true);
					return new Map();
				},
				async checkCluster() {
					throw new Error('a stopped run measures nothing');
				},
			});
			await assert.rejects(fixAndCheck(stage.outcome, tools), {
				message: 'Stopped.',
			});
			assert.match(said.at(-1)!, /^Stopped: three not opened\./);
		});
	});

	it('asks nothing where no host closes a path', async () => {
		await withCheckedStage({}, async (stage) => {
			const {said, tools} = toolsOf(stage, {
				async agree() {
					throw new Error('there is nothing to ask');
				},
			});
			assert.equal(await fixAndCheck(stage.outcome, tools), stage.outcome);
			assert.match(said.join('\n'), /there is nothing to open/);
		});
	});

	it('tells what a host took back, and keeps what was measured', async () => {
		await withCheckedStage({three: closedMachine}, async (stage) => {
			const {said, tools} = toolsOf(stage, {
				async applyFixes({onOutcome}) {
					const outcome = {
						kind: 'failed',
						message: 'ufw is locked.',
						tryNext: ['Try again in a minute.'],
					} as const;
					onOutcome('three', outcome);
					return new Map([['three', outcome]]);
				},
				async checkCluster() {
					throw new Error('nothing has changed');
				},
			});
			const after = await fixAndCheck(stage.outcome, tools);
			assert.deepEqual(said.slice(-2), [
				'✖ The firewall of three was not opened: ufw is locked.',
				'    Try again in a minute.',
			]);
			assert.equal(isFixMissing(after), true);
			assert.equal(after.report, stage.outcome.report);
		});
	});
});
