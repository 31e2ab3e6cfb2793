import type {Role} from '../cluster/schema.js';
import type {InstallStage, Stage, StepId} from '../plan/plan.js';
import type {
	InstallEvent,
	NodeEnd,
	Proof,
	RunOutcome,
	StepState,
} from './events.js';

/** How many lines of a node's log the state keeps; the run log has all. */
export const logTailLines = 500;

/** The state of one column of a node. */
export type StageState =
	/** The plan has nothing to do there. */
	'none' | StepState;

/** Why a node does not go on. */
export type NodeFailure = {
	readonly step: StepId;
	readonly stage: Stage;
	readonly message: string;
	readonly tryNext: readonly string[];
};

/** A step of a node as far as it got. */
export type StepProgress = {
	readonly id: StepId;
	readonly stage: Stage;
	readonly title: string;
	readonly state: StepState;
};

/** What a row of the grid shows. */
export type NodeState = {
	readonly name: string;
	readonly role: Role;
	readonly steps: readonly StepProgress[];
	readonly stages: Readonly<Record<InstallStage, StageState>>;
	/** All its steps together. */
	readonly state: StepState;
	/** When its first step began, and when it last stopped working; ms since 1970. */
	readonly startedAt: number | undefined;
	readonly endedAt: number | undefined;
	/** What it does now. */
	readonly now: string;
	/** Does it wait for something outside of itself? */
	readonly waiting: boolean;
	/** When that wait gives up, ms since 1970. */
	readonly deadlineAt: number | undefined;
	readonly progress:
		| {readonly doneBytes: number; readonly totalBytes: number | undefined}
		| undefined;
	readonly failure: NodeFailure | undefined;
	/** The newest lines, oldest first; a step that begins is one, with `▸` before its title, and what is waited for, with `▲`. */
	readonly log: readonly string[];
};

/** A run as screens show it: the fold of its events. */
export type InstallState = {
	readonly runId: string;
	readonly cluster: string;
	readonly version: string;
	readonly startedAt: number;
	/** When the run ended; `undefined` while it goes on. */
	readonly endedAt: number | undefined;
	readonly nodes: ReadonlyMap<string, NodeState>;
	/** What the newest verification of each node showed. */
	readonly proofs: readonly Proof[];
	readonly outcome: RunOutcome | undefined;
	readonly changed: boolean;
	readonly message: string;
	/** While a stop waits for them: the steps that are still under way. */
	readonly stopping:
		Extract<InstallEvent, {type: 'stopping'}>['steps'] | undefined;
	/** What state the run left each node in; empty until it has ended. */
	readonly ends: readonly NodeEnd[];
};

/** Before anything has been told. */
export const emptyInstallState: InstallState = {
	runId: '',
	cluster: '',
	version: '',
	startedAt: 0,
	endedAt: undefined,
	nodes: new Map(),
	proofs: [],
	outcome: undefined,
	changed: false,
	message: '',
	stopping: undefined,
	ends: [],
};

/** Which state speaks for several, the most urgent first. */
const urgency: readonly StepState[] = ['failed', 'running', 'skipped'];

const combine = (states: readonly StepState[]): StepState => {
	const urgent = urgency.find((state) => states.includes(state));
	if (urgent) {
		return urgent;
	}

	if (states.includes('waiting')) {
		return states.every((state) => state === 'waiting') ? 'waiting' : 'running';
	}

	return states.includes('changed') ? 'changed' : 'unchanged';
};

const stageStates = (
	steps: readonly StepProgress[],
): Record<InstallStage, StageState> => {
	const stateOf = (stage: InstallStage): StageState => {
		const states = steps
			.filter((step) => step.stage === stage)
			.map(({state}) => state);
		return states.length === 0 ? 'none' : combine(states);
	};

	return {
		// A run has only nodes that we have reached.
		reach: 'unchanged',
		prepare: stateOf('prepare'),
		download: stateOf('download'),
		configure: stateOf('configure'),
		start: stateOf('start'),
		join: stateOf('join'),
		ready: stateOf('ready'),
		verify: stateOf('verify'),
	};
};

/** Between two steps a node waits for its turn; the row says so rather than that it is running. */
const nodeStateOf = (steps: readonly StepProgress[]): StepState => {
	const states = steps.map(({state}) => state);
	const combined = combine(states);
	return combined === 'running' && !states.includes('running')
		? 'waiting'
		: combined;
};

const isEnd = (state: StepState): boolean =>
	state === 'changed' ||
	state === 'unchanged' ||
	state === 'failed' ||
	state === 'skipped';

const withLine = (log: readonly string[], line: string): readonly string[] => [
	...log.slice(-(logTailLines - 1)),
	line,
];

/** Does a node begin to wait for something else? Such a sentence may say what a person has to do. */
export const isNewWait = (
	node: NodeState | undefined,
	{waiting, text}: Extract<InstallEvent, {type: 'now'}>,
): boolean => waiting && !(node?.waiting === true && node.now === text);

const applyStep = (
	node: NodeState,
	event: Extract<InstallEvent, {type: 'step'}>,
): NodeState => {
	const steps = node.steps.map((step) =>
		step.id === event.step ? {...step, state: event.state} : step,
	);
	const title = steps.find(({id}) => id === event.step)?.title ?? event.step;
	const failure: NodeFailure | undefined =
		event.state === 'failed'
			? {
					step: event.step,
					stage: event.stage,
					message: event.message ?? `${title} failed`,
					tryNext: event.tryNext ?? [],
				}
			: node.failure?.step === event.step
				? undefined
				: node.failure;
	const changes: Partial<NodeState> =
		event.state === 'running'
			? {
					log: withLine(node.log, `▸ ${title}`),
					startedAt: node.startedAt ?? event.at,
					endedAt: undefined,
					now: title,
					waiting: false,
					deadlineAt: undefined,
					progress: undefined,
				}
			: isEnd(event.state)
				? {
						endedAt: node.startedAt === undefined ? undefined : event.at,
						now: event.state === 'failed' ? (failure?.message ?? '') : '',
						waiting: false,
						deadlineAt: undefined,
						progress: undefined,
					}
				: {};
	return {
		...node,
		...changes,
		steps,
		stages: stageStates(steps),
		state: nodeStateOf(steps),
		failure,
	};
};

const updateNode = (
	state: InstallState,
	name: string,
	update: (node: NodeState) => NodeState,
): InstallState => {
	const node = state.nodes.get(name);
	if (!node) {
		return state;
	}

	const nodes = new Map(state.nodes);
	nodes.set(name, update(node));
	return {...state, nodes};
};

const start = (
	event: Extract<InstallEvent, {type: 'run-started'}>,
): InstallState => ({
	...emptyInstallState,
	runId: event.runId,
	cluster: event.cluster,
	version: event.version,
	startedAt: event.at,
	nodes: new Map(
		event.nodes.map((node) => {
			const steps = node.steps.map((step) => ({
				...step,
				state: 'waiting' as const,
			}));
			return [
				node.name,
				{
					name: node.name,
					role: node.role,
					steps,
					stages: stageStates(steps),
					state: nodeStateOf(steps),
					startedAt: undefined,
					endedAt: undefined,
					now: '',
					waiting: false,
					deadlineAt: undefined,
					progress: undefined,
					failure: undefined,
					log: [],
				},
			];
		}),
	),
});

/** The state after one more event. Pure. A step that runs again, by retry, opens an ended run again. */
export const foldInstall = (
	state: InstallState,
	event: InstallEvent,
): InstallState => {
	switch (event.type) {
		case 'run-started': {
			return start(event);
		}

		case 'step': {
			const next = updateNode(state, event.node, (node) =>
				applyStep(node, event),
			);
			if (event.state !== 'running') {
				return next;
			}

			return {
				...next,
				endedAt: undefined,
				outcome: undefined,
				message: '',
				ends: [],
				proofs:
					event.stage === 'verify'
						? next.proofs.filter(({from}) => from !== event.node)
						: next.proofs,
			};
		}

		case 'now': {
			return updateNode(state, event.node, (node) => ({
				...node,
				log: isNewWait(node, event)
					? withLine(node.log, `▲ ${event.text}`)
					: node.log,
				now: event.text,
				waiting: event.waiting,
				deadlineAt: event.deadlineAt,
			}));
		}

		case 'progress': {
			return updateNode(state, event.node, (node) => ({
				...node,
				progress: {doneBytes: event.doneBytes, totalBytes: event.totalBytes},
			}));
		}

		case 'log': {
			return updateNode(state, event.node, (node) => ({
				...node,
				log: withLine(node.log, event.line),
			}));
		}

		case 'proof': {
			return {
				...state,
				proofs: [...state.proofs, event.proof],
			};
		}

		case 'stopping': {
			return {...state, stopping: event.steps};
		}

		case 'run-ended': {
			const nodes = new Map(state.nodes);
			for (const {node, state: end, text} of event.nodes) {
				const known = nodes.get(node);
				if (known !== undefined && (end === 'partly' || end === 'untouched')) {
					nodes.set(node, {...known, now: text});
				}
			}

			return {
				...state,
				nodes,
				ends: event.nodes,
				stopping: undefined,
				endedAt: event.at,
				outcome: event.outcome,
				changed: event.changed,
				message: event.message,
			};
		}
	}
};
