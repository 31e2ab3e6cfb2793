import path from 'node:path';
import type {World} from '../../operations/operations.js';
import {policyToSave, type PolicyComparison} from '../../operations/policy.js';
import type {Notice} from '../components/notices.js';
import type {UiOperations} from '../operations.js';
import {shownPath} from '../shown-path.js';
import type {ClusterDocument} from './cluster-document.js';
import {makeCell, type Observable} from './observable.js';
import type {Questions} from './questions.js';
import {toFailure, type Work} from './work.js';

/** The policy of the cluster's tailnet, as far as anybody has asked to see it. */
export type PolicyModel = {
	readonly state: Observable<Work<PolicyComparison>>;
	/** Reads and compares it for the cluster as it is now. */
	readonly look: () => void;
	/** Puts what is missing in force after a yes, and looks again. */
	readonly write: () => Promise<void>;
	/** Saves it in a file of the folder that the program was started in, and asks before it replaces one. Tells how that ended; `undefined` when there is nothing yet. */
	readonly save: () => Promise<Notice | undefined>;
	readonly close: () => void;
};

export const makePolicyModel = (options: {
	readonly document: ClusterDocument;
	readonly world: World;
	readonly operations: UiOperations;
	readonly questions: Questions;
	readonly signal: AbortSignal;
}): PolicyModel => {
	const {document, world, operations, questions} = options;
	const state = makeCell<Work<PolicyComparison>>({phase: 'idle'});
	let running: AbortController | undefined;

	const begin = (): AbortController => {
		running?.abort();
		running = new AbortController();
		return running;
	};

	/** Does something that takes its time, and shows how it ended unless something else has begun since. */
	const run = async (
		controller: AbortController,
		work: (signal: AbortSignal) => Promise<PolicyComparison>,
	): Promise<void> => {
		const startedAt = world.now();
		state.set({phase: 'running', startedAt});
		let outcome: Work<PolicyComparison>;
		try {
			const result = await work(
				AbortSignal.any([options.signal, controller.signal]),
			);
			outcome = {phase: 'done', startedAt, endedAt: world.now(), result};
		} catch (error) {
			outcome = {phase: 'failed', failure: toFailure(error)};
		}

		if (running === controller) {
			state.set(outcome);
		}
	};

	const compare = async (signal: AbortSignal): Promise<PolicyComparison> =>
		operations.comparePolicy(document.cluster.latest(), world, signal);

	return {
		state,
		look() {
			void run(begin(), compare);
		},
		async write() {
			const known = state.latest();
			const inForce = known.phase === 'done' ? known.result.inForce : undefined;
			if (
				inForce === undefined ||
				inForce.changes.length === 0 ||
				inForce.objections.length > 0 ||
				!(await questions.ask({
					title: `Put this in force at ${inForce.server}?`,
					lines: inForce.changes,
					yes: 'write it',
					no: 'leave it as it is',
				}))
			) {
				return;
			}

			await run(begin(), async (signal) => {
				await inForce.write(signal);
				return compare(signal);
			});
		},
		async save() {
			const known = state.latest();
			if (known.phase !== 'done') {
				return undefined;
			}

			const file = path.resolve(
				`${document.cluster.latest().name}-policy.hujson`,
			);
			const shown = shownPath(file);
			try {
				const outcome = await operations.saveFile(
					file,
					policyToSave(known.result),
					async () =>
						questions.ask({
							title: `${shown} is there already. Replace it?`,
							lines: [],
							yes: 'replace it',
							no: 'leave it as it is',
						}),
				);
				return outcome === 'kept'
					? {tone: 'warning', text: `${shown} was left as it is.`}
					: {tone: 'good', text: `The policy is in ${shown}.`};
			} catch (error) {
				return {tone: 'bad', text: toFailure(error).message};
			}
		},
		close() {
			const controller = running;
			running = undefined;
			controller?.abort();
		},
	};
};
