import {setImmediate as soon} from 'node:timers/promises';
import {ownSignal} from '../../own-signal.js';

/**
 * How fast the simulated world goes: 1 as fast as people expect of real machines, 0 as fast as it can. Waiting ends
 * early, by throwing the signal's reason, when the signal is raised.
 */
export type Pace = {
	/** Waits as long as something of this length, in ms, takes. */
	pass(milliseconds: number, signal?: AbortSignal): Promise<void>;
	/** Is there no waiting at all? */
	readonly atOnce: boolean;
};

/** A pace with this factor. */
export const makePace = (factor: number): Pace => ({
	atOnce: factor === 0,
	async pass(milliseconds, signal) {
		signal?.throwIfAborted();
		if (factor === 0) {
			await soon();
			signal?.throwIfAborted();
			return;
		}

		const own = signal && ownSignal(signal);
		await new Promise<void>((resolve, reject) => {
			const onAbort = () => {
				clearTimeout(timer);
				reject(signal!.reason as Error);
			};

			const timer = setTimeout(() => {
				own?.removeEventListener('abort', onAbort);
				resolve();
			}, milliseconds * factor);
			own?.addEventListener('abort', onAbort, {once: true});
			if (signal === undefined) {
				// What goes on behind the scene keeps nobody from leaving.
				timer.unref();
			}
		});
	},
});
