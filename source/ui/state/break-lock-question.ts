import {describeHolder} from '../../install/cluster-lock.js';
import type {LockHolder} from '../../host/scripts/lock.js';
import type {Question} from './questions.js';

/** Asked before the lock of a cluster is taken from another run. */
export const breakLockQuestion = (holder: LockHolder): Question => ({
	title: 'Break the lock of that run?',
	lines: [
		`${describeHolder(holder)}.`,
		'If it is still at work, it notices within seconds, and stops.',
	],
	yes: 'break it and install',
	no: 'leave it',
});
