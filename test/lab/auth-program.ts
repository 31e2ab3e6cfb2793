/**
 * Logs in from a namespace of the lab as often as it is told, with answers that it is told. Reads `AuthOrder` from
 * standard input and prints one JSON object: `AuthReport`.
 */
import os from 'node:os';
import process from 'node:process';
import {json} from 'node:stream/consumers';
import {UserError} from '../../source/errors.js';
import type {SecretQuestion} from '../../source/host/host.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {makeSshConnector} from '../../source/host/ssh/connect.js';

export type AuthOrder = {
	readonly ssh: {
		readonly host: string;
		readonly user: string;
		readonly identityFile?: string;
	};
	/** Logins one after the other, over one connector. */
	readonly times: number;
	readonly answers: readonly string[];
};

export type AuthReport = {
	readonly asked: readonly SecretQuestion[];
	/** What each login came to: empty when it was let in. */
	readonly ends: readonly string[];
};

const {ssh, times, answers} = (await json(process.stdin)) as AuthOrder;
const left = [...answers];
const asked: SecretQuestion[] = [];
const ends: string[] = [];
const connect = makeSshConnector({
	home: process.env.HOME ?? os.homedir(),
	environment: process.env,
	redactor: makeRedactor(),
});
for (let time = 0; time < times; time += 1) {
	try {
		const host = await connect(
			{name: 'n1', ssh},
			{
				signal: AbortSignal.timeout(60_000),
				questions: {
					trustHostKey: async () => false,
					async askSecret(question) {
						asked.push(question);
						return left.shift();
					},
				},
			},
		);
		await host.close();
		ends.push('');
	} catch (error) {
		if (!(error instanceof UserError)) {
			throw error;
		}

		ends.push([error.message, ...error.tryNext].join('\n'));
	}
}

process.stdout.write(JSON.stringify({asked, ends} satisfies AuthReport));
