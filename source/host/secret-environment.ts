import {readFile} from 'node:fs/promises';
import {UserError, exitCodes} from '../errors.js';
import type {ConnectQuestions, SecretQuestion} from './host.js';

/** The environment variables that answer in place of a person; each also as `…_FILE`, which names a file with the answer. */
export const secretVariables = {
	'login-password': 'K3S_MESH_SSH_PASSWORD',
	passphrase: 'K3S_MESH_SSH_PASSPHRASE',
	'sudo-password': 'K3S_MESH_SUDO_PASSWORD',
	'tailnet-key': 'K3S_MESH_TAILNET_KEY',
} as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** What a variable holds, or the file that its `_FILE` names; `undefined` when neither is set. Throws a `UserError`. */
export const fromEnvironment = async (
	variable: string,
	environment: Environment,
): Promise<string | undefined> => {
	const value = environment[variable];
	if (value !== undefined && value !== '') {
		return value;
	}

	const file = environment[`${variable}_FILE`];
	if (file === undefined || file === '') {
		return undefined;
	}

	try {
		const text = await readFile(file, 'utf8');
		return text.replace(/\r?\n$/, '');
	} catch (error) {
		throw new UserError(
			`${variable}_FILE names ${file}, which can not be read: ${(error as Error).message}`,
			{exitCode: exitCodes.usage, cause: error},
		);
	}
};

/** How to give an answer without a terminal, for a person. */
export const secretAdvice = (kind: keyof typeof secretVariables): string =>
	`Without a terminal it is taken from the environment: ${secretVariables[kind]}, or ${secretVariables[kind]}_FILE with the name of a file that holds it.`;

/** The environment's answer to a question. Only to the first attempt: what was wrong once stays wrong. */
export const environmentAnswer = async (
	question: SecretQuestion,
	environment: Environment,
): Promise<string | undefined> =>
	question.kind === 'prompt' || question.attempt > 1
		? undefined
		: fromEnvironment(secretVariables[question.kind], environment);

/** The same questions, answered by the environment where it can. */
export const answerFromEnvironment = (
	questions: ConnectQuestions,
	environment: Environment,
): ConnectQuestions => ({
	trustHostKey: async (key) => questions.trustHostKey(key),
	askSecret: async (question) =>
		(await environmentAnswer(question, environment)) ??
		questions.askSecret(question),
});
