/** The same promise, unless the signal comes first; then its reason. */
export const unlessAborted = async <Value>(
	promise: Promise<Value>,
	signal: AbortSignal,
): Promise<Value> =>
	new Promise((resolve, reject) => {
		const onAbort = () => {
			reject(signal.reason as Error);
		};

		signal.throwIfAborted();
		signal.addEventListener('abort', onAbort, {once: true});
		promise.then(resolve, reject).finally(() => {
			signal.removeEventListener('abort', onAbort);
		});
	});
