import type {Role} from '../cluster/schema.js';
import type {Stage, StepId} from '../plan/plan.js';

/** What an install tells: the screen, the plain progress, the JSON lines and the run log all fold the same events. Times are ms since 1970. */
export type InstallEvent =
	| {
			readonly type: 'run-started';
			readonly at: number;
			readonly runId: string;
			readonly cluster: string;
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
			readonly type: 'run-ended';
			readonly at: number;
			readonly outcome: RunOutcome;
			/** Did any step change anything on any host? */
			readonly changed: boolean;
			readonly message: string;
	  };

export type StepState =
	| 'waiting'
	| 'running'
	/** Done, and something was changed. */
	| 'changed'
	/** Done, and it was so already. */
	| 'unchanged'
	| 'failed'
	/** Not tried, because a step that it needs did not end well. */
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
	| 'pod-to-pod'
	| 'dns'
	| 'logs'
	| 'metrics';
