import type {FixOutcome} from '../../operations/operations.js';

/** What became of a host's firewall that was to be opened, in a sentence or two for people. */
export const fixOutcomeText = (
	node: string,
	outcome: FixOutcome,
): {
	readonly tone: 'good' | 'warning' | 'bad';
	readonly text: string;
	readonly tryNext: readonly string[];
} => {
	switch (outcome.kind) {
		case 'opened': {
			return {
				tone: 'good',
				text: [
					...(outcome.earlier === undefined ? [] : [outcome.earlier]),
					`The lines were added on ${node}, and a new connection still reaches it.`,
				].join(' '),
				tryNext: [],
			};
		}

		case 'already': {
			return {
				tone: 'warning',
				text: `${node} had all these lines already: what is still closed is not closed by their absence. Look in front of ${node}, and at what the senders let out.`,
				tryNext: [],
			};
		}

		case 'rolled-back': {
			return {
				tone: 'bad',
				text: `${node} has taken the lines back: ${outcome.message}`,
				tryNext: [],
			};
		}

		case 'stuck': {
			return {
				tone: 'bad',
				text: `${node} could not take lines back: ${outcome.message}`,
				tryNext: outcome.tryNext,
			};
		}

		case 'failed': {
			return {
				tone: 'bad',
				text: `The firewall of ${node} was not opened: ${outcome.message}`,
				tryNext: outcome.tryNext,
			};
		}
	}
};
