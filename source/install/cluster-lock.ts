import {UserError} from '../errors.js';
import type {Host} from '../host/host.js';
import {
	lockRefresh,
	lockRelease,
	lockStaleSeconds,
	lockTake,
	type LockHolder,
	type LockOwner,
} from '../host/scripts/lock.js';
import {aborted, delay} from './wait.js';

/** How often a holder says that it is still at work, in ms; well below the age at which a lock counts as left behind. */
const defaultRefreshMs = 10_000;

/** How long one refresh may take, in ms: one over a connection that has died quietly must not take the place of the next. */
const refreshLimitMs = 8000;

/**
 * Without a refresh for this long, in ms, a holder no longer takes the lock for its own: the age at which somebody else
 * may take it, less what a refresh takes on its way.
 */
const leaseMs = lockStaleSeconds * 1000 - refreshLimitMs;

/** How often the age of the last refresh is looked at, in ms. */
const assessMs = 1000;

/** What a run whose lock was broken may need to notice it, in ms, besides the time between two of its refreshes. */
const noticeMs = 2000;

/** Giving the lock back when all is in order, and when a person wants to be gone, in ms. */
const releaseMs = {calm: 5000, hurried: 1000};

/** Somebody else is at work on the cluster. */
export class ClusterLocked extends UserError {
	readonly holder: LockHolder;

	constructor(holder: LockHolder) {
		super(
			`Another run is at work on this cluster: ${describeHolder(holder)}.`,
			{
				tryNext: [
					'Wait until it has ended, then run the same command again.',
					'If you know that it is not at work any more: the same command with --break-lock, or b on the Install screen.',
				],
			},
		);
		this.name = 'ClusterLocked';
		this.holder = holder;
	}
}

const duration = (seconds: number): string =>
	seconds < 120
		? `${seconds} s`
		: seconds < 7200
			? `${Math.floor(seconds / 60)} min`
			: `${Math.floor(seconds / 3600)} h`;

/** Who holds a lock, since when, and the last sign of life, for people. */
export const describeHolder = ({
	owner,
	heldSeconds,
	ageSeconds,
}: LockHolder): string =>
	`${owner}, for ${duration(heldSeconds)}, last sign of life ${duration(ageSeconds)} ago`;

const takenOver = (): UserError =>
	new UserError(
		'Another run has taken this cluster over: it has broken the lock of this one, or did not hear of it for too long.',
		{tryNext: ['Run the same command again when that run has ended.']},
	);

const lostTouch = (servers: readonly string[], silentMs: number): UserError =>
	new UserError(
		`No server of this cluster has answered for ${duration(Math.round(silentMs / 1000))} (${servers.join(', ')}): its lock may be somebody else's by now.`,
		{
			tryNext: [
				'Look whether the servers run and can be reached, then run the same command again.',
			],
		},
	);

/** May the lock of a run that seems to be at work be taken from it? */
export type MayBreakLock = (holder: LockHolder) => Promise<boolean>;

/** How the lock of a cluster is taken and kept. */
export type LockOptions = {
	/** The servers on which it lies. */
	readonly servers: readonly string[];
	readonly hostOf: (server: string) => Promise<Host>;
	readonly self: LockOwner;
	/** Did the program of that run certainly end? Known only for runs on this machine. */
	readonly isGone: (runId: string) => boolean;
	/** Without it, nobody's lock is broken. */
	readonly mayBreak?: MayBreakLock | undefined;
	/** Ends waiting for the lock; once it is held it is kept until the work has ended. */
	readonly signal: AbortSignal;
	/** Leaves no time for anything. */
	readonly atOnce: AbortSignal;
	/** ms since 1970: a machine that slept notices by it how long. */
	readonly now: () => number;
	/** Between two attempts, in ms. */
	readonly pollMs: number;
	/** How long no server may answer before the lock is given up for lost, in ms, after it could not be relied on any more. */
	readonly limitMs: number;
	/** Between two refreshes, in ms. */
	readonly refreshMs?: number;
	/** Called while the lock is waited for. */
	readonly onWaiting: (text: string) => void;
};

/** The lock while it is held. */
export type LockHold = {
	/** Aborted when somebody else has taken it, or nobody can say any more whether it is ours. */
	readonly lost: AbortSignal;
	/** Can it be relied on now? While it cannot, nothing new must be begun. */
	isConfirmed(): boolean;
	/** Called when that changes. Only one listener. */
	onChange: () => void;
};

/**
 * Takes the lock on one server, or waits while its holder seems to be gone. Throws `ClusterLocked` when the holder is
 * at work. `broken` are the runs whose lock a person has decided to break.
 */
const takeOn = async (
	server: string,
	options: LockOptions,
	broken: Set<string>,
): Promise<void> => {
	const {self, signal, mayBreak} = options;
	const gone = new Set<string>();
	let oldest = 0;
	for (;;) {
		const host = await options.hostOf(server);
		const answer = await host.run(
			lockTake,
			{...self, gone: [...gone, ...broken]},
			{signal},
		);
		if (answer.taken) {
			return;
		}

		const {holder} = answer;
		if (!gone.has(holder.runId) && options.isGone(holder.runId)) {
			gone.add(holder.runId);
			continue;
		}

		if (mayBreak !== undefined) {
			if (!(await mayBreak(holder))) {
				throw new ClusterLocked(holder);
			}

			broken.add(holder.runId);
			continue;
		}

		// It got younger: its holder is there.
		if (holder.ageSeconds < oldest) {
			throw new ClusterLocked(holder);
		}

		oldest = holder.ageSeconds;
		options.onWaiting(
			`waits for the run of ${holder.owner}, which has not been heard of for ${holder.ageSeconds} s (given up at ${lockStaleSeconds} s)`,
		);
		await delay(options.pollMs, signal);
	}
};

/** Says again and again, on each server, that the holder is at work, until `ended`. */
const keep = (
	options: LockOptions,
	ended: AbortSignal,
): {readonly hold: LockHold; readonly settled: Promise<unknown>} => {
	const {servers, self, now, refreshMs = defaultRefreshMs} = options;
	const lost = new AbortController();
	// Both clocks: the one that a person can set, and the one that stands still while this machine sleeps.
	let confirmed = {at: performance.now(), wall: now()};
	let wasConfirmed = true;
	const silentMs = (): number =>
		Math.max(performance.now() - confirmed.at, now() - confirmed.wall);
	const hold: LockHold = {
		lost: lost.signal,
		isConfirmed: () => silentMs() <= leaseMs,
		onChange() {
			// Nobody listens yet.
		},
	};

	const assess = (): void => {
		const silent = silentMs();
		if (silent > leaseMs + options.limitMs) {
			lost.abort(lostTouch(servers, silent));
		}

		if (wasConfirmed !== hold.isConfirmed()) {
			wasConfirmed = !wasConfirmed;
			if (!wasConfirmed) {
				options.onWaiting(
					`waits for ${servers.join(' or ')} to answer: until then nobody can say whether another run has taken this cluster over`,
				);
			}

			hold.onChange();
		}
	};

	const refresh = async (server: string): Promise<void> => {
		const asked = {at: performance.now(), wall: now()};
		try {
			const host = await options.hostOf(server);
			const {held} = await host.run(lockRefresh, self, {
				signal: options.atOnce,
				timeoutMs: refreshLimitMs,
			});
			if (held) {
				confirmed = asked.at > confirmed.at ? asked : confirmed;
			} else {
				lost.abort(takenOver());
			}
		} catch {
			// A server that restarts or a connection that breaks: the next attempt follows soon enough.
		}

		assess();
	};

	const refreshing = servers.map(async (server) => {
		while (!ended.aborted) {
			try {
				await delay(refreshMs, ended);
			} catch {
				return;
			}

			await refresh(server);
		}
	});
	const clock = setInterval(assess, assessMs);
	ended.addEventListener('abort', () => {
		clearInterval(clock);
	});
	return {hold, settled: Promise.allSettled(refreshing)};
};

const release = async (
	servers: readonly string[],
	{hostOf, self, atOnce}: LockOptions,
	/** Refreshes that are under way: one that arrives late would take the lock again. */
	refreshes: Promise<unknown>,
): Promise<void> => {
	const limit = AbortSignal.timeout(
		atOnce.aborted ? releaseMs.hurried : releaseMs.calm,
	);
	const give = async () => {
		await refreshes;
		await Promise.allSettled(
			servers.map(async (server) => {
				const host = await hostOf(server);
				await host.run(lockRelease, {runId: self.runId}, {signal: limit});
			}),
		);
	};

	// What could not be given back gets stale by itself.
	await Promise.race([give(), aborted(limit)]);
};

/**
 * Does something while holding the cluster's lock. It lies on every server, so that runs from two machines exclude
 * each other also when their files do not agree on which server comes first. Throws `ClusterLocked` when somebody else
 * is at work, before anything is done. What is done must end when the hold is lost.
 */
export const withClusterLock = async <Result>(
	options: LockOptions,
	work: (hold: LockHold) => Promise<Result>,
): Promise<Result> => {
	// In one order for all runs, so that of two that begin at once one gets it.
	const servers = options.servers.toSorted();
	const broken = new Set<string>();
	const asked: string[] = [];
	const ended = new AbortController();
	let refreshes: Promise<unknown> = Promise.resolve();
	try {
		for (const server of servers) {
			try {
				await takeOn(server, options, broken);
				asked.push(server);
			} catch (error) {
				// An attempt that was cut short may have succeeded there.
				if (!(error instanceof ClusterLocked)) {
					asked.push(server);
				}

				throw error;
			}
		}

		const {hold, settled} = keep({...options, servers}, ended.signal);
		refreshes = settled;
		if (broken.size > 0) {
			options.onWaiting('gives the other run time to notice, and to stop');
			await delay(
				(options.refreshMs ?? defaultRefreshMs) + noticeMs,
				options.signal,
			);
		}

		return await work(hold);
	} finally {
		ended.abort();
		await release(asked, options, refreshes);
	}
};
