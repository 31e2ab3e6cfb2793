import type {Buffer} from 'node:buffer';
import {StringDecoder} from 'node:string_decoder';
import type {RootProgram} from '../scripts/bootstrap.js';
import {stripControls} from '../terminal-text.js';

/** What sudo or doas wants to know, as it stands on standard error with nothing behind it. */
export type Question =
	/** Our prompt: the password of this user. */
	| {
			readonly kind: 'password';
			readonly owner: string;
			/** Whole lines since the question before, without those that are empty. */
			readonly said: readonly string[];
	  }
	/** Any other question, such as that of a second factor. */
	| {readonly kind: 'other'; readonly text: string};

/** Finds the questions of sudo or doas in what it and the login profile write to standard error. */
export type PromptReader = {
	/** Takes the next bytes. Returns the question that they complete, once for each time that it is asked. */
	push(bytes: Buffer): Question | undefined;
	/** The process that asks, once it has said so. */
	readonly pid: number | undefined;
	/** The last line, when it has no line end and is not our prompt: a question perhaps, which only silence can tell. */
	readonly unfinished: string;
	/** Lines since the last question, without those that are empty; the last one may have no end. */
	readonly said: readonly string[];
};

const textLimit = 16_384;

/**
 * sudo-rs puts brackets around the prompt that it is given, and PAM's own question behind them, whatever that asks for:
 * `[sudo: PROMPT] Password: `.
 */
const openBracket = /\[[^\][\n]*: ?$/;
const bracketed = /^\] ?(?<question>[^\n]*[^\s:?])[:?]\s*$/;
const passwordQuestion = /^(?:\S+'s )?password$/i;

/** The prompt of doas, which cannot be told to use another. Source: opendoas 6.8.2, pam.c and shadow.c. */
const doasPrompt = /^doas \((?<owner>[^\s@]+)@\S*\) password: $/;

/**
 * Reads standard error of a sudo that was told to prompt with `MARK:%p:MARK`, or of a doas behind a line with the mark.
 * sudo-rs before 0.2.9 does not put a user in place of `%p`; the owner is then empty.
 */
export const makePromptReader = (
	mark: string,
	program: RootProgram = 'sudo',
): PromptReader => {
	const decoder = new StringDecoder('utf8');
	let text = '';
	let pid: number | undefined;
	const pidLine = new RegExp(`^${mark} pid (?<pid>\\d+)\n`, 'm');

	const nameOf = (owner: string): string =>
		owner === '%p' ? '' : stripControls(owner);

	const linesOf = (lines: string): string[] =>
		lines
			.split('\n')
			.map((line) => stripControls(line).trim())
			.filter((line) => line !== '');

	const lastLine = (): string => text.slice(text.lastIndexOf('\n') + 1);

	const findOfDoas = (): Question | undefined => {
		const line = lastLine();
		const prompt = doasPrompt.exec(line.slice(line.lastIndexOf('\r') + 1));
		if (prompt === null) {
			return undefined;
		}

		const before = text.slice(0, text.length - line.length);
		text = '';
		return {
			kind: 'password',
			owner: nameOf(prompt.groups!.owner!),
			said: linesOf(before),
		};
	};

	const findOfSudo = (): Question | undefined => {
		const start = text.indexOf(`${mark}:`);
		const end = text.indexOf(`:${mark}`, start + mark.length);
		if (start === -1 || end === -1) {
			return undefined;
		}

		const owner = text.slice(start + mark.length + 1, end);
		const before = text.slice(0, start);
		const behind = text.slice(end + mark.length + 1);
		if (!openBracket.test(before)) {
			text = behind;
			if (owner === '%p') {
				// A shell that shows each command, such as by `set -x`, shows this one.
				return findOfSudo();
			}

			return {kind: 'password', owner: nameOf(owner), said: linesOf(before)};
		}

		const question = bracketed.exec(behind)?.groups!.question;
		if (question === undefined) {
			return undefined;
		}

		text = '';
		return passwordQuestion.test(question)
			? {
					kind: 'password',
					owner: nameOf(owner),
					said: linesOf(before.replace(openBracket, '')),
				}
			: {kind: 'other', text: stripControls(question)};
	};

	return {
		push(bytes) {
			text = (text + decoder.write(bytes)).slice(-textLimit);
			const told = pidLine.exec(text);
			if (told) {
				pid = Number(told.groups!.pid);
				text = text.replace(pidLine, '');
			}

			return program === 'doas' ? findOfDoas() : findOfSudo();
		},
		get pid() {
			return pid;
		},
		get unfinished() {
			return stripControls(lastLine()).replaceAll(mark, '').trim();
		},
		get said() {
			return linesOf(text);
		},
	};
};
