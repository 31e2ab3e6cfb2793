import {UserError, describeError} from '../../errors.js';

/** A piece of work that a screen shows while it runs and after. Times in ms since 1970. */
export type Work<Result> =
	| {readonly phase: 'idle'}
	| {readonly phase: 'running'; readonly startedAt: number}
	| {
			readonly phase: 'done';
			readonly startedAt: number;
			readonly endedAt: number;
			readonly result: Result;
	  }
	| {readonly phase: 'failed'; readonly failure: Failure};

/** Why something did not work, for people. */
export type Failure = {
	readonly message: string;
	readonly tryNext: readonly string[];
};

/** What to tell a person about a thrown value. */
export const toFailure = (error: unknown): Failure => ({
	message: describeError(error),
	tryNext: error instanceof UserError ? error.tryNext : [],
});
