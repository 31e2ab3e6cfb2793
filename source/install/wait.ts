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

		const timer = setTimeout(() => {
			signal.removeEventListener('abort', onAbort);
			resolve();
		}, milliseconds);
		const onAbort = () => {
			clearTimeout(timer);
			reject(reasonOf(signal));
		};

		signal.addEventListener('abort', onAbort, {once: true});
	});

/** The reason of an aborted signal as an error. */
export const reasonOf = (signal: AbortSignal): Error =>
	signal.reason instanceof Error
		? signal.reason
		: new Error(String(signal.reason));

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
