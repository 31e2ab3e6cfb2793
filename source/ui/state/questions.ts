import type {SecretQuestion, UnknownHostKey} from '../../host/host.js';
import {secretText, type SecretText} from '../../host/secret-text.js';
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
	/** Asks for a text that nobody else may see; `undefined` when nobody gives one. */
	readonly askSecret: (question: SecretQuestion) => Promise<string | undefined>;
	readonly answer: (yes: boolean) => void;
	/** `undefined`: no answer. */
	readonly answerSecret: (text: string | undefined) => void;
	/**
	 * May the question take a key now? Not right after it came up, when keys were meant for something else, nor while
	 * somebody goes on typing from then: each such key makes the wait begin anew.
	 */
	readonly takesKey: () => boolean;
	/** The question can be answered from now on: before, something else took the keys. */
	readonly activate: () => void;
	/** Answers all open questions with no, because nobody will. */
	readonly close: () => void;
};

export type AskedQuestion = {
	/** Another one for each question. */
	readonly id: number;
	readonly waiting: number;
} & ((Question & {readonly kind: 'choice'}) | AskedSecret);

export type AskedSecret = SecretText & {
	readonly kind: 'secret';
	readonly isUnasked: true;
};

type Open = {
	readonly id: number;
	readonly question: (Question & {readonly kind: 'choice'}) | AskedSecret;
	/** A yes or no for a choice, a text or nothing for a secret. */
	readonly resolve: (answer: boolean | string | undefined) => void;
};

/** A key this soon after a question came up by itself was meant for something else. */
export const reactionTimeMs = 600;

export const makeQuestions = (
	reactionMs: number = reactionTimeMs,
): Questions => {
	const current = makeCell<AskedQuestion | undefined>(undefined);
	const open: Open[] = [];
	let shownAt = 0;
	let asked = 0;
	const show = () => {
		const [first] = open;
		shownAt = performance.now();
		current.set(
			first === undefined
				? undefined
				: {...first.question, id: first.id, waiting: open.length - 1},
		);
	};

	const add = async (
		question: Open['question'],
	): Promise<boolean | string | undefined> =>
		new Promise((resolve) => {
			asked += 1;
			open.push({id: asked, question, resolve});
			if (open.length === 1) {
				show();
			} else {
				current.update(
					(known) => known && {...known, waiting: open.length - 1},
				);
			}
		});

	const isTooSoon = (): boolean =>
		open[0]?.question.isUnasked === true &&
		performance.now() - shownAt < reactionMs;

	const settle = (
		kind: Open['question']['kind'],
		answer: boolean | string | undefined,
	): void => {
		if (open[0]?.question.kind === kind && !isTooSoon()) {
			open.shift()?.resolve(answer);
			show();
		}
	};

	return {
		current,
		ask: async (question) =>
			(await add({...question, kind: 'choice'})) === true,
		async askSecret(question) {
			const answer = await add({
				...secretText(question),
				kind: 'secret',
				isUnasked: true,
			});
			return typeof answer === 'string' ? answer : undefined;
		},
		answer(yes) {
			settle('choice', yes);
		},
		answerSecret(text) {
			settle('secret', text);
		},
		takesKey() {
			if (!isTooSoon()) {
				return true;
			}

			shownAt = performance.now();
			return false;
		},
		activate() {
			shownAt = performance.now();
		},
		close() {
			for (const {question, resolve} of open.splice(0)) {
				resolve(question.kind === 'choice' ? false : undefined);
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
		...(key.authority === undefined
			? []
			: [
					`${key.authority} trusts it by a certificate of an authority, which can not be checked here.`,
				]),
		'Compare it with: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub (on that machine)',
	],
	yes: 'trust and remember it',
	no: 'do not connect',
	isUnasked: true,
});
