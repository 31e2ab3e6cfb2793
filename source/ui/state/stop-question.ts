import type {Question} from './questions.js';

/** Asked before a running install is stopped. */
export const stopQuestion: Question = {
	title: 'Stop the install?',
	lines: [
		'Steps that run on the nodes end by themselves; no new ones are started.',
		'Nothing is lost: the next run looks at what is there and goes on.',
	],
	yes: 'stop',
	no: 'go on',
};
