import {HostLost} from '../../host/errors.js';
import {UserError, describeError} from '../../errors.js';
import {isReference} from '../../plan/plan.js';
import type {Cause, JournalCause} from '../journal-cause.js';
import {readRecentJournal} from '../recent-journal.js';
import {mayPass, poll} from '../wait.js';
import {
	judgeReadiness,
	type PlannedNode,
	type Readiness,
} from '../readiness.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

type Action = ActionOf<'await-ready'>;

const planned = async (
	{nodeName, internalIp, externalIp}: Action,
	{references, signal}: StepContext,
): Promise<PlannedNode> => ({
	nodeName,
	internalIp: isReference(internalIp)
		? await references.resolve(internalIp, signal)
		: internalIp,
	externalIp,
});

const look = async (
	wanted: PlannedNode,
	{nodes}: StepContext,
): Promise<Readiness> => {
	try {
		return judgeReadiness(await nodes.read(), wanted);
	} catch (error) {
		// A server that has just started may take its time; the step's own deadline decides.
		if (mayPass(error) || error instanceof HostLost) {
			return {
				ready: false,
				missing: `cannot be looked up: the API of the first server does not answer (${describeError(error)})`,
				tryNext: ['Look at the log of the first server.'],
			};
		}

		throw error;
	}
};

/** Why a node does not get Ready, as far as it can be seen from outside of the API. */
type Why = {
	/** What the node's own journal knows, or that a clock is wrong. */
	readonly cause: Cause | undefined;
	readonly journal: JournalCause;
};

const lookWhy = async (context: StepContext): Promise<Why> => {
	const journal = await readRecentJournal(context);
	return {
		journal,
		cause:
			journal.cause() ??
			(await context.clocks.wrong([context.step.node], context.signal)),
	};
};

/** What is missing, and why, unless that says the same. */
const withCause = (missing: string, cause: Cause | undefined): string =>
	cause === undefined || missing.includes(cause.text)
		? missing
		: `${missing}: ${cause.text}`;

const prove = (
	readiness: Extract<Readiness, {ready: true}>,
	{tell, step}: StepContext,
): void => {
	const {internalIps, externalIps, kubeletVersion} = readiness.node;
	tell.proof({
		kind: 'node-ready',
		from: step.node,
		to: undefined,
		ok: true,
		detail: `Ready, internal ${internalIps.join(', ') || '–'}, external ${externalIps.join(', ') || '–'}, ${kubeletVersion ?? 'version unknown'}`,
	});
};

/** The cause is looked for at every so many looks. */
const looksPerCause = 5;

/** Waits until the node object is Ready and shows the planned addresses. */
export const awaitReady: StepHandler<Action> = {
	async check(action, context) {
		const readiness = await look(await planned(action, context), context);
		if (readiness.ready) {
			prove(readiness, context);
		}

		return readiness.ready;
	},
	async act(action, context) {
		const {tell, step, waitLimitMs, signal, pollMs} = context;
		const deadlineAt = context.now() + waitLimitMs;
		const wanted = await planned(action, context);
		let looks = 0;
		let cause: Cause | undefined;
		const readiness = await poll({
			async ask() {
				const answer = await look(wanted, context);
				looks += 1;
				if (!answer.ready && looks % looksPerCause === 0) {
					({cause} = await lookWhy(context));
				}

				return answer;
			},
			good: (answer) => answer.ready,
			pauseMs: pollMs,
			limitMs: waitLimitMs,
			signal,
			onAnswer(answer) {
				if (!answer.ready) {
					tell.waiting(withCause(answer.missing, cause), deadlineAt);
				}
			},
		});
		if (!readiness.ready) {
			const {missing, tryNext} = readiness;
			const why = await lookWhy(context);
			tell.proof({
				kind: 'node-ready',
				from: step.node,
				to: undefined,
				ok: false,
				detail: missing,
			});
			throw new UserError(
				`${withCause(missing, why.cause)} (given up after ${Math.round(waitLimitMs / 1000)} s)`,
				{
					node: step.node,
					tryNext: [
						...(why.cause?.tryNext ?? why.journal.ending()),
						...tryNext,
					],
				},
			);
		}

		prove(readiness, context);
		return 'unchanged';
	},
	async verify() {
		// It has been looked at until it was so.
	},
};
