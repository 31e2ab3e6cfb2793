import {answerLimit} from './secret-memory.js';

/** The ways to log in that this program knows. */
export type LoginMethod = 'publickey' | 'keyboard-interactive' | 'password';

/** How to log in, as the SSH configuration says. */
export type AuthenticationSettings = {
	/** The methods that may be used, in the order in which they are tried. */
	readonly methods: readonly LoginMethod[];
	/** How often a password may be asked for; 0 when nobody may be asked anything. */
	readonly promptLimit: number;
	/** Certificates that it names. */
	readonly certificateFiles: readonly string[];
};

/** The order of OpenSSH. Source: ssh_config(5), PreferredAuthentications. */
const usualOrder: readonly LoginMethod[] = [
	'publickey',
	'keyboard-interactive',
	'password',
];

/** The options that turn a method off. Source: ssh_config(5). */
const switches: Readonly<Record<LoginMethod, string>> = {
	publickey: 'pubkeyauthentication',
	'keyboard-interactive': 'kbdinteractiveauthentication',
	password: 'passwordauthentication',
};

/** What the SSH configuration says of logging in; `all` gives the values of an option by its name in lower case. */
export const authenticationSettings = (
	all: (option: string) => readonly string[],
	certificateFiles: readonly string[],
): AuthenticationSettings => {
	const preferred = all('preferredauthentications')[0];
	const order =
		preferred === undefined
			? usualOrder
			: preferred
					.split(',')
					.flatMap((name) => usualOrder.find((known) => known === name) ?? []);
	const prompts = Number(all('numberofpasswordprompts')[0] ?? answerLimit);
	return {
		methods: order.filter(
			(method) => !/^(?:no|false)$/i.test(all(switches[method])[0] ?? ''),
		),
		promptLimit: /^(?:yes|true)$/i.test(all('batchmode')[0] ?? '')
			? 0
			: Math.min(prompts, answerLimit),
		certificateFiles,
	};
};
