import {loginCommand} from '../scripts/bootstrap.js';
import {endSudo} from '../scripts/end-sudo.js';
import {encodeRequest} from '../scripts/prelude.js';
import {startCall} from './call.js';
import type {Connection} from './connection.js';
import {loginListenMs} from './greeting.js';
import {loginStuck, shellRefused} from './refusals.js';
import {makeSlots} from './slots.js';

/** Ends a sudo that waits at its prompt, by its process id. Never rejects: where it does not work, the channel closes all the same. */
export type EndSudo = (pid: number) => Promise<void>;

/** Does so over one spare channel of the connection: those that wait at a prompt may hold all the others. */
export const makeEndSudo = (connection: Connection): EndSudo => {
	const {node} = connection;
	const slots = makeSlots(1);
	return async (pid) => {
		const signal = AbortSignal.timeout(endSudo.timeoutMs);
		try {
			const release = await slots.take(signal);
			try {
				const call = await startCall({
					connection,
					isSpare: true,
					command: loginCommand,
					what: endSudo.name,
					request: (marker) =>
						encodeRequest(endSudo.source, endSudo.fields({pid}), 'run', {
							marker,
							sshConnection: '',
						}),
					timeoutMs: endSudo.timeoutMs,
					listenMs: loginListenMs,
					signal,
					onOutput: () => undefined,
					onErrorOutput: () => undefined,
					refused: (lastLine) => shellRefused(node, lastLine),
					stuck: (limitMs, lastLine) => loginStuck(node, limitMs, lastLine),
				});
				await call.ended;
			} finally {
				release();
			}
		} catch {
			// The connection went, or the machine is too slow: then it counts what it counts.
		}
	};
};
