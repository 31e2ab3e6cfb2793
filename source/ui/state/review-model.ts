import type {Fleet, World} from '../../operations/operations.js';
import type {Plan} from '../../plan/plan.js';
import type {UiOperations} from '../operations.js';
import type {ChecksModel} from './checks-model.js';
import type {ClusterDocument} from './cluster-document.js';
import {makeCell, type Observable} from './observable.js';
import {toFailure, type Work} from './work.js';

export type ReviewModel = {
	readonly state: Observable<Work<Plan>>;
	/** Plans for the cluster and the measurements as they are now. */
	readonly start: () => void;
	readonly close: () => void;
};

export const makeReviewModel = (options: {
	readonly document: ClusterDocument;
	readonly checks: ChecksModel;
	readonly fleet: Fleet;
	readonly world: World;
	readonly operations: UiOperations;
	readonly signal: AbortSignal;
}): ReviewModel => {
	const {document, checks, fleet, world, operations} = options;
	const state = makeCell<Work<Plan>>({phase: 'idle'});
	let running: AbortController | undefined;

	const run = async (controller: AbortController): Promise<void> => {
		const startedAt = world.now();
		state.set({phase: 'running', startedAt});
		let outcome: Work<Plan>;
		try {
			const result = await operations.makePlan({
				cluster: document.cluster.latest(),
				fleet,
				measurements: checks.report()!.measurements,
				signal: AbortSignal.any([options.signal, controller.signal]),
			});
			outcome = {phase: 'done', startedAt, endedAt: world.now(), result};
		} catch (error) {
			outcome = {phase: 'failed', failure: toFailure(error)};
		}

		if (running === controller) {
			state.set(outcome);
		}
	};

	return {
		state,
		start() {
			running?.abort();
			running = new AbortController();
			void run(running);
		},
		close() {
			const controller = running;
			running = undefined;
			controller?.abort();
		},
	};
};
