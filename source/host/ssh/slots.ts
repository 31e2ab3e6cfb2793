/** A number of places of which each holder has one; others wait in a row. */
export type Slots = {
	/** Waits for a place. The returned function gives it back; calling it twice is safe. Throws the signal's reason. */
	take(signal: AbortSignal): Promise<() => void>;
};

/** Places for so many holders at once. */
export const makeSlots = (count: number): Slots => {
	let free = count;
	const waiting: Array<() => void> = [];

	const makeRelease = () => {
		let released = false;
		return () => {
			if (released) {
				return;
			}

			released = true;
			const next = waiting.shift();
			if (next) {
				next();
			} else {
				free += 1;
			}
		};
	};

	return {
		async take(signal) {
			signal.throwIfAborted();
			if (free > 0) {
				free -= 1;
				return makeRelease();
			}

			return new Promise((resolve, reject) => {
				const grant = () => {
					signal.removeEventListener('abort', leave);
					resolve(makeRelease());
				};

				const leave = () => {
					waiting.splice(waiting.indexOf(grant), 1);
					reject(signal.reason as Error);
				};

				waiting.push(grant);
				signal.addEventListener('abort', leave, {once: true});
			});
		},
	};
};
