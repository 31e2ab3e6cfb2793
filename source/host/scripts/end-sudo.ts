import {defineScript} from './script.js';

/**
 * Ends a sudo of ours that waits at a prompt. It must not come to the end of its input there: PAM would take that for
 * one more wrong password, and count it. Until it has let somebody in, it belongs to who started it.
 */
export const endSudo = defineScript<{readonly pid: number}, void>({
	name: 'host.end-sudo',
	purpose: 'ends a sudo that was started here and waits for a password',
	as: 'login',
	timeoutMs: 10_000,
	fields: ({pid}) => [{name: 'pid', value: String(pid)}],
	source: 'kill -KILL "$pid"\n',
	decode() {
		return undefined;
	},
});
