import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {probeAgent} from '../../source/host/scripts/probe-agent.js';
import {parseMessages, type Command} from '../../source/probe/messages.js';
import {makeRunner, systemShells} from '../host/shells.js';
import {findPython, onPython} from './local-host.js';

const python = await findPython();

describe('the script of the probe agent', () => {
	for (const shell of systemShells) {
		test(
			`${shell.name} starts the agent, which has standard input for itself`,
			{
				skip: python === undefined ? 'python3 is not installed' : shell.skip,
			},
			async () => {
				const runner = makeRunner(shell);
				try {
					const command: Command = {
						do: 'listen',
						token: 'ab'.repeat(16),
						node: 'one',
						places: [],
					};
					const {code, output} = await runner.run({
						source: probeAgent.source,
						fields: probeAgent.fields({
							...onPython(python!),
							limitSeconds: 30,
							silenceSeconds: 30,
						}),
						kind: 'converse',
						input: `${JSON.stringify(command)}\n`,
					});
					const [ready, listening, ...rest] = output
						.split('\n')
						.flatMap((line) => parseMessages(line));
					assert.ok(ready && 'ready' in ready);
					assert.match(ready.version, /^3\.\d+\.\d+$/);
					assert.deepEqual(listening, {listening: true, refused: []});
					assert.deepEqual(rest, []);
					assert.equal(code, 0);
				} finally {
					runner.close();
				}
			},
		);
	}
});
