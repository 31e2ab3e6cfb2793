import type {AnyAuthMethod, Prompt} from 'ssh2';
import type {ConnectQuestions} from '../host.js';
import {stripControls} from '../terminal-text.js';
import type {LoginMethod} from './authentication-settings.js';
import type {Credentials, Identity} from './credentials.js';
import {
	subjectOf,
	type SecretLease,
	type SecretMemory,
} from './secret-memory.js';
import type {HostClock} from './host-clock.js';
import type {SshSettings} from './ssh-settings.js';

/** What was tried, and what the host said, for people. */
export type LoginReport = {
	/** In its order: `~/.ssh/id_ed25519 (ssh-ed25519 SHA256:…)`, `a password`. */
	readonly tried: readonly string[];
	/** What the host accepted and found not enough. */
	readonly accepted: readonly string[];
	/** Methods that the host allows, in its own words; empty when it has not said. */
	readonly allowed: readonly string[];
	/** Keys that can not be tried, by their names. */
	readonly untried: readonly string[];
	/** What could not be used, a sentence each. */
	readonly notes: readonly string[];
	/** Was a password or another answer needed that nobody gave? */
	readonly isUnanswered: boolean;
	/** Keys among what was tried. */
	readonly keys: number;
};

/** One login's way through the methods that the host allows. */
export type Authentication = {
	/**
	 * The next method to try; `undefined` to give up. `allowed` and `isPartial` are what the host said to the last one:
	 * which methods may go on, and whether that one was right and not enough.
	 */
	next(
		allowed: readonly string[] | undefined,
		isPartial: boolean,
	): Promise<AnyAuthMethod | undefined>;
	/** The login is over: let in, or ended by the host with a last "no", or by anything else. */
	end(how: 'in' | 'refused' | 'lost'): void;
	report(): LoginReport;
};

/** What a host may ask in one go, and how long a text of it may be. */
const promptsAtOnce = 20;
const longestText = 400;

/** A host's question that means the password of the account, and not a code for one time, or a new password. */
const passwordPrompt = /^(?:\S+'s )?password(?: for \S+)?\s*:?$/i;

const byQuestions = 'answers to its questions (keyboard-interactive)';

const cleaned = (text: string): string =>
	stripControls(text).trim().slice(0, longestText);

export const makeAuthentication = (details: {
	readonly settings: SshSettings;
	readonly credentials: Credentials;
	readonly secrets: SecretMemory;
	readonly questions: ConnectQuestions;
	/** The jump hosts on the way. */
	readonly via: readonly string[];
	readonly clock: HostClock;
	/** The login can not go on: nobody answers what the host asks, or asking failed. */
	readonly onEnd: (error: Error | undefined) => void;
}): Authentication => {
	const {settings, credentials, secrets, questions, via} = details;
	const {user, host, port} = settings;
	const {methods, promptLimit} = settings.authentication;
	const tried: string[] = [];
	const accepted: string[] = [];
	const identities = [...credentials.identities];
	const used: Identity[] = [];
	const password = secrets.need(
		subjectOf({kind: 'login-password', user, host, port}, via),
	);
	const closed = new Set<LoginMethod>();
	let allowed: readonly string[] = [];
	/** The same, without the end, where a host that has had enough allows nothing at all. */
	let lastAllowed: readonly string[] = [];
	let isUnanswered = false;
	let isOver = false;
	/** Passwords sent that were wrong. */
	let wrong = 0;
	let last: LoginMethod | 'none' | undefined;
	let lease: SecretLease | undefined;
	/** Answers of this round besides the password; which of them was wrong nobody knows. */
	let otherAnswers = 0;
	let wasPrompted = false;
	/** Rounds of questions that did not end in a login. */
	let rounds = 0;

	const note = (what: string): void => {
		if (!tried.includes(what)) {
			tried.push(what);
		}
	};

	const settle = (outcome: 'right' | 'refused' | 'lost'): void => {
		if (lease !== undefined && outcome === 'refused' && otherAnswers === 0) {
			wrong += 1;
			lease.settle('wrong');
		} else {
			lease?.settle(outcome === 'right' ? 'right' : 'unsure');
		}

		lease = undefined;
		otherAnswers = 0;
	};

	const takePassword = async (): Promise<string | undefined> => {
		const taken =
			wrong >= promptLimit
				? undefined
				: await password.take(async (attempt) =>
						questions.askSecret({
							kind: 'login-password',
							user,
							host,
							port,
							attempt,
						}),
					);
		if (taken === undefined) {
			isUnanswered ||= wrong === 0;
			return undefined;
		}

		if (isOver) {
			taken.settle('unsent');
			return undefined;
		}

		lease = taken;
		return taken.secret;
	};

	const answerPrompt = async (
		{prompt, echo}: Prompt,
		instructions: string,
		isFirst: boolean,
	): Promise<string | undefined> => {
		const text = cleaned(prompt);
		const isHidden = echo !== true;
		if (isFirst && isHidden && passwordPrompt.test(text)) {
			return takePassword();
		}

		otherAnswers += 1;
		return secrets.once(
			async () =>
				questions.askSecret({
					kind: 'prompt',
					user,
					host,
					port,
					instructions,
					prompt: text,
					isHidden,
				}),
			isHidden,
		);
	};

	const answerAll = async (
		instructions: string,
		prompts: readonly Prompt[],
		finish: (answers: string[]) => void,
	): Promise<void> => {
		const answers: string[] = [];
		const isFirstRound = !wasPrompted;
		wasPrompted = true;
		for (const [index, prompt] of prompts.slice(0, promptsAtOnce).entries()) {
			const answer = await answerPrompt(
				prompt,
				instructions,
				isFirstRound && index === 0,
			);
			if (isOver) {
				return;
			}

			if (answer === undefined) {
				isUnanswered ||= wrong === 0;
				details.onEnd(undefined);
				return;
			}

			answers.push(answer);
		}

		finish(answers);
	};

	const answerInTime = async (
		...asked: Parameters<typeof answerAll>
	): Promise<void> => {
		try {
			await details.clock.hold(async () => answerAll(...asked));
		} catch (error) {
			details.onEnd(error as Error);
		}
	};

	const begin = async (
		method: LoginMethod,
	): Promise<AnyAuthMethod | undefined> => {
		switch (method) {
			case 'publickey': {
				for (;;) {
					const identity = identities.shift();
					if (identity === undefined) {
						return undefined;
					}

					const ready = await identity.method();
					used.push(identity);
					if (ready !== undefined) {
						tried.push(identity.name);
						return ready;
					}
				}
			}

			case 'keyboard-interactive': {
				if (promptLimit === 0) {
					isUnanswered = true;
				}

				if (rounds >= promptLimit || wrong >= promptLimit) {
					return undefined;
				}

				rounds += 1;
				wasPrompted = false;
				note(byQuestions);
				return {
					type: 'keyboard-interactive',
					username: user,
					prompt(name, instructions, _language, prompts, finish) {
						void answerInTime(
							[cleaned(name), cleaned(instructions)]
								.filter((text) => text !== '')
								.join(' · '),
							prompts,
							finish,
						);
					},
				};
			}

			case 'password': {
				const secret = await takePassword();
				if (secret === undefined) {
					return undefined;
				}

				note('a password');
				return {type: 'password', username: user, password: secret};
			}
		}
	};

	return {
		async next(nowAllowed, isPartial) {
			settle(isPartial ? 'right' : 'refused');
			if (isPartial) {
				accepted.push(
					last === 'keyboard-interactive' ? byQuestions : tried.at(-1)!,
				);
				closed.clear();
				rounds = 0;
			} else if (last === 'keyboard-interactive' && !wasPrompted) {
				closed.add('keyboard-interactive');
			}

			allowed = nowAllowed?.map((name) => cleaned(name)) ?? allowed;
			lastAllowed = allowed.length > 0 ? allowed : lastAllowed;
			for (const method of methods) {
				if (last === undefined && method !== 'publickey') {
					break;
				}

				if (
					closed.has(method) ||
					(last !== undefined && !allowed.includes(method))
				) {
					continue;
				}

				const ready = await begin(method);
				if (isOver) {
					return undefined;
				}

				if (ready !== undefined) {
					last = method;
					return ready;
				}

				closed.add(method);
			}

			if (last === undefined) {
				// What the host allows, before a person is asked for anything.
				last = 'none';
				return {type: 'none', username: user};
			}

			return undefined;
		},
		end(how) {
			if (!isOver) {
				isOver = true;
				settle(how === 'in' ? 'right' : how);
			}
		},
		report: () => ({
			tried,
			accepted,
			allowed: lastAllowed,
			untried: credentials.untried,
			notes: [
				...credentials.notes,
				...used.flatMap((identity) => {
					const trouble = identity.trouble();
					return trouble === undefined
						? []
						: [`${identity.name} was not used: ${trouble}.`];
				}),
			],
			isUnanswered,
			keys: used.length,
		}),
	};
};
