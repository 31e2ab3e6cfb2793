import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {becomeRoot} from '../../source/host/scripts/become-root.js';
import {catalogue} from '../../source/host/scripts/catalogue.js';
import {endSudo} from '../../source/host/scripts/end-sudo.js';
import {hello} from '../../source/host/scripts/hello.js';
import {probeAgent} from '../../source/host/scripts/probe-agent.js';
import {fastWorld, threeMachines} from './simulated-support.js';

/** Part of connecting over SSH, which the simulated world does not do. */
const ofSshAlone = new Set([hello.name, becomeRoot.name, endSudo.name]);
/** A conversation; `simulated-probe.test.ts` has it. */
const conversations = new Set([probeAgent.name]);

describe('the simulated world knows the scripts of the catalogue', () => {
	for (const entry of catalogue) {
		if (ofSshAlone.has(entry.name) || conversations.has(entry.name)) {
			continue;
		}

		test(entry.name, async () => {
			const controller = new AbortController();
			const {world} = fastWorld(threeMachines());
			const host = await world.connect(
				{name: 'one', ssh: {host: 'one'}},
				{
					signal: controller.signal,
					questions: {
						async trustHostKey() {
							return true;
						},
						askSecret: async () => undefined,
					},
				},
			);
			const script = {
				...entry,
				timeoutMs: 1000,
				fields: () => [],
				decode: () => undefined,
			};
			// No input fits every script: any other complaint is good enough.
			const call = host.run(script, {}, {signal: controller.signal});
			const outcome = await Promise.race([
				call.then(() => 'answered', String),
				new Promise<string>((resolve) => {
					setImmediate(() => {
						setImmediate(() => {
							resolve('at work');
						});
					});
				}),
			]);
			assert.doesNotMatch(outcome, /does not know/);
			controller.abort(new Error('enough'));
			await Promise.allSettled([call]);
		});
	}
});
