import {randomBytes} from 'node:crypto';
import type {Buffer} from 'node:buffer';
import type {UserError} from '../../errors.js';
import type {RootProgram} from '../scripts/bootstrap.js';
import type {EndSudo} from './end-sudo.js';
import {makePromptReader} from './prompt-reader.js';
import {RootRefused, type Refusal} from './refusals.js';
import type {Turn} from './sudo-answers.js';

/** What stands between a command line and the shell that it is to start. */
export type Door = {
	/** Takes what is written to standard error before the shell listens. */
	push(bytes: Buffer): void;
	/** The shell listens. */
	opened(): void;
	/** The command line has ended before; makes the error from the last that it said. */
	refused(lastLine: string): UserError;
	/** The last that was said, without our prompt. */
	lastSaid(): string;
	/** The call is over, however it ended. */
	closed(): void;
};

/** What a door may do with its call. */
export type DoorCall = {
	readonly write: (text: string) => void;
	readonly fail: (error: unknown) => void;
};

/** How long a line that looks like a question stays without an end before it counts as one, in ms. */
const questionQuietMs = 4000;

/** A random text for sudo to prompt with, which nothing else on the machine can know. */
export const makeMark = (): string =>
	`k3s-mesh-${randomBytes(12).toString('hex')}`;

/** It said that the answer was wrong, and that this was the last try; doas has one only. */
const noMoreTries: Readonly<Record<RootProgram, RegExp>> = {
	sudo: /incorrect (?:password|authentication) attempt/i,
	doas: /authentication failed/i,
};

/** It follows the line that says something. */
const isFootnote = /^This incident (?:will be|has been) reported/;

/**
 * The door that sudo or doas keeps with a password. The answer is written once, after the prompt was seen; a second prompt
 * ends the call. A sudo that waits at a prompt is ended before its channel is: it must not take the end of its input
 * for an answer.
 */
export const makeSudoDoor = (details: {
	readonly program: RootProgram;
	readonly node: string;
	readonly user: string;
	readonly mark: string;
	/** The answer for this person's password; `undefined` when there is none. */
	readonly answer: (owner: string) => Promise<Turn | undefined>;
	readonly endSudo: EndSudo;
	readonly quietMs?: number;
}) => {
	const {program, node, user, mark, quietMs = questionQuietMs} = details;
	return ({write, fail}: DoorCall): Door => {
		const reader = makePromptReader(mark, program);
		let isOver = false;
		let owner: string | undefined;
		let turn: Turn | undefined;
		let timer: NodeJS.Timeout | undefined;

		let pending: RootRefused | undefined;

		const refusal = (why: Refusal): RootRefused =>
			new RootRefused(node, user, why);

		const finish = (trial: Parameters<Turn['end']>[0]): void => {
			clearTimeout(timer);
			isOver = true;
			turn?.end(trial);
		};

		/** Ends the call at a prompt. */
		const leave = async (why: Refusal): Promise<void> => {
			pending = refusal(why);
			isOver = true;
			clearTimeout(timer);
			if (reader.pid !== undefined) {
				await details.endSudo(reader.pid);
			}

			fail(pending);
		};

		const giveAnswer = async (asked: string): Promise<void> => {
			try {
				turn = await details.answer(asked);
				if (isOver) {
					turn?.end('unknown');
				} else if (turn === undefined) {
					await leave({kind: 'no-password', program, owner: asked});
				} else {
					write(`${turn.answer}\n`);
				}
			} catch (error) {
				fail(error);
			}
		};

		/** The second prompt: what sudo said between the two tells what it is for. */
		const askedAgain = (said: readonly string[]): void => {
			finish('wrong');
			void leave(
				said.length === 0
					? {kind: 'question', program, text: undefined}
					: wrongPassword(said),
			);
		};

		const wrongPassword = (said: readonly string[]): Refusal => {
			const locked = said.find((line) => /lock(?:ed|out)/i.test(line));
			return locked === undefined
				? {
						kind: 'wrong-password',
						program,
						owner: owner!,
						said: said.at(-1) ?? '',
					}
				: {kind: 'said', program, text: locked};
		};

		const watchSilence = (): void => {
			clearTimeout(timer);
			const text = reader.unfinished;
			if (/[:?>]$/.test(text)) {
				timer = setTimeout(() => {
					finish('unknown');
					void leave({kind: 'question', program, text});
				}, quietMs);
			}
		};

		return {
			push(bytes) {
				if (isOver) {
					return;
				}

				const question = reader.push(bytes);
				watchSilence();
				if (question?.kind === 'other') {
					finish('unknown');
					void leave({kind: 'question', program, text: question.text});
				} else if (question && owner === undefined) {
					owner = question.owner === '' ? user : question.owner;
					void giveAnswer(owner);
				} else if (question) {
					askedAgain(question.said);
				}
			},
			opened() {
				finish('right');
			},
			refused(lastLine) {
				if (pending) {
					return pending;
				}

				const said = reader.said.filter((line) => !isFootnote.test(line));
				const text = said.at(-1) ?? lastLine;
				const isWrong = turn !== undefined && noMoreTries[program].test(text);
				finish(isWrong ? 'wrong' : 'unknown');
				return refusal(
					isWrong ? wrongPassword(said) : {kind: 'said', program, text},
				);
			},
			lastSaid: () => reader.said.at(-1) ?? '',
			closed() {
				if (!isOver) {
					finish('unknown');
				}
			},
		};
	};
};
