import type {SecretQuestion} from './host.js';

/** A question for a secret in words. */
export type SecretText = {
	readonly title: string;
	/** What helps to answer it, a line each. */
	readonly lines: readonly string[];
	/** Must the answer stay invisible while it is typed? */
	readonly isHidden: boolean;
	/** Is no text an answer, too? Some hosts want Enter and nothing else. */
	readonly mayBeEmpty: boolean;
};

const wrongLine = (what: string, attempt: number): string[] =>
	attempt > 1 ? [`That ${what} was wrong.`] : [];

/** The words in which a person is asked for a secret, on a screen or on a terminal; a host's own words are marked as such. */
export const secretText = (question: SecretQuestion): SecretText => {
	switch (question.kind) {
		case 'login-password': {
			const {user, host, port, attempt} = question;
			return {
				title: `Password of ${user} on ${host}${port === 22 ? '' : ` port ${port}`}`,
				lines: wrongLine('password', attempt),
				isHidden: true,
				mayBeEmpty: false,
			};
		}

		case 'passphrase': {
			return {
				title: `Passphrase of the key ${question.file}`,
				lines: wrongLine('passphrase', question.attempt),
				isHidden: true,
				mayBeEmpty: false,
			};
		}

		case 'sudo-password': {
			const {user, host, attempt, refused} = question;
			return {
				title: `Password of ${user} to become root on ${host}`,
				lines: [
					...wrongLine('password', attempt),
					...(refused === undefined || refused === ''
						? []
						: [`It says: ${refused}`]),
				],
				isHidden: true,
				mayBeEmpty: false,
			};
		}

		case 'tailnet-key': {
			const {controlServer, problem} = question;
			return {
				title: `Key that nodes log in to ${controlServer} with`,
				lines: [
					...(problem === undefined ? [] : [problem]),
					'An auth key (tskey-auth-…) or a pre-auth key of headscale: reusable, not ephemeral. It is kept in memory only.',
				],
				isHidden: true,
				mayBeEmpty: false,
			};
		}

		case 'prompt': {
			const {user, host, port, instructions, prompt, why, isHidden} = question;
			const name = `${host}${port === 22 ? '' : ` port ${port}`}`;
			return {
				title: `${name} asks ${user}: ${prompt}`,
				lines: [
					...(why === undefined ? [] : [why]),
					...(instructions === '' ? [] : [`${name} says: ${instructions}`]),
				],
				isHidden,
				mayBeEmpty: true,
			};
		}
	}
};
