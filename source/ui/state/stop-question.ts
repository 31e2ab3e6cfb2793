import type {Question} from './questions.js';

/** Asked before a running install is stopped. */
export const stopQuestion: Question = {
	title: 'Stop the install?',
	lines: [
		'Steps that are under way end first; no new ones are begun. Ctrl-C stops at once.',
		'Nothing is taken back: the next run looks at what is there and goes on.',
	],
	yes: 'stop',
	no: 'go on',
};
