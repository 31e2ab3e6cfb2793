import type {UnknownHostKey} from '../../host/host.js';
import {makeCell, type Observable} from './observable.js';

/** Something that a person must answer with yes or no before work goes on. */
export type Question = {
	readonly title: string;
	/** What the answer depends on, a line each. */
	readonly lines: readonly string[];
	/** What the keys do: `trust it`, `do not connect`. */
	readonly yes: string;
	readonly no: string;
	/** Did it come up by itself? Then keys that were meant for something else must not answer it. */
	readonly isUnasked?: boolean;
};

/** Questions to the person, one at a time in the order in which they came up. */
export type Questions = {
	/** The question that is shown now, and how many wait behind it. */
	readonly current: Observable<AskedQuestion | undefined>;
	readonly ask: (question: Question) => Promise<boolean>;
	readonly answer: (yes: boolean) => void;
	/** Answers all open questions with no, because nobody will. */
	readonly close: () => void;
};

export type AskedQuestion = Question & {readonly waiting: number};

type Open = {
	readonly question: Question;
	readonly resolve: (yes: boolean) => void;
};

/** A key this soon after a question came up by itself was meant for something else. */
export const reactionTimeMs = 600;

export const makeQuestions = (
	reactionMs: number = reactionTimeMs,
): Questions => {
	const current = makeCell<AskedQuestion | undefined>(undefined);
	const open: Open[] = [];
	let shownAt = 0;
	const show = () => {
		const [first] = open;
		shownAt = performance.now();
		current.set(
			first === undefined
				? undefined
				: {...first.question, waiting: open.length - 1},
		);
	};

	return {
		current,
		async ask(question) {
			return new Promise((resolve) => {
				open.push({question, resolve});
				if (open.length === 1) {
					show();
				} else {
					current.update(
						(known) => known && {...known, waiting: open.length - 1},
					);
				}
			});
		},
		answer(yes) {
			const isTooSoon =
				open[0]?.question.isUnasked === true &&
				performance.now() - shownAt < reactionMs;
			if (!isTooSoon) {
				open.shift()?.resolve(yes);
				show();
			}
		},
		close() {
			for (const {resolve} of open.splice(0)) {
				resolve(false);
			}

			show();
		},
	};
};

/** The question about a host key that is not known yet. */
export const hostKeyQuestion = (key: UnknownHostKey): Question => ({
	title: `${key.host} port ${key.port} shows a host key that is not known here yet.`,
	lines: [
		`${key.algorithm}  ${key.fingerprint}`,
		'Compare it with: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub (on that machine)',
	],
	yes: 'trust and remember it',
	no: 'do not connect',
	isUnasked: true,
});
