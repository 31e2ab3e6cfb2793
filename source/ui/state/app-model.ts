import {formatProblems, parseClusterText} from '../../cluster/file.js';
import {
	clusterSchema,
	emptyCluster,
	type Cluster,
} from '../../cluster/schema.js';
import {UserError, exitCodes, type ExitCode} from '../../errors.js';
import type {World} from '../../operations/operations.js';
import type {ClusterProgress} from '../../store/preferences.js';
import type {Store} from '../../store/store.js';
import type {UiOperations} from '../operations.js';
import {makeClusterSession, type ClusterSession} from './cluster-session.js';
import {sessionSummary} from './session-summary.js';
import {makeCell, type Cell, type Observable} from './observable.js';
import {resumeStep, type WizardStep} from './steps.js';
import {toFailure, type Failure} from './work.js';

/** A cluster that Home offers. */
export type SavedCluster = {
	readonly name: string;
	readonly path: string;
	readonly progress: ClusterProgress | undefined;
	/** ms since 1970; `undefined` when the file came from elsewhere. */
	readonly usedAt: number | undefined;
	readonly nodeCount: number | undefined;
};

/** How the program ends, and what it says after the screen is given back. */
export type AppEnd = {
	readonly exitCode: ExitCode;
	readonly summary: readonly string[];
};

/** A simulated world with everything that the demo needs. */
export type Demo = {
	readonly world: World;
	readonly store: Store;
	/** What the demo begins with. */
	readonly cluster: Cluster;
	/** Removes what the demo wrote. */
	readonly remove: () => Promise<void>;
};

export type Home = {
	readonly clusters: readonly SavedCluster[];
	readonly failure: Failure | undefined;
};

export type AppModel = {
	/** The cluster that is open; `undefined` shows Home. */
	readonly session: Observable<ClusterSession | undefined>;
	readonly home: Observable<Home>;
	readonly help: Cell<boolean>;
	/** What SSH did or left out without a question, each said once; the newest last. */
	readonly notes: Observable<readonly string[]>;
	readonly canDemo: boolean;
	readonly now: () => number;
	/** Is the name free and valid? Returns what is wrong with it. */
	readonly nameProblem: (name: string) => string | undefined;
	readonly createCluster: (name: string) => void;
	readonly openCluster: (name: string) => Promise<void>;
	readonly openDemo: () => Promise<void>;
	/** Back to Home. */
	readonly closeSession: () => Promise<void>;
	/** Ends the program. */
	readonly quit: (exitCode?: ExitCode) => Promise<void>;
	/**
	 * Ends the program as Ctrl-C does: a running install first stops in good order, and is cut when it is called again.
	 */
	readonly interrupt: () => Promise<void>;
	/** Resolves when the program should end. */
	readonly ended: Promise<AppEnd>;
	/** Reads the list of clusters anew. */
	readonly refresh: () => Promise<void>;
};

export const makeAppModel = (options: {
	readonly world: World;
	readonly store: Store;
	readonly operations: UiOperations;
	readonly openDemo?: (() => Promise<Demo>) | undefined;
	readonly reactionMs?: number | undefined;
	readonly notes?: Observable<readonly string[]> | undefined;
}): AppModel => {
	const {world, store, operations, reactionMs} = options;
	const notes = options.notes ?? makeCell<readonly string[]>([]);
	const session = makeCell<ClusterSession | undefined>(undefined);
	const home = makeCell<Home>({clusters: [], failure: undefined});
	const help = makeCell(false);
	let resolveEnd: (end: AppEnd) => void;
	const ended = new Promise<AppEnd>((resolve) => {
		resolveEnd = resolve;
	});
	let removeDemo: (() => Promise<void>) | undefined;
	let ending: Promise<void> | undefined;

	const readCluster = async (name: string): Promise<Cluster> => {
		const path = store.files.path(name);
		const text = await store.files.read(name);
		if (text === undefined) {
			throw new UserError(`The file of ${name} is gone: ${path}`);
		}

		const parsed = parseClusterText(text);
		if (!parsed.ok) {
			throw new UserError(formatProblems(parsed.problems, path).join('\n'), {
				tryNext: ['Mend the file in an editor, then open the cluster again.'],
			});
		}

		return parsed.cluster;
	};

	const open = (cluster: Cluster, step: WizardStep) => {
		session.set(
			makeClusterSession({cluster, step, world, store, operations, reactionMs}),
		);
	};

	const closeSession = async (): Promise<void> => {
		const open = session.latest();
		session.set(undefined);
		await open?.close();
		await removeDemo?.();
		removeDemo = undefined;
	};

	const refresh = async (): Promise<void> => {
		const known = store.preferences.clusters();
		const names = await store.files.list();
		const order = [
			...known.map(({name}) => name).filter((name) => names.includes(name)),
			...names.filter((name) => !known.some((entry) => entry.name === name)),
		];
		const clusters = await Promise.all(
			order.map(async (name): Promise<SavedCluster> => {
				const entry = known.find((candidate) => candidate.name === name);
				let nodeCount: number | undefined;
				try {
					const {nodes} = await readCluster(name);
					nodeCount = nodes.length;
				} catch {
					// Opening it says what is wrong with it.
				}

				return {
					name,
					path: store.files.path(name),
					progress: entry?.progress,
					usedAt: entry?.usedAt,
					nodeCount,
				};
			}),
		);
		home.set({clusters, failure: undefined});
	};

	const quit = async (exitCode?: ExitCode): Promise<void> => {
		ending ??= (async () => {
			const open = session.latest();
			await open?.close();
			const summary = open === undefined ? undefined : sessionSummary(open);
			await removeDemo?.();
			resolveEnd({
				exitCode: exitCode ?? summary?.exitCode ?? exitCodes.good,
				summary: summary?.lines ?? [],
			});
		})();
		return ending;
	};

	return {
		session,
		home,
		help,
		notes,
		canDemo: options.openDemo !== undefined,
		now: () => world.now(),
		nameProblem(name) {
			if (home.get().clusters.some((cluster) => cluster.name === name)) {
				return `There is a cluster named ${name} already: choose it in the list, or take another name.`;
			}

			const parsed = clusterSchema.shape.name.safeParse(name);
			return parsed.success ? undefined : parsed.error.issues[0]!.message;
		},
		createCluster(name) {
			open(emptyCluster(name), 'nodes');
		},
		async openCluster(name) {
			try {
				const cluster = await readCluster(name);
				const entry = store.preferences
					.clusters()
					.find((candidate) => candidate.name === name);
				open(cluster, resumeStep(entry?.progress ?? 'nodes'));
			} catch (error) {
				const {message} = error instanceof Error ? error : toFailure(error);
				home.update((state) => ({
					...state,
					failure: {
						message,
						tryNext: ['Mend the file with an editor, then open it again.'],
					},
				}));
			}
		},
		async openDemo() {
			const demo = await options.openDemo?.();
			if (demo !== undefined) {
				removeDemo = demo.remove;
				session.set(
					makeClusterSession({...demo, step: 'nodes', operations, reactionMs}),
				);
			}
		},
		async closeSession() {
			await closeSession();
			await refresh();
		},
		quit,
		async interrupt() {
			const install = session.latest()?.install;
			if (install?.state.latest().phase === 'running') {
				install.stop();
				await install.settled();
			}

			await quit(exitCodes.stopped);
		},
		ended,
		refresh,
	};
};
