/** The agents that need no Python, started by every shell that may be a machine's sh. */
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {describe, test} from 'node:test';
import type {ProbeRung} from '../../source/facts/measurements.js';
import {probeAgent} from '../../source/host/scripts/probe-agent.js';
import {parseMessages, type Command} from '../../source/probe/messages.js';
import {makeRunner, systemShells} from '../host/shells.js';

const commands: readonly Command[] = [
	{do: 'listen', token: 'ab'.repeat(16), node: 'one', places: []},
	{do: 'count'},
];

describe('the script of the probe agent, without Python', () => {
	for (const shell of systemShells) {
		for (const [rung, program] of [
			['perl', 'perl'],
			['counters', 'bash'],
		] as ReadonlyArray<readonly [ProbeRung, string]>) {
			const {status, stdout} = spawnSync(
				'sh',
				['-c', 'command -v "$0"', program],
				{encoding: 'utf8'},
			);
			const skip = status !== 0 && `${program} is not installed`;
			test(
				`${shell.name} starts the one on ${program}, which has standard input for itself`,
				{skip: skip || shell.skip},
				async () => {
					const runner = makeRunner(shell);
					try {
						const {code, output} = await runner.run({
							source: probeAgent.source,
							fields: probeAgent.fields({
								rung,
								program: stdout.trim(),
								listener: undefined,
								limitSeconds: 30,
								silenceSeconds: 30,
							}),
							kind: 'converse',
							input: commands
								.map((command) => `${JSON.stringify(command)}\n`)
								.join(''),
						});
						const [ready, listening, counted, ...rest] = output
							.split('\n')
							.flatMap((line) => parseMessages(line));
						assert.ok(ready && 'ready' in ready);
						assert.match(ready.version, /^\d+\.\d+\.\d+$/);
						assert.deepEqual(listening, {listening: true, refused: []});
						assert.ok(counted && 'counted' in counted);
						assert.deepEqual(rest, []);
						assert.equal(code, 0);
					} finally {
						runner.close();
					}
				},
			);
		}
	}
});
