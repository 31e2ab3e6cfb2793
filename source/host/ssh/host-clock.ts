/** How long a host has kept us waiting: the time that a person takes to answer is not the host's. */
export type HostClock = {
	/** Calls back once the host has let this many ms pass without anything to do for us. */
	start(limitMs: number, onLimit: () => void): void;
	/** Stops the clock while something on our side takes its time; afterwards it begins anew. */
	hold<Value>(work: () => Promise<Value>): Promise<Value>;
	/** Is something on our side taking its time? */
	isHeld(): boolean;
	/** Ends when nothing on our side takes its time any more. */
	released(): Promise<void>;
	stop(): void;
};

export const makeHostClock = (): HostClock => {
	const working = new Set<Promise<unknown>>();
	let timer: NodeJS.Timeout | undefined;
	let restart: (() => void) | undefined;
	const stopTimer = () => {
		clearTimeout(timer);
		timer = undefined;
	};

	return {
		start(limitMs, onLimit) {
			restart = () => {
				stopTimer();
				timer = setTimeout(onLimit, limitMs);
			};

			if (working.size === 0) {
				restart();
			}
		},
		async hold(work) {
			stopTimer();
			const running = work();
			working.add(running);
			try {
				return await running;
			} finally {
				working.delete(running);
				if (working.size === 0) {
					restart?.();
				}
			}
		},
		isHeld: () => working.size > 0,
		async released() {
			while (working.size > 0) {
				await Promise.allSettled(working);
			}
		},
		stop() {
			restart = undefined;
			stopTimer();
		},
	};
};
