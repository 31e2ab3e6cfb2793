import {defineScript} from './script.js';

/** The first script as root where sudo asks for a password: that it ran at all is the answer. */
export const becomeRoot = defineScript<Record<string, never>, void>({
	name: 'host.become-root',
	purpose: 'does nothing as root, which shows that sudo takes the password',
	as: 'root',
	timeoutMs: 90_000,
	fields: () => [],
	source: ':\n',
	decode() {
		return undefined;
	},
});
