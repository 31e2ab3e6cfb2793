import type {Client} from 'ssh2';
import {
	formatSshTarget,
	parseSshTarget,
	type SshTarget,
} from '../../cluster/ssh-target.js';
import {UserError, exitCodes} from '../../errors.js';
import type {
	Connector,
	ConnectQuestions,
	Host,
	UnknownHostKey,
} from '../host.js';
import type {Redactor} from '../redactor.js';
import {untrustedKeyError} from './connect-errors.js';
import {makeConnection} from './connection.js';
import {collectCredentials} from './credentials.js';
import {dialDirectly, dialThrough} from './dial.js';
import {greet} from './greeting.js';
import {readKnownHosts, rememberKey} from './known-hosts-files.js';
import {logIn, lookupName} from './log-in.js';
import {makeSshHost} from './ssh-host.js';
import {resolveSettings, type SettingsSource} from './ssh-settings.js';

/** Where SSH finds what it needs on this machine, and who learns the secrets. */
export type SshConnectorOptions = SettingsSource & {
	readonly redactor: Redactor;
};

type Reached = {
	readonly client: Client;
	readonly address: string;
	readonly dialed: string | undefined;
	readonly closeBelow: () => void;
};

/** Asks about a key once, however many nodes are behind it at the same time. */
type AskOnce = (
	questions: ConnectQuestions,
	question: UnknownHostKey,
	remember: () => Promise<void>,
) => Promise<boolean>;

const makeAskOnce = (): AskOnce => {
	const asked = new Map<string, Promise<boolean>>();
	return async (questions, question, remember) => {
		const key = `${question.host} ${question.port} ${question.fingerprint}`;
		const ask = async (): Promise<boolean> => {
			const trusted = await questions.trustHostKey(question);
			if (trusted) {
				await remember();
			}

			return trusted;
		};

		const answer = asked.get(key) ?? ask();
		asked.set(key, answer);
		try {
			const trusted = await answer;
			if (!trusted) {
				// The next attempt may ask again.
				asked.delete(key);
			}

			return trusted;
		} catch (error) {
			asked.delete(key);
			throw error;
		}
	};
};

const readJump = (node: string, text: string): SshTarget => {
	const parsed = parseSshTarget(text);
	if (!parsed.ok) {
		throw new UserError(`The jump host of ${node}: ${parsed.message}`, {
			node,
			exitCode: exitCodes.usage,
		});
	}

	return {...parsed.target, jump: []};
};

/** Gets to one machine, through its jump hosts, and logs in. */
const reach = async (
	node: string,
	target: SshTarget,
	below: Reached | undefined,
	context: {
		readonly options: SshConnectorOptions;
		readonly questions: ConnectQuestions;
		readonly signal: AbortSignal;
		readonly askOnce: AskOnce;
	},
): Promise<Reached> => {
	const {options, questions, signal, askOnce} = context;
	const settings = await resolveSettings(target, options, signal);
	let through = below;
	for (const jump of settings.jump) {
		through = await reach(node, readJump(node, jump), through, context);
	}

	try {
		const credentials = await collectCredentials(node, settings);
		for (;;) {
			const knownHosts = await readKnownHosts(settings.knownHostsFiles);
			const dialed = through
				? await dialThrough(node, settings, through.client, signal)
				: await dialDirectly(node, settings, signal);
			const result = await logIn({
				node,
				settings,
				dialed,
				knownHosts,
				credentials,
				signal,
			});
			if (result.kind === 'ready') {
				const reachedThrough = through;
				return {
					client: result.client,
					address: formatSshTarget({
						host: settings.host,
						user: settings.user,
						port: settings.port,
					}),
					dialed: dialed.address,
					closeBelow() {
						reachedThrough?.client.end();
						reachedThrough?.closeBelow();
					},
				};
			}

			const {key, question} = result;
			const trusted = await abortable(
				askOnce(questions, question, async () =>
					rememberKey(settings.knownHostsFiles[0]!, lookupName(settings), key),
				),
				signal,
			);
			if (!trusted) {
				throw untrustedKeyError(node, question);
			}
		}
	} catch (error) {
		through?.client.end();
		through?.closeBelow();
		throw error;
	}
};

const abortable = async <Value>(
	promise: Promise<Value>,
	signal: AbortSignal,
): Promise<Value> =>
	new Promise((resolve, reject) => {
		const onAbort = () => {
			reject(signal.reason as Error);
		};

		signal.throwIfAborted();
		signal.addEventListener('abort', onAbort, {once: true});
		promise.then(resolve, reject).finally(() => {
			signal.removeEventListener('abort', onAbort);
		});
	});

/** Makes the connector of the real world: SSH by the person's own configuration, agent, keys and known_hosts. */
export const makeSshConnector = (options: SshConnectorOptions): Connector => {
	const askOnce = makeAskOnce();
	return async ({name, ssh}, {signal, questions}): Promise<Host> => {
		const reached = await reach(name, ssh, undefined, {
			options,
			questions,
			signal,
			askOnce,
		});
		const connection = makeConnection(name, reached.client, reached.closeBelow);
		try {
			const {login, rttMs} = await greet(connection, signal);
			return makeSshHost({
				connection,
				address: reached.address,
				dialed: reached.dialed,
				rttMs,
				login,
				redactor: options.redactor,
			});
		} catch (error) {
			await connection.close();
			throw error;
		}
	};
};
