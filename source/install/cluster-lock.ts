import {UserError} from '../errors.js';
import type {Host} from '../host/host.js';
import {
	lockRefresh,
	lockRelease,
	lockStaleSeconds,
	lockTake,
	type LockAnswer,
	type LockOwner,
} from '../host/scripts/lock.js';
import {delay, reasonOf} from './wait.js';

/** How often a holder says that it is still at work, in ms; well below the age at which a lock counts as left behind. */
const refreshMs = 10_000;

/** How the lock of a cluster is taken. */
export type LockOptions = {
	readonly firstServer: () => Promise<Host>;
	readonly self: LockOwner;
	/** Did the program of that run certainly end? Known only for runs on this machine. */
	readonly isGone: (runId: string) => boolean;
	readonly signal: AbortSignal;
	/** Between two attempts, in ms. */
	readonly pollMs: number;
	/** Called while somebody else holds it. */
	readonly onWaiting: (text: string) => void;
};

const takenByOther = ({owner}: LockOwner): UserError =>
	new UserError(`Another run is at work on this cluster: ${owner}.`, {
		tryNext: ['Wait until it has ended, then run the same command again.'],
	});

/** Takes the lock, or waits while its holder seems to be gone. Throws when the holder is at work. */
const take = async (options: LockOptions): Promise<void> => {
	const {self, signal} = options;
	let gone: readonly string[] = [];
	let oldest = 0;
	for (;;) {
		const host = await options.firstServer();
		const answer: LockAnswer = await host.run(
			lockTake,
			{...self, gone},
			{signal},
		);
		if (answer.taken) {
			return;
		}

		const {holder, ageSeconds} = answer;
		if (gone.length === 0 && options.isGone(holder.runId)) {
			gone = [holder.runId];
			continue;
		}

		// It got younger: its holder is there.
		if (ageSeconds < oldest) {
			throw takenByOther(holder);
		}

		oldest = ageSeconds;
		options.onWaiting(
			`waits for the run of ${holder.owner}, which has not been heard of for ${ageSeconds} s (given up at ${lockStaleSeconds} s)`,
		);
		await delay(options.pollMs, signal);
	}
};

/**
 * Does something while holding the cluster's lock, which lies on its first server, so that runs from two machines
 * exclude each other too. The signal that is handed over is aborted when the lock is lost.
 */
export const withClusterLock = async <Result>(
	options: LockOptions,
	work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
	await take(options);
	const lost = new AbortController();
	const refresh = async () => {
		try {
			const host = await options.firstServer();
			const {held} = await host.run(lockRefresh, options.self, {
				signal: options.signal,
			});
			if (!held) {
				lost.abort(
					new UserError('Another run has taken this cluster over meanwhile.', {
						tryNext: ['Run the same command again when it has ended.'],
					}),
				);
			}
		} catch {
			// A server that restarts or a connection that breaks: the next attempt follows soon enough.
		}
	};

	const timer = setInterval(() => {
		void refresh();
	}, refreshMs);
	try {
		const result = await work(AbortSignal.any([options.signal, lost.signal]));
		if (lost.signal.aborted) {
			throw reasonOf(lost.signal);
		}

		return result;
	} finally {
		clearInterval(timer);
		try {
			const host = await options.firstServer();
			await host.run(
				lockRelease,
				{runId: options.self.runId},
				{signal: AbortSignal.timeout(5000)},
			);
		} catch {
			// It gets stale by itself.
		}
	}
};
