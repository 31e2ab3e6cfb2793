import type {
	Fleet,
	KubeconfigResult,
	World,
} from '../../operations/operations.js';
import type {Store} from '../../store/store.js';
import type {UiOperations} from '../operations.js';
import type {ClusterDocument} from './cluster-document.js';
import {makeCell, type Observable} from './observable.js';
import type {Questions} from './questions.js';
import {toFailure, type Work} from './work.js';

export type HandoverModel = {
	readonly state: Observable<Work<KubeconfigResult>>;
	/** Fetches the kubeconfig and merges it, unless that is done or under way. */
	readonly start: () => void;
};

export const makeHandoverModel = (options: {
	readonly document: ClusterDocument;
	readonly fleet: Fleet;
	readonly world: World;
	readonly operations: UiOperations;
	readonly store: Store;
	readonly questions: Questions;
	readonly signal: AbortSignal;
}): HandoverModel => {
	const {document, fleet, world, operations, store, questions, signal} =
		options;
	const state = makeCell<Work<KubeconfigResult>>({phase: 'idle'});

	const run = async (): Promise<void> => {
		const startedAt = world.now();
		state.set({phase: 'running', startedAt});
		try {
			const result = await operations.fetchKubeconfig({
				cluster: document.cluster.latest(),
				fleet,
				world,
				signal,
				...(store.kubeconfigPath === undefined
					? {}
					: {path: store.kubeconfigPath}),
				confirmReplace: async (context) =>
					questions.ask({
						title: `Your kubeconfig has a context "${context}" that this program did not make.`,
						lines: ['The file as it is now would be kept beside it.'],
						yes: 'replace that context',
						no: 'leave it as it is',
					}),
			});
			state.set({phase: 'done', startedAt, endedAt: world.now(), result});
		} catch (error) {
			state.set({phase: 'failed', failure: toFailure(error)});
		}
	};

	return {
		state,
		start() {
			const {phase} = state.get();
			if (phase === 'idle' || phase === 'failed') {
				void run();
			}
		},
	};
};
