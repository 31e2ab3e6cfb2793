import {answerLines, wholeNumber} from './answer-lines.js';
import {defineScript} from './script.js';

/** Reads the host's clock, in whole seconds since 1970. */
export const hostClock = defineScript<Record<string, never>, number>({
	name: 'host.clock',
	purpose: 'reads the clock of the machine',
	as: 'login',
	timeoutMs: 30_000,
	fields: () => [],
	source: String.raw`
printf 'clock %s\n' "$(date +%s)"
`,
	decode: ({stdout}) => wholeNumber(answerLines(stdout).one('clock')),
});
