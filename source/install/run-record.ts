import type {Redactor} from '../host/redactor.js';
import type {ApplyResult} from '../operations/operations.js';
import type {Plan, Step, StepId} from '../plan/plan.js';
import type {InstallEvent, Proof, StepState} from './events.js';
import {failureText, type FailureText} from './failure.js';
import {leavingEnds, leavingMessage} from './leaving-ends.js';
import {nodeEnds} from './node-ends.js';
import {endMessage} from './run-summary.js';
import {endedWell, stepsOf, type StepStates} from './schedule.js';
import {makeTell} from './step-tell.js';
import type {StepContext} from './steps/step.js';

/** How a step stands; why one failed is said by `fail`. */
type State = Exclude<StepState, 'failed'>;

/** How each step of a run stands and what has been proven. All of it is told as it changes, without secrets. */
export type RunRecord = {
	readonly states: StepStates;
	/** Sets and tells how a step stands. A step that is done again has not failed any more. */
	set(step: Step, state: State, message?: string): void;
	/** Sets and tells that a step was cut off half-way: what it has done by then is not known. */
	cutOff(step: Step): void;
	/** Sets and tells that a step failed, and why. */
	fail(step: Step, error: unknown): void;
	/** What a step tells while it runs. */
	tellOf(step: Step): StepContext['tell'];
	/** Tells that the run has ended, and how. */
	finish(wasStopped: boolean): ApplyResult;
};

/** Makes the record of one run of a plan. */
export const makeRunRecord = (options: {
	readonly plan: Plan;
	readonly redactor: Redactor;
	/** ms since 1970. */
	readonly now: () => number;
	readonly emit: (event: InstallEvent) => void;
}): RunRecord => {
	const {plan, redactor, now, emit} = options;
	const isApply = plan.purpose === 'apply';
	const states = new Map<StepId, StepState>(
		stepsOf(plan).map(({id}) => [id, 'waiting']),
	);
	const failures = new Map<StepId, FailureText & {readonly node: string}>();
	const cutSteps = new Set<StepId>();
	let proofs: Proof[] = [];
	let changed = false;

	const tellState = (
		step: Step,
		state: StepState,
		text: Partial<FailureText>,
	): void => {
		states.set(step.id, state);
		emit({
			type: 'step',
			at: now(),
			node: step.node,
			step: step.id,
			stage: step.stage,
			state,
			...(text.message !== undefined && {
				message: redactor.redact(text.message),
			}),
			...(text.tryNext !== undefined && {
				tryNext: text.tryNext.map((line) => redactor.redact(line)),
			}),
		});
	};

	const tellOf = (step: Step): StepContext['tell'] =>
		makeTell(step, {
			emit,
			now,
			redact: (text) => redactor.redact(text),
			onProof(proof) {
				proofs = [
					...proofs.filter(
						({kind, from, to}) =>
							kind !== proof.kind || from !== proof.from || to !== proof.to,
					),
					proof,
				];
			},
		});

	const result = (wasStopped: boolean): ApplyResult => ({
		outcome: [...states.values()].every((state) => endedWell(state))
			? 'good'
			: wasStopped
				? 'stopped'
				: 'failed',
		changed,
		proofs,
		failures: [...failures].map(([step, {node, message, tryNext}]) => ({
			node,
			step,
			message: redactor.redact(message),
			tryNext,
		})),
	});

	return {
		states,
		set(step, state, message) {
			failures.delete(step.id);
			cutSteps.delete(step.id);
			changed ||= state === 'changed';
			tellState(step, state, message === undefined ? {} : {message});
		},
		cutOff(step) {
			cutSteps.add(step.id);
			tellState(step, 'skipped', {
				message: 'cut off: how far it came is not known',
			});
		},
		fail(step, error) {
			const text = failureText(error, step.node);
			failures.set(step.id, {...text, node: step.node});
			tellOf(step).log(`${step.title}: ${text.message}`);
			tellState(step, 'failed', text);
		},
		tellOf,
		finish(wasStopped) {
			const ended = result(wasStopped);
			emit({
				type: 'run-ended',
				at: now(),
				outcome: ended.outcome,
				changed: ended.changed,
				message: isApply
					? endMessage(plan.cluster, plan, ended)
					: leavingMessage(plan, ended),
				nodes: (isApply ? nodeEnds : leavingEnds)(plan, {
					states,
					failures: ended.failures,
					cutSteps,
				}),
			});
			return ended;
		},
	};
};
