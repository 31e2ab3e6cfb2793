/**
 * Becomes root on a host of the lab as often as it is told, with answers that it is told. Reads `SudoOrder` from
 * standard input and prints one JSON object: `SudoReport`.
 */
import os from 'node:os';
import process from 'node:process';
import {json} from 'node:stream/consumers';
import {UserError} from '../../source/errors.js';
import type {SecretQuestion} from '../../source/host/host.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {defineScript} from '../../source/host/scripts/script.js';
import {makeSshConnector} from '../../source/host/ssh/connect.js';

export type SudoOrder = {
	readonly host: string;
	/** Who logs in, one after the other, over one connector. */
	readonly users: readonly string[];
	/** What the person answers; `null` declines. */
	readonly answers: ReadonlyArray<string | null>;
};

export type SudoEnd = {
	/** The user id that root's script has; absent when it did not run. */
	readonly id?: number;
	/** Did every byte of a value come back, on every one of several channels at once? */
	readonly isWhole?: boolean;
	/** What a failing script is told to have said last. */
	readonly said?: string;
	/** Why there is no root. */
	readonly refused?: string;
	/** What connecting ended by, with its advice. */
	readonly error?: string;
	readonly kind?: string;
};

export type SudoReport = {
	readonly asked: readonly SecretQuestion[];
	readonly ends: readonly SudoEnd[];
};

const order = (await json(process.stdin)) as SudoOrder;
const left = [...order.answers];
const asked: SecretQuestion[] = [];
const signal = AbortSignal.timeout(110_000);

const echo = defineScript<{readonly value: string}, string>({
	name: 'test.echo',
	purpose: 'says who it is and gives a value back',
	as: 'root',
	timeoutMs: 60_000,
	fields: ({value}) => [{name: 'value', value}],
	source: String.raw`echo noise >&2; printf '%s\n%s' "$(id -u)" "$value"`,
	decode: ({stdout}) => stdout,
});
const fail = defineScript<Record<string, never>, void>({
	name: 'test.fail',
	purpose: 'fails',
	as: 'root',
	timeoutMs: 60_000,
	fields: () => [],
	source: 'echo stdout; echo "this is why" >&2; exit 3',
	decode: () => undefined,
});

const connect = makeSshConnector({
	home: process.env.HOME ?? os.homedir(),
	environment: process.env,
	redactor: makeRedactor(),
});

const described = (error: unknown): SudoEnd => {
	if (!(error instanceof UserError)) {
		throw error;
	}

	return {
		error: [error.message, ...error.tryNext].join('\n'),
		kind: error.name,
	};
};

const logIn = async (user: string): Promise<SudoEnd> => {
	try {
		const host = await connect(
			{name: 'n1', ssh: {host: order.host, user}},
			{
				signal,
				questions: {
					trustHostKey: async () => false,
					async askSecret(question) {
						asked.push(question);
						return left.shift() ?? undefined;
					},
				},
			},
		);
		try {
			if (host.rootRefused !== undefined) {
				return {refused: host.rootRefused};
			}

			const value = `${[...Array.from({length: 255}).keys()].map((code) => String.fromCodePoint(code + 1)).join('')}\r\n\u0004\u0003${'x'.repeat(100_000)}\n\n`;
			const answers = await Promise.all(
				Array.from({length: 4}, async () => host.run(echo, {value}, {signal})),
			);
			let said = '';
			try {
				await host.run(fail, {}, {signal});
			} catch (error) {
				said = (error as Error).message;
			}

			return {
				id: Number(answers[0]!.split('\n')[0]),
				isWhole: answers.every((answer) => answer === `0\n${value}`),
				said,
			};
		} finally {
			await host.close();
		}
	} catch (error) {
		return described(error);
	}
};

const ends: SudoEnd[] = [];
for (const user of order.users) {
	ends.push(await logIn(user));
}

process.stdout.write(JSON.stringify({asked, ends} satisfies SudoReport));
