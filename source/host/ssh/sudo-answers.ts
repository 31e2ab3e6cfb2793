import {makeSlots} from './slots.js';

/** What came of an answer: `unknown` when the connection went, or sudo refused for a reason of its own. */
export type Trial = 'right' | 'wrong' | 'unknown';

/** An answer whose turn it is: no other is tried on that machine until its trial ends. */
export type Turn = {
	readonly answer: string;
	/** Ends the turn. Only the first call counts. */
	end(trial: Trial): void;
};

/** What is known about the answers to sudo on one machine, and by what login. */
export type MachineAnswers = {
	/** An answer for this person's password: right here before, or right elsewhere and never tried here. */
	recall(owner: string): string | undefined;
	isWrong(answer: string): boolean;
	/**
	 * Waits until no other answer is on trial here, and takes `given`, or else what `recall` knows then. `undefined` when
	 * that is nothing, or `given` was found wrong meanwhile. Throws the signal's reason.
	 */
	take(
		owner: string,
		signal: AbortSignal,
		given?: string,
	): Promise<Turn | undefined>;
};

/** What is known of sudo's passwords during a run. It is in memory only, and ends with the process. */
export type SudoAnswers = {
	/** What is known of one login, such as `me@198.51.100.11:22`. It outlives the connection. */
	machine(login: string): MachineAnswers;
	/**
	 * Asks for somebody's password, one question at a time: who waited gets to know whether the question before was
	 * declined, and can look whether its answer fits. Throws the signal's reason.
	 */
	ask<Result>(
		owner: string,
		signal: AbortSignal,
		ask: (wasDeclined: boolean) => Promise<Result>,
	): Promise<Result>;
	/** Says that nobody gave this password: those that wait for the answer do not ask again. */
	decline(owner: string): void;
};

/** Starts with nothing. */
export const makeSudoAnswers = (): SudoAnswers => {
	/** By whose password it is. */
	const rightSomewhere = new Map<string, Set<string>>();
	const machines = new Map<string, MachineAnswers>();
	const owners = new Map<
		string,
		{readonly slots: ReturnType<typeof makeSlots>; declined: number}
	>();

	const ownerOf = (owner: string) => {
		const known = owners.get(owner) ?? {slots: makeSlots(1), declined: 0};
		owners.set(owner, known);
		return known;
	};

	const makeMachine = (): MachineAnswers => {
		const slots = makeSlots(1);
		const right = new Map<string, string>();
		const wrong = new Set<string>();
		/** Also those of which nobody knows what came of them. */
		const tried = new Set<string>();

		const recall = (owner: string): string | undefined =>
			right.get(owner) ??
			[...(rightSomewhere.get(owner) ?? [])].findLast(
				(answer) => !tried.has(answer),
			);

		const settle = (owner: string, answer: string, trial: Trial): void => {
			if (trial === 'right') {
				right.set(owner, answer);
				const known = rightSomewhere.get(owner) ?? new Set();
				// Again at the end: the last one that was right comes first.
				known.delete(answer);
				known.add(answer);
				rightSomewhere.set(owner, known);
			} else if (trial === 'wrong') {
				wrong.add(answer);
				if (right.get(owner) === answer) {
					right.delete(owner);
				}
			}
		};

		return {
			recall,
			isWrong: (answer) => wrong.has(answer),
			async take(owner, signal, given) {
				const release = await slots.take(signal);
				const answer = given ?? recall(owner);
				if (answer === undefined || wrong.has(answer)) {
					release();
					return undefined;
				}

				tried.add(answer);
				let isOver = false;
				return {
					answer,
					end(trial) {
						if (!isOver) {
							isOver = true;
							settle(owner, answer, trial);
							release();
						}
					},
				};
			},
		};
	};

	return {
		machine(login) {
			const known = machines.get(login) ?? makeMachine();
			machines.set(login, known);
			return known;
		},
		async ask(owner, signal, ask) {
			const state = ownerOf(owner);
			const before = state.declined;
			const release = await state.slots.take(signal);
			try {
				return await ask(state.declined > before);
			} finally {
				release();
			}
		},
		decline(owner) {
			ownerOf(owner).declined += 1;
		},
	};
};
