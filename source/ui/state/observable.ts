/** A value outside of React that screens watch. */
export type Observable<Value> = {
	readonly get: () => Value;
	/** The newest value, also when its watchers have not been told yet. */
	readonly latest: () => Value;
	/** Calls back after a change. Returns how to stop. */
	readonly subscribe: (listener: () => void) => () => void;
};

/** A value that can be changed. */
export type Cell<Value> = Observable<Value> & {
	readonly set: (value: Value) => void;
	readonly update: (change: (value: Value) => Value) => void;
};

/** The shortest time between two notifications about events, in ms. */
export const eventInterval = 100;

/**
 * Makes a value that can be watched. With an interval (ms), watchers are told at most that often and `get` keeps
 * answering what they were told last: a flood of events then costs a few redraws a second.
 */
export const makeCell = <Value>(
	initial: Value,
	intervalMs = 0,
): Cell<Value> => {
	const listeners = new Set<() => void>();
	let newest = initial;
	let published = initial;
	let timer: NodeJS.Timeout | undefined;
	const publish = () => {
		timer = undefined;
		if (published !== newest) {
			published = newest;
			for (const listener of listeners) {
				listener();
			}
		}
	};

	const set = (value: Value) => {
		newest = value;
		if (intervalMs === 0) {
			publish();
		} else {
			timer ??= setTimeout(publish, intervalMs).unref();
		}
	};

	return {
		get: () => published,
		latest: () => newest,
		set,
		update(change) {
			set(change(newest));
		},
		subscribe(listener) {
			listeners.add(listener);
			return () => {
				listeners.delete(listener);
			};
		},
	};
};
