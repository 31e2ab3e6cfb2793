import type {Cluster} from '../../cluster/schema.js';
import type {Fleet, World} from '../../operations/operations.js';
import type {Store} from '../../store/store.js';
import type {UiOperations} from '../operations.js';
import {makeChecksModel, type ChecksModel} from './checks-model.js';
import {makeClusterDocument, type ClusterDocument} from './cluster-document.js';
import {makeHandoverModel, type HandoverModel} from './handover-model.js';
import {makePolicyModel, type PolicyModel} from './policy-model.js';
import {makeInstallModel, type InstallModel} from './install-model.js';
import {makeNodesModel, type NodesModel} from './nodes-model.js';
import {makeCell, type Observable} from './observable.js';
import {hostKeyQuestion, makeQuestions, type Questions} from './questions.js';
import {makeReviewModel, type ReviewModel} from './review-model.js';
import type {WizardStep} from './steps.js';

/** The work on one cluster: everything behind the screens from Nodes to Done. */
export type ClusterSession = {
	readonly world: World;
	readonly store: Store;
	readonly operations: UiOperations;
	readonly document: ClusterDocument;
	readonly fleet: Fleet;
	readonly questions: Questions;
	readonly nodes: NodesModel;
	readonly checks: ChecksModel;
	readonly review: ReviewModel;
	readonly install: InstallModel;
	readonly handover: HandoverModel;
	readonly policy: PolicyModel;
	readonly step: Observable<WizardStep>;
	/** Shows another step and starts what it shows. */
	readonly go: (step: WizardStep) => void;
	/** Stops all work, saves, and closes the connections. */
	readonly close: () => Promise<void>;
};

export const makeClusterSession = (options: {
	readonly cluster: Cluster;
	readonly step: WizardStep;
	readonly world: World;
	readonly store: Store;
	readonly operations: UiOperations;
	readonly reactionMs?: number | undefined;
}): ClusterSession => {
	const {world, store, operations} = options;
	const controller = new AbortController();
	const {signal} = controller;
	const questions = makeQuestions(options.reactionMs);
	const document = makeClusterDocument(options.cluster, store.files);
	const fleet = operations.openFleet({
		world,
		questions: {
			trustHostKey: async (key) => questions.ask(hostKeyQuestion(key)),
			askSecret: async (question) => questions.askSecret(question),
		},
		signal,
	});
	const common = {document, fleet, world, operations, signal};
	const nodes = makeNodesModel(common);
	const checks = makeChecksModel({...common, nodes});
	const review = makeReviewModel({...common, checks});
	const install = makeInstallModel({...common, store, questions});
	const policy = makePolicyModel({...common, questions});
	const handover = makeHandoverModel({...common, store, questions});
	const step = makeCell(options.step);
	let isRemembered = options.cluster.nodes.length > 0;

	const remember = () => {
		const cluster = document.cluster.latest();
		isRemembered ||= cluster.nodes.length > 0;
		if (isRemembered) {
			store.preferences.remember({
				name: cluster.name,
				progress:
					step.latest() === 'install' &&
					install.state.latest().result?.outcome === 'good'
						? 'done'
						: step.latest(),
				usedAt: world.now(),
			});
		}
	};

	const enter = (next: WizardStep) => {
		step.set(next);
		remember();
		switch (next) {
			case 'checks': {
				checks.ensure();
				break;
			}

			case 'review': {
				review.start();
				break;
			}

			case 'done': {
				handover.start();
				break;
			}

			case 'nodes':
			case 'mesh':
			case 'settings':
			case 'install': {
				break;
			}
		}
	};

	const stopRemembering = document.cluster.subscribe(() => {
		if (!isRemembered) {
			remember();
		}
	});
	nodes.contactAll();
	enter(options.step);

	return {
		world,
		store,
		operations,
		document,
		fleet,
		questions,
		nodes,
		checks,
		review,
		install,
		handover,
		policy,
		step,
		go: enter,
		async close() {
			stopRemembering();
			questions.close();
			nodes.close();
			checks.close();
			review.close();
			await install.close();
			remember();
			controller.abort();
			await document.settled();
			await fleet.close();
		},
	};
};
