import {ownSignal} from '../../own-signal.js';
import type {Machine} from './machine.js';
import type {Pace} from './pace.js';

/** All that exists in a simulated world, and how it tells that something has changed. */
export type Scene = {
	readonly machines: readonly Machine[];
	readonly pace: Pace;
	/** ms since 1970. */
	readonly now: () => number;
	/** `a-z0-9`. */
	readonly randomText: (length: number) => string;
	/** 0 to 1. */
	readonly random: () => number;
	/** Says that something has changed. */
	readonly touch: () => void;
	/** Waits for the next change. Throws the signal's reason when it is raised first. */
	readonly change: (signal?: AbortSignal) => Promise<void>;
};

/** Makes an empty stage for these machines. */
export const makeScene = (
	parts: Pick<Scene, 'machines' | 'pace' | 'now' | 'randomText' | 'random'>,
): Scene => {
	const waiting = new Set<() => void>();
	return {
		...parts,
		touch() {
			const woken = [...waiting];
			waiting.clear();
			for (const wake of woken) {
				wake();
			}
		},
		change: async (signal) =>
			new Promise((resolve, reject) => {
				signal?.throwIfAborted();
				const own = signal && ownSignal(signal);
				const wake = () => {
					own?.removeEventListener('abort', onAbort);
					resolve();
				};

				const onAbort = () => {
					waiting.delete(wake);
					reject(signal!.reason as Error);
				};

				waiting.add(wake);
				own?.addEventListener('abort', onAbort, {once: true});
			}),
	};
};
