/**
 * A signal that aborts with another one, or after a time in ms, whichever comes first. Node lets a timeout signal that
 * only `AbortSignal.any` knows be collected, and its deadline never comes (nodejs/node#57736); a timer of ours holds
 * what it ends. It keeps no process alive.
 */
export const withDeadline = (
	signal: AbortSignal,
	limitMs: number,
): AbortSignal => {
	const deadline = new AbortController();
	setTimeout(() => {
		deadline.abort(
			new DOMException(`It took longer than ${limitMs} ms.`, 'TimeoutError'),
		);
	}, limitMs).unref();
	return AbortSignal.any([signal, deadline.signal]);
};
