import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import type {CheckOutcome} from '../../source/commands/check-json.js';
import {
	changeLines,
	roundTitle,
	watchRounds,
} from '../../source/commands/check-watch.js';
import {closedMachine, withCheckedStage} from './support.js';

const stopped = new Error('stopped');

/** The same check with the WireGuard path from one to three open. */
const opened = (outcome: CheckOutcome): CheckOutcome => ({
	...outcome,
	report: {
		...outcome.report,
		measurements: {
			...outcome.report.measurements,
			cells: outcome.report.measurements.cells.map((cell) =>
				cell.path.from === 'one' && cell.verdict.kind === 'filtered'
					? {...cell, verdict: {kind: 'open', rttMs: 3}}
					: cell,
			),
		},
	},
});

describe('check --watch', () => {
	it('checks, shows and pauses until it is stopped', async () => {
		await withCheckedStage({}, async ({outcome}) => {
			const events: string[] = [];
			let rounds = 0;
			await assert.rejects(
				watchRounds({
					async round() {
						rounds += 1;
						events.push(`round ${rounds}`);
						return outcome;
					},
					show(_outcome, earlier) {
						events.push(earlier === undefined ? 'shown first' : 'shown');
					},
					async pause() {
						if (rounds === 3) {
							throw stopped;
						}
					},
				}),
				stopped,
			);
			assert.deepEqual(events, [
				'round 1',
				'shown first',
				'round 2',
				'shown',
				'round 3',
				'shown',
			]);
		});
	});

	it('names what has changed between two rounds', async () => {
		await withCheckedStage({three: closedMachine}, async ({outcome}) => {
			assert.deepEqual(changeLines(outcome, undefined), []);
			assert.deepEqual(changeLines(outcome, outcome), [
				'No verdict has changed since the round before.',
			]);
			assert.deepEqual(changeLines(opened(outcome), outcome), [
				'Changed since the round before:',
				'  one → three  198.51.100.3  udp 51820  filtered → open',
			]);
			assert.match(
				roundTitle(outcome, 10),
				/^\d\d:\d\d:\d\d {2}every 10 s, Ctrl-C ends$/,
			);
		});
	});
});
