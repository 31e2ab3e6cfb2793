import {UserError, exitCodes} from '../../errors.js';
import {DeadlineExceeded} from '../errors.js';
import type {RootProgram} from '../scripts/bootstrap.js';
import {secretAdvice} from '../secret-environment.js';

/** Why a login that is not root does not become it. */
export type Refusal =
	/** There is neither sudo nor doas. */
	| {readonly kind: 'no-program'}
	/** It asks for the password of this user, and nobody gave it. */
	| {
			readonly kind: 'no-password';
			readonly program: RootProgram;
			readonly owner: string;
	  }
	| {
			readonly kind: 'wrong-password';
			readonly program: RootProgram;
			readonly owner: string;
			/** What was said to it. */
			readonly said: string;
	  }
	/** A question that is no password: its text, or none when it came by our own prompt after the password. */
	| {
			readonly kind: 'question';
			readonly program: RootProgram;
			readonly text: string | undefined;
	  }
	/** doas asks for a password, reads it from a terminal only, and there is none to be had. */
	| {readonly kind: 'no-terminal'; readonly said: string}
	/** Whatever else it said before it ended. */
	| {
			readonly kind: 'said';
			readonly program: RootProgram;
			readonly text: string;
	  };

/** Root was needed, and the login can not become it. */
export class RootRefused extends UserError {
	readonly refusal: Refusal;

	constructor(node: string, user: string, refusal: Refusal) {
		super(`${user} on ${node} can not become root: ${reasonOf(refusal)}.`, {
			node,
			tryNext: advice(node, user, refusal),
		});
		this.name = 'RootRefused';
		this.refusal = refusal;
	}
}

const quoted = (text: string): string =>
	`“${text.replace(/^(?:sudo|doas): /, '')}”`;

/** Why not, as the end of a sentence. */
export const reasonOf = (refusal: Refusal): string => {
	switch (refusal.kind) {
		case 'no-program': {
			return 'there is neither sudo nor doas';
		}

		case 'no-password': {
			return `${refusal.program} asks for the password of ${refusal.owner}, and nobody gave it`;
		}

		case 'wrong-password': {
			return `${refusal.program} does not take the password of ${refusal.owner}${refusal.said === '' ? '' : ` (${quoted(refusal.said)})`}`;
		}

		case 'question': {
			return refusal.text === undefined
				? `${refusal.program} asks a second question after the password, as with a second factor`
				: `${refusal.program} asks something else than a password: ${quoted(refusal.text)}`;
		}

		case 'no-terminal': {
			return `doas asks for a password, and reads it from a terminal only (${quoted(refusal.said)})`;
		}

		case 'said': {
			return refusal.text === ''
				? `${refusal.program} does not let it in, and does not say why`
				: `${refusal.program} says ${quoted(refusal.text)}`;
		}
	}
};

/** What sudo says, in the C locale, and what helps. The words are those of sudo, sudo-rs, PAM and doas. */
const sayings: ReadonlyArray<
	readonly [RegExp, (node: string, user: string) => string]
> = [
	[
		/have a tty|terminal is required/i,
		(node, user) =>
			`sudo wants a terminal there, and the program script, which makes one, is missing: install it (util-linux or bsdutils) on ${node}, or add "Defaults:${user} !requiretty" with visudo.`,
	],
	[
		/expired|new token|change your password/i,
		(node, user) =>
			`Log in to ${node} as ${user} in a terminal and set a new password, then try again.`,
	],
	[
		/lock(?:ed|out)/i,
		(node) =>
			`Wait until the lock ends, or lift it as root on ${node} (faillock --user NAME --reset), then try again.`,
	],
	[
		/no new privileges|setuid|owned by uid 0/i,
		(node) =>
			`sudo itself is broken on ${node}, or not allowed in that session: mend it, or log in as root.`,
	],
];

const withoutQuestion = (
	node: string,
	user: string,
	program: RootProgram = 'sudo',
): string =>
	program === 'doas'
		? `Log in as root instead, or add "permit nopass ${user}" as the last line of /etc/doas.conf on ${node}.`
		: `Log in as root instead, or allow it without a question. As root on ${node}: echo '${user} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/k3s-mesh`;

const advice = (node: string, user: string, refusal: Refusal): string[] => {
	switch (refusal.kind) {
		case 'no-password': {
			return [
				`Try again and give it when you are asked. ${secretAdvice('sudo-password')}`,
				withoutQuestion(node, user, refusal.program),
			];
		}

		case 'wrong-password': {
			return [
				`Make sure of it (${refusal.program === 'doas' ? 'doas' : 'sudo -k'} true, in a terminal on ${node}) before you try again: some machines lock an account after three wrong passwords.`,
				withoutQuestion(node, user, refusal.program),
			];
		}

		case 'no-terminal': {
			return [
				`Install the program script, which makes one (util-linux or bsdutils), on ${node}.`,
				withoutQuestion(node, user, 'doas'),
			];
		}

		case 'said': {
			const found = sayings.find(([words]) => words.test(refusal.text));
			if (found) {
				return [found[1](node, user)];
			}

			return [withoutQuestion(node, user, refusal.program)];
		}

		case 'question': {
			return [withoutQuestion(node, user, refusal.program)];
		}

		case 'no-program': {
			return [withoutQuestion(node, user)];
		}
	}
};

/** The error for a login that runs no command, such as one without a shell. */
export const shellRefused = (node: string, lastLine: string): UserError =>
	new UserError(
		`The login on ${node} runs no commands${lastLine === '' ? '' : `: ${lastLine}`}.`,
		{
			node,
			exitCode: exitCodes.unreachable,
			tryNext: [
				'Log in with a user that has a shell and may run commands over SSH.',
			],
		},
	);

/** The error for a login whose command never got its turn: the connection stands, and nothing was run. */
export const loginStuck = (
	node: string,
	limitMs: number,
	lastLine: string,
): DeadlineExceeded =>
	new DeadlineExceeded(node, 'the login', limitMs, {
		message: `The login on ${node} started no command within ${Math.round(limitMs / 1000)} s${lastLine === '' ? '' : `; the last that it said: ${quoted(lastLine)}`}. The connection itself stands.`,
		exitCode: exitCodes.unreachable,
		tryNext: [
			'A shell profile that waits for an answer, that goes over to another shell, or that reads what is meant for the command, keeps every command waiting: let it do so in terminals only ([ -t 0 ] || return).',
		],
	});

/** The error for a sudo or doas that neither asks nor lets in nor ends. */
export const rootStuck = (
	program: RootProgram,
	node: string,
	limitMs: number,
	lastLine: string,
): DeadlineExceeded =>
	new DeadlineExceeded(node, program, limitMs, {
		message: `${program} on ${node} neither asked nor let us in within ${Math.round(limitMs / 1000)} s${lastLine === '' ? '' : `; the last that it said: ${quoted(lastLine)}`}. The connection itself stands.`,
		tryNext: [
			`Try ${program === 'doas' ? 'doas' : 'sudo -k'} true on ${node}: a name service or a second factor that does not answer keeps it waiting.`,
		],
	});
