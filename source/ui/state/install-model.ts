import {describeError} from '../../errors.js';
import type {InstallEvent} from '../../install/events.js';
import {
	emptyInstallState,
	foldInstall,
	isNewWait,
	type InstallState,
} from '../../install/state.js';
import type {
	ApplyResult,
	ApplyRun,
	Fleet,
	World,
} from '../../operations/operations.js';
import type {Plan} from '../../plan/plan.js';
import type {Store} from '../../store/store.js';
import type {RunLogFile, UiOperations} from '../operations.js';
import type {ClusterDocument} from './cluster-document.js';
import {eventInterval, makeCell, type Observable} from './observable.js';
import type {Questions} from './questions.js';
import {toFailure, type Failure} from './work.js';

/** One line of all nodes' logs together, in the order in which they came. */
export type StreamLine = {readonly node: string; readonly text: string};

export type InstallRunState = {
	readonly phase: 'idle' | 'running' | 'stopping' | 'ended';
	readonly install: InstallState;
	/** The newest lines of all nodes. */
	readonly stream: readonly StreamLine[];
	readonly result: ApplyResult | undefined;
	/** Why the run itself broke off. */
	readonly failure: Failure | undefined;
	/** Where the whole log is; `undefined` when it could not be opened. */
	readonly logPath: string | undefined;
	/** When it is meant to be done, by the plan; ms since 1970. */
	readonly expectedEnd: number | undefined;
};

export type InstallModel = {
	readonly state: Observable<InstallRunState>;
	/** Runs a plan from the beginning. */
	readonly start: (plan: Plan) => void;
	/** Tries what a node has not managed again. */
	readonly retry: (node: string) => void;
	/** Runs what another run at work has kept from beginning, and takes the cluster's lock from that one. */
	readonly breakLock: () => void;
	/** Lets running steps end and starts no new ones. */
	readonly stop: () => void;
	/** Resolves when nothing of it runs here any more. */
	readonly settled: () => Promise<void>;
	/** Cuts what is under way, and waits until nothing of it runs here (at most `closeLimitMs`). */
	readonly close: () => Promise<void>;
};

const streamLines = 1000;
const closeLimitMs = 10_000;

const idle: InstallRunState = {
	phase: 'idle',
	install: emptyInstallState,
	stream: [],
	result: undefined,
	failure: undefined,
	logPath: undefined,
	expectedEnd: undefined,
};

/** What an event adds to the stream of lines. */
const streamLine = (
	event: InstallEvent,
	install: InstallState,
): StreamLine | undefined => {
	switch (event.type) {
		case 'log': {
			return {node: event.node, text: event.line};
		}

		case 'step': {
			const title =
				install.nodes.get(event.node)?.steps.find(({id}) => id === event.step)
					?.title ?? event.step;
			return event.state === 'failed'
				? {node: event.node, text: `✖ ${event.message ?? title}`}
				: event.state === 'running'
					? {node: event.node, text: `▸ ${title}`}
					: undefined;
		}

		case 'now': {
			return isNewWait(install.nodes.get(event.node), event)
				? {node: event.node, text: `▲ ${event.text}`}
				: undefined;
		}

		default: {
			return undefined;
		}
	}
};

const withEvent = (
	state: InstallRunState,
	event: InstallEvent,
): InstallRunState => {
	const line = streamLine(event, state.install);
	return {
		...state,
		install: foldInstall(state.install, event),
		stream:
			line === undefined
				? state.stream
				: [...state.stream.slice(-(streamLines - 1)), line],
	};
};

export const makeInstallModel = (options: {
	readonly document: ClusterDocument;
	readonly fleet: Fleet;
	readonly world: World;
	readonly operations: UiOperations;
	readonly store: Store;
	readonly questions: Questions;
	readonly signal: AbortSignal;
}): InstallModel => {
	const {document, fleet, world, operations, store, questions} = options;
	const state = makeCell(idle, eventInterval);
	let controller = new AbortController();
	let ending = new AbortController();
	let run: ApplyRun | undefined;
	let log: RunLogFile | undefined;
	/** All that runs here, retries too. */
	let working: Promise<unknown> = Promise.resolve();
	let open = 0;

	/** Follows a result, of the run or of a retry: the run has ended when nothing of it is open any more. */
	const follow = async (result: Promise<ApplyResult>): Promise<void> => {
		open += 1;
		try {
			const ended = await result;
			state.update((known) => ({...known, result: ended}));
		} catch (error) {
			state.update((known) => ({...known, failure: toFailure(error)}));
		}

		open -= 1;
		if (open === 0) {
			state.update((known) => ({...known, phase: 'ended'}));
		}
	};

	const openLog = async (): Promise<void> => {
		try {
			log = await operations.openRunLog({
				path: store.runLogPath(document.cluster.latest().name, world.now()),
				world,
			});
			const {path} = log;
			state.update((known) => ({...known, logPath: path}));
		} catch (error) {
			state.update((known) => ({
				...known,
				stream: [
					...known.stream,
					{
						node: '',
						text: `No log of this run is kept: ${describeError(error)}`,
					},
				],
			}));
		}
	};

	const closeLog = async (): Promise<void> => {
		const closing = log;
		log = undefined;
		try {
			await closing?.close();
		} catch {
			// The log is for people; the run does not depend on it.
		}
	};

	const begin = async (plan: Plan): Promise<void> => {
		await closeLog();
		await openLog();
		run = operations.startApply({
			cluster: document.cluster.latest(),
			plan,
			fleet,
			world,
			askSecret: async (question) => questions.askSecret(question),
			signal: controller.signal,
			ending: ending.signal,
			onEvent(event) {
				log?.write(event);
				state.update((known) => withEvent(known, event));
			},
		});
		await follow(run.result);
	};

	/** Goes on with a run that has come to its end, or is about to. */
	const again = (work: (known: ApplyRun) => Promise<ApplyResult>): void => {
		if (run === undefined || ending.signal.aborted) {
			return;
		}

		state.update((known) => ({
			...known,
			phase: 'running',
			expectedEnd: undefined,
		}));
		working = Promise.all([working, follow(work(run))]);
	};

	return {
		state,
		start(plan) {
			controller = new AbortController();
			ending = new AbortController();
			state.set({
				...idle,
				phase: 'running',
				expectedEnd: world.now() + plan.estimateSeconds * 1000,
			});
			working = begin(plan);
		},
		retry(node) {
			again(async (known) => known.retry(node));
		},
		breakLock() {
			again(async (known) => known.breakLock());
		},
		stop() {
			state.update((known) =>
				known.phase === 'running' ? {...known, phase: 'stopping'} : known,
			);
			ending.abort();
		},
		async settled() {
			await working;
		},
		async close() {
			ending.abort();
			controller.abort();
			let timer: NodeJS.Timeout | undefined;
			await Promise.race([
				working,
				new Promise((resolve) => {
					timer = setTimeout(resolve, closeLimitMs);
				}),
			]);
			clearTimeout(timer);
			await closeLog();
		},
	};
};
