import {k3sRecentJournal} from '../host/scripts/k3s-run.js';
import {makeJournalCause, type JournalCause} from './journal-cause.js';
import type {StepContext} from './steps/step.js';

/** What K3s wrote longer ago is about something that has passed, such as its own start. */
const recentSeconds = 60;

/** The part of a step's context that says which machine is asked. */
export type NodeOfStep = Pick<StepContext, 'host' | 'role' | 'step' | 'signal'>;

/**
 * What K3s on a node tells of the last minute; nothing when it cannot be asked, which says nothing about the node.
 * Rejects only when the signal is aborted.
 */
export const readRecentJournal = async ({
	host,
	role,
	step,
	signal,
}: NodeOfStep): Promise<JournalCause> => {
	const journal = makeJournalCause(step.node);
	try {
		await host.stream(
			k3sRecentJournal,
			{role, seconds: recentSeconds},
			{
				signal,
				onLine(line) {
					journal.hear(line);
				},
			},
		);
	} catch {
		signal.throwIfAborted();
	}

	return journal;
};
