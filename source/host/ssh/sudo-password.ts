import type {ConnectQuestions} from '../host.js';
import type {Redactor} from '../redactor.js';
import type {RootProgram} from '../scripts/bootstrap.js';
import {RootRefused, type Refusal} from './refusals.js';
import type {MachineAnswers, SudoAnswers, Turn} from './sudo-answers.js';

/**
 * Goes to sudo or doas once and answers its prompt. Settles when it let us in; throws `RootRefused` when it did not, and what a
 * call ends by else.
 */
export type Knock = (
	answer: (owner: string) => Promise<Turn | undefined>,
) => Promise<void>;

/**
 * Wrong answers on one machine after which nobody is asked again until the person starts a new attempt: pam_faillock
 * locks an account at the third (faillock.conf, `deny`).
 */
const wrongLimit = 2;
/** Questions to the person, also those whose answer never reached the machine. */
const questionLimit = 3;

/** sudo reads one line, and what is longer than its buffer would be left for the shell behind it. */
const canBeTyped = (answer: string): boolean =>
	!/[\n\r\0]/.test(answer) && new TextEncoder().encode(answer).length <= 255;

/** A try that did not let us in: sudo has asked for this person's password. */
type Asked = {
	readonly kind: 'no-password' | 'wrong-password';
	readonly program: RootProgram;
	readonly owner: string;
	/** What was said to the answer, to be told when it is asked for again. */
	readonly said: string;
};

type Outcome =
	| {readonly kind: 'in'}
	| {
			readonly kind: 'declined';
			readonly program: RootProgram;
			readonly owner: string;
	  }
	| Asked;

/**
 * Finds a password that sudo takes: one that was right before, else the person's. Each answer is tried once on a
 * machine. Returns why not when nobody answers; throws `RootRefused` when sudo refuses for good.
 */
export const findSudoPassword = async (details: {
	readonly node: string;
	readonly user: string;
	/** As the person knows the machine. */
	readonly host: string;
	readonly knock: Knock;
	/** What is known of all machines, and of this login. */
	readonly known: SudoAnswers;
	readonly answers: MachineAnswers;
	readonly redactor: Redactor;
	readonly questions: ConnectQuestions;
	readonly signal: AbortSignal;
}): Promise<Refusal | undefined> => {
	const {known, answers, signal} = details;
	let wrongAnswers = 0;
	let asked = 0;

	const tryOnce = async (given?: string): Promise<Outcome> => {
		try {
			await details.knock(async (owner) => answers.take(owner, signal, given));
			return {kind: 'in'};
		} catch (error) {
			const refusal = error instanceof RootRefused && error.refusal;
			if (refusal && refusal.kind === 'no-password') {
				return {...refusal, said: ''};
			}

			if (refusal && refusal.kind === 'wrong-password') {
				wrongAnswers += 1;
				return refusal;
			}

			throw error;
		}
	};

	/** Asks the person, unless a password has turned up since `before`. */
	const askOrTry = async (
		before: Asked,
		wasDeclined: boolean,
	): Promise<Outcome> => {
		const {program, owner} = before;
		if (answers.recall(owner) !== undefined) {
			return tryOnce();
		}

		if (wasDeclined) {
			return {kind: 'declined', program, owner};
		}

		asked += 1;
		const answer = await details.questions.askSecret({
			kind: 'sudo-password',
			user: owner,
			host: details.host,
			attempt: asked,
			...(before.said !== '' && {refused: before.said}),
		});
		signal.throwIfAborted();
		if (answer === undefined || answer === '') {
			known.decline(owner);
			return {kind: 'declined', program, owner};
		}

		details.redactor.add(answer);
		if (!canBeTyped(answer)) {
			return {...before, said: 'A password is one line of 255 bytes at most.'};
		}

		return answers.isWrong(answer)
			? {...before, said: 'That one was wrong before: it was not tried again.'}
			: tryOnce(answer);
	};

	let outcome = await tryOnce();
	while (outcome.kind !== 'in') {
		const {program, owner} = outcome;
		if (outcome.kind === 'declined') {
			return {kind: 'no-password', program, owner};
		}

		if (wrongAnswers >= wrongLimit || asked >= questionLimit) {
			throw new RootRefused(details.node, details.user, {
				kind: 'wrong-password',
				program,
				owner,
				said: outcome.said,
			});
		}

		const before = outcome;
		outcome = await known.ask(owner, signal, async (wasDeclined) =>
			askOrTry(before, wasDeclined),
		);
	}

	return undefined;
};
