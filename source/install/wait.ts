import {DeadlineExceeded, ScriptFailed} from '../host/errors.js';
import {ownSignal} from '../own-signal.js';

/** Waits, or rejects with the signal's reason as soon as it is aborted. */
export const delay = async (
	milliseconds: number,
	signal: AbortSignal,
): Promise<void> =>
	new Promise((resolve, reject) => {
		if (signal.aborted) {
			reject(reasonOf(signal));
			return;
		}

		const own = ownSignal(signal);
		const timer = setTimeout(() => {
			own.removeEventListener('abort', onAbort);
			resolve();
		}, milliseconds);
		const onAbort = () => {
			clearTimeout(timer);
			reject(reasonOf(signal));
		};

		own.addEventListener('abort', onAbort, {once: true});
	});

/** Resolves as soon as the signal is aborted. */
export const aborted = async (signal: AbortSignal): Promise<void> =>
	new Promise((resolve) => {
		if (signal.aborted) {
			resolve();
		} else {
			ownSignal(signal).addEventListener(
				'abort',
				() => {
					resolve();
				},
				{once: true},
			);
		}
	});

/** The reason of an aborted signal as an error. */
export const reasonOf = (signal: AbortSignal): Error =>
	signal.reason instanceof Error
		? signal.reason
		: new Error(String(signal.reason));

/** An error that says only that the API did not answer now: a server that starts takes its time. */
export type Passing = ScriptFailed | DeadlineExceeded;

export const mayPass = (error: unknown): error is Passing =>
	error instanceof ScriptFailed || error instanceof DeadlineExceeded;

/** An error that may pass as an answer, so that whoever polls asks again. */
export const orPassing = async <Answer>(
	asked: Promise<Answer>,
): Promise<Answer | Passing> => {
	try {
		return await asked;
	} catch (error) {
		if (mayPass(error)) {
			return error;
		}

		throw error;
	}
};

/** Tries again, with a pause, until the answer is good or the time is over. Returns the last answer. */
export const poll = async <Answer>(options: {
	readonly ask: () => Promise<Answer>;
	readonly good: (answer: Answer) => boolean;
	readonly pauseMs: number;
	/** By this program's monotonic clock. */
	readonly limitMs: number;
	readonly signal: AbortSignal;
	readonly onAnswer?: (answer: Answer) => void;
}): Promise<Answer> => {
	const end = performance.now() + options.limitMs;
	for (;;) {
		const answer = await options.ask();
		if (options.good(answer)) {
			return answer;
		}

		options.onAnswer?.(answer);
		if (performance.now() + options.pauseMs > end) {
			return answer;
		}

		await delay(options.pauseMs, options.signal);
	}
};
