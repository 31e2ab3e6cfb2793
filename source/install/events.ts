import type {Role} from '../cluster/schema.js';
import type {Purpose, Stage, StepId} from '../plan/plan.js';

/** What an install tells: the screen, the plain progress, the JSON lines and the run log all fold the same events. Times are ms since 1970. */
export type InstallEvent =
	| {
			readonly type: 'run-started';
			readonly at: number;
			readonly runId: string;
			readonly purpose: Purpose;
			readonly cluster: string;
			/** The K3s release; empty when a run that takes it away found none. */
			readonly version: string;
			readonly nodes: ReadonlyArray<{
				readonly name: string;
				readonly role: Role;
				readonly steps: ReadonlyArray<{
					readonly id: StepId;
					readonly stage: Stage;
					readonly title: string;
				}>;
			}>;
	  }
	| {
			readonly type: 'step';
			readonly at: number;
			readonly node: string;
			readonly step: StepId;
			readonly stage: Stage;
			readonly state: StepState;
			/** Why it failed or was skipped, for people. */
			readonly message?: string;
			/** What to try next, when it failed. */
			readonly tryNext?: readonly string[];
	  }
	| {
			/** The line of what the node is doing now; `waiting` when it waits for something outside of itself. */
			readonly type: 'now';
			readonly at: number;
			readonly node: string;
			readonly text: string;
			readonly waiting: boolean;
			/** When the wait gives up. */
			readonly deadlineAt?: number;
	  }
	| {
			readonly type: 'progress';
			readonly at: number;
			readonly node: string;
			readonly step: StepId;
			readonly doneBytes: number;
			readonly totalBytes: number | undefined;
	  }
	| {
			/** One line of a node's log: journal, script output, our own notes. */
			readonly type: 'log';
			readonly at: number;
			readonly node: string;
			readonly line: string;
	  }
	| {
			/** One thing that verification looked at. */
			readonly type: 'proof';
			readonly at: number;
			readonly proof: Proof;
	  }
	| {
			/** A person stops the run: these steps are under way and still end. */
			readonly type: 'stopping';
			readonly at: number;
			readonly steps: ReadonlyArray<{
				readonly node: string;
				readonly step: StepId;
				readonly title: string;
			}>;
	  }
	| {
			readonly type: 'run-ended';
			readonly at: number;
			readonly outcome: RunOutcome;
			/** Did any step change anything on any host? */
			readonly changed: boolean;
			readonly message: string;
			readonly nodes: readonly NodeEnd[];
	  };

/** What state a run left a node in. Nothing is ever taken back. */
export type NodeEnd = {
	readonly node: string;
	/** `untouched`: this run changed nothing there. */
	readonly state: 'done' | 'failed' | 'partly' | 'untouched';
	/** How many of its steps are done. */
	readonly done: number;
	readonly steps: number;
	/** For people: what is so there now. */
	readonly text: string;
	/** For people: what the next run does there. */
	readonly next: string;
};

export type StepState =
	| 'waiting'
	| 'running'
	/** Done, and something was changed. */
	| 'changed'
	/** Done, and it was so already. */
	| 'unchanged'
	| 'failed'
	/** Not tried, because a step that it needs did not end well or the run was stopped; or cut off by that. */
	| 'skipped';

export type RunOutcome = 'good' | 'failed' | 'stopped';

/** One result of verification: about one node, or one direction of a pair. */
export type Proof = {
	readonly kind: ProofKind;
	readonly from: string;
	/** The other node, for proofs about a pair. */
	readonly to: string | undefined;
	readonly ok: boolean;
	/** For people: the value that was seen, or what was missing; says when something stands in for the real thing. */
	readonly detail: string;
	/** Why the thing itself could not be looked at, for people; `ok` then speaks of what stood in for it. */
	readonly standIn?: string;
};

export type ProofKind =
	| 'node-ready'
	| 'handshake'
	| 'mesh-ping'
	/** The node is in the tailnet, and its node object shows its address there. */
	| 'tailnet'
	/** The tailnet carries the pod network of the other node. */
	| 'route'
	/** The way of packets through the tailnet: direct, or by which relay. */
	| 'tailnet-path'
	| 'pod-to-pod'
	| 'dns'
	| 'logs'
	| 'metrics';
