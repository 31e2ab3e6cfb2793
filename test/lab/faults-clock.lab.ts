/** The one fault that needs a clock of its own, on emulated machines; its other cells are in the whole matrix. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {makePlayer} from './faults/player.js';

const player = makePlayer();
test.after(player.close);

test('clock-jump@agent/start: K3s is not started with a wrong clock, and the next run is good', async () => {
	const result = await player.play({
		fault: 'clock-jump',
		step: 'start',
		role: 'agent',
	});
	assert.ok(result.held, result.held ? '' : result.why);
	assert.equal(result.ended, 'told');
	assert.match(
		result.said.join('\n'),
		/K3s was not started, .*the clock of agt says 1970-.*: a clock is wrong/,
	);
});
