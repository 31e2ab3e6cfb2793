import type {Redactor} from '../redactor.js';

/** Wrong answers after which nobody is asked again by itself, as ssh's NumberOfPasswordPrompts. */
export const answerLimit = 3;

/** An answer on its way to where it is needed. Whoever takes one must settle it. */
export type SecretLease = {
	readonly secret: string;
	/**
	 * What became of it. `unsure`: something else may have been wrong, so it counts as neither. `unsent`: it was never
	 * tried, and is the next answer without asking.
	 */
	settle(outcome: 'right' | 'wrong' | 'unsure' | 'unsent'): void;
};

/**
 * The answers of this run, in memory only. An answer that was right is used again, one that was wrong is never sent
 * again, and while neither is known only one connection tries it: machines lock people out after a few tries.
 */
export type SecretMemory = {
	/** Begins to need a secret. `subject` says what it opens: the same text for the same secret. */
	need(subject: string): SecretNeed;
	/** Asks for an answer that holds for one time only, and is not kept. */
	once(
		ask: () => Promise<string | undefined>,
		isHidden: boolean,
	): Promise<string | undefined>;
};

/** One need of a secret, until somebody has had enough of its being asked for. */
export type SecretNeed = {
	/**
	 * Finds an answer, or asks for one, in turn with all others that need the same. `undefined` from when nobody answered
	 * or too many answers were wrong, for all whose need began before. `attempt` counts from 1.
	 */
	take(
		ask: (attempt: number) => Promise<string | undefined>,
	): Promise<SecretLease | undefined>;
};

type Entry = {
	right: string | undefined;
	untried: string | undefined;
	readonly refused: Set<string>;
	/** Wrong answers since the last right one, or since nobody answered. */
	wrong: number;
	/** How often nobody answered, or too many answers were wrong. */
	declined: number;
	/** Ends when the next may ask. */
	turn: Promise<void>;
};

/** A memory that knows nothing yet; each answer goes to the redactor the moment that it is given. */
export const makeSecretMemory = (redactor: Redactor): SecretMemory => {
	const entries = new Map<string, Entry>();
	const entryOf = (subject: string): Entry => {
		const known = entries.get(subject) ?? {
			right: undefined,
			untried: undefined,
			refused: new Set<string>(),
			wrong: 0,
			declined: 0,
			turn: Promise.resolve(),
		};
		entries.set(subject, known);
		return known;
	};

	const decline = (entry: Entry): void => {
		entry.declined += 1;
		entry.wrong = 0;
	};

	const countWrong = (entry: Entry, secret: string): void => {
		entry.refused.add(secret);
		entry.wrong += 1;
		if (entry.wrong >= answerLimit) {
			decline(entry);
		}
	};

	/** An answer that has not been refused, from before or from a person. */
	const answer = async (
		entry: Entry,
		ask: (attempt: number) => Promise<string | undefined>,
	): Promise<string | undefined> => {
		const {untried, declined} = entry;
		if (untried !== undefined) {
			entry.untried = undefined;
			return untried;
		}

		while (entry.declined === declined) {
			const given = await ask(entry.wrong + 1);
			if (given === undefined) {
				decline(entry);
				return undefined;
			}

			redactor.add(given);
			if (!entry.refused.has(given)) {
				return given;
			}

			countWrong(entry, given);
		}

		return undefined;
	};

	const need = (entry: Entry): SecretNeed => {
		const {declined} = entry;
		return {
			async take(ask) {
				const {turn} = entry;
				let release: () => void = () => undefined;
				entry.turn = (async () => {
					const mine = new Promise<void>((resolve) => {
						release = resolve;
					});
					await turn;
					await mine;
				})();
				await turn;

				const {right} = entry;
				if (right !== undefined) {
					release();
					return {
						secret: right,
						settle(outcome) {
							if (outcome === 'wrong' && entry.right === right) {
								entry.right = undefined;
								entry.refused.add(right);
							}
						},
					};
				}

				let secret: string | undefined;
				try {
					secret =
						entry.declined === declined ? await answer(entry, ask) : undefined;
				} catch (error) {
					release();
					throw error;
				}

				if (secret === undefined) {
					release();
					return undefined;
				}

				const given = secret;
				return {
					secret: given,
					settle(outcome) {
						switch (outcome) {
							case 'right': {
								entry.right = given;
								entry.wrong = 0;
								break;
							}

							case 'wrong': {
								countWrong(entry, given);
								break;
							}

							case 'unsent': {
								entry.untried = given;
								break;
							}

							case 'unsure': {
								break;
							}
						}

						release();
					},
				};
			},
		};
	};

	return {
		need: (subject) => need(entryOf(subject)),
		async once(ask, isHidden) {
			const given = await ask();
			if (given !== undefined && isHidden) {
				redactor.add(given);
			}

			return given;
		},
	};
};

/** What a question is about: two with the same text have the same answer. */
export const subjectOf = (
	question:
		| {readonly kind: 'passphrase'; readonly file: string}
		| {
				readonly kind: 'login-password' | 'sudo-password';
				readonly user: string;
				readonly host: string;
				readonly port: number;
		  },
	/** The jump hosts on the way: behind another one the same address is another machine. */
	via: readonly string[] = [],
): string =>
	question.kind === 'passphrase'
		? `passphrase ${question.file}`
		: [
				question.kind,
				`${question.user}@${question.host}:${question.port}`,
				...via,
			].join(' ');
