import type {Client} from 'ssh2';
import {
	formatSshTarget,
	parseSshTarget,
	type SshTarget,
} from '../../cluster/ssh-target.js';
import {UserError, exitCodes} from '../../errors.js';
import {ownSignal} from '../../own-signal.js';
import type {Connector, ConnectQuestions, Host} from '../host.js';
import type {Redactor} from '../redactor.js';
import {answerFromEnvironment} from '../secret-environment.js';
import {makeAuthentication} from './authentication.js';
import {loginError} from './connect-errors.js';
import {makeConnection} from './connection.js';
import {collectCredentials, type Credentials} from './credentials.js';
import {dialDirectly, dialThrough, type Dialed} from './dial.js';
import {greet} from './greeting.js';
import {makeHostClock} from './host-clock.js';
import {makeHostKeyTrust, type HostKeyTrust} from './host-key-trust.js';
import {makeKeyRing, type KeyRing} from './key-files.js';
import {logIn, lookupNames} from './log-in.js';
import {dialByCommand} from './proxy-command.js';
import {findRootAccess} from './root-access.js';
import {makeSecretMemory, type SecretMemory} from './secret-memory.js';
import {makeSshHost} from './ssh-host.js';
import {
	resolveSettings,
	type SettingsSource,
	type SshSettings,
} from './ssh-settings.js';
import {makeSudoAnswers} from './sudo-answers.js';
import {unlessAborted} from './unless-aborted.js';

/** Where SSH finds what it needs on this machine, and who learns the secrets. */
export type SshConnectorOptions = SettingsSource & {
	readonly redactor: Redactor;
	/**
	 * Hears, once for each, of what the SSH configuration asks for and does not get, of host keys that it has accepted
	 * without a question, and of known_hosts files that can not be read or written.
	 */
	readonly onNote?: ((text: string) => void) | undefined;
};

/** How often a host is dialed anew that closed the connection while a person was asked. */
const closedLimit = 3;

type Reached = {
	readonly client: Client;
	readonly address: string;
	readonly dialed: string | undefined;
	/** The jump hosts on the way, and this machine itself. */
	readonly way: readonly string[];
	readonly closeBelow: () => void;
	/** Lets go of the sockets, of jump hosts as well, without a word to anybody. */
	readonly destroy: () => void;
};

const readJump = (node: string, text: string): SshTarget => {
	const parsed = parseSshTarget(text);
	if (!parsed.ok) {
		throw new UserError(`The jump host of ${node}: ${parsed.message}`, {
			node,
			exitCode: exitCodes.usage,
		});
	}

	return parsed.target;
};

const circleError = (
	node: string,
	host: string,
	way: readonly string[],
): UserError =>
	new UserError(
		`The jump hosts of ${node} go in a circle: ${way.join(', ')}.`,
		{
			node,
			exitCode: exitCodes.usage,
			tryNext: [
				`Write "ProxyJump none" for ${host} in your SSH configuration.`,
			],
		},
	);

type Context = {
	readonly options: SshConnectorOptions;
	readonly questions: ConnectQuestions;
	readonly signal: AbortSignal;
	readonly trust: HostKeyTrust;
	readonly secrets: SecretMemory;
	readonly keyRing: KeyRing;
	/** Says something once. */
	readonly note: (text: string) => void;
	/** Those that are being reached through the one at hand, to notice a loop. */
	readonly above: readonly string[];
};

/** Gets to the jump hosts of one machine, one through the other. */
const reachJumps = async (
	node: string,
	jumps: readonly string[],
	context: Context,
): Promise<Reached | undefined> => {
	let through: Reached | undefined;
	for (const [index, jump] of jumps.entries()) {
		const target = readJump(node, jump);
		// The configuration may have a way to the first; the others are reached through the one before, as ssh does.
		through = await reach(
			node,
			index === 0 ? target : {...target, jump: []},
			through,
			context,
		);
	}

	return through;
};

/** Gets to one machine, through its jump hosts, and logs in. */
const reach = async (
	node: string,
	target: SshTarget,
	below: Reached | undefined,
	context: Context,
): Promise<Reached> => {
	const {options, questions, signal, trust, note, secrets, keyRing} = context;
	let through = below;
	try {
		const settings = await resolveSettings(target, options, signal, note);
		const address = formatSshTarget({
			host: settings.host,
			user: settings.user,
			port: settings.port,
		});
		const above = [...context.above, address];
		if (context.above.includes(address)) {
			throw circleError(node, target.host, above);
		}

		through ??= await reachJumps(node, settings.jump, {...context, above});
		const via = through?.way ?? [];
		const clock = makeHostClock();
		const credentials: Credentials = settings.authentication.methods.includes(
			'publickey',
		)
			? await collectCredentials({
					node,
					settings,
					keyRing,
					questions,
					clock,
					signal,
				})
			: {identities: [], untried: [], notes: []};
		let closed = 0;
		for (;;) {
			const knownHosts = await trust.known(settings);
			const dialed = await dial(node, settings, through, context);
			const result = await logIn({
				node,
				settings,
				dialed,
				knownHosts,
				authenticate: (onEnd) =>
					makeAuthentication({
						settings,
						credentials,
						secrets,
						questions,
						via,
						clock,
						onEnd,
					}),
				clock,
				signal,
			});
			if (result.kind === 'ready') {
				const lower = through;
				return {
					client: result.client,
					address,
					way: [...via, address],
					dialed: dialed.address,
					closeBelow() {
						lower?.client.end();
						lower?.closeBelow();
					},
					destroy() {
						dialed.socket.destroy();
						lower?.destroy();
					},
				};
			}

			if (result.kind === 'closed-while-asking') {
				closed += 1;
				await unlessAborted(clock.released(), signal);
				const report = result.report();
				if (closed === closedLimit || report.isUnanswered) {
					throw loginError(node, settings, {...report, isTooMany: false});
				}

				continue;
			}

			await unlessAborted(
				trust.decide(settings, lookupNames(settings), result, {
					node,
					questions,
				}),
				signal,
			);
		}
	} catch (error) {
		through?.client.end();
		through?.closeBelow();
		throw error;
	}
};

/** Opens the way that the configuration says: through a jump host, by a command, or straight. */
const dial = async (
	node: string,
	settings: SshSettings,
	through: Reached | undefined,
	{options, signal}: Context,
): Promise<Dialed> => {
	if (through) {
		return dialThrough(node, settings, through, signal);
	}

	return settings.proxyCommand === undefined
		? dialDirectly(node, settings, signal)
		: dialByCommand(settings.proxyCommand, settings.host, options.environment);
};

/** Makes the connector of the real world: SSH by the person's own configuration, agent, keys and known_hosts. */
export const makeSshConnector = (options: SshConnectorOptions): Connector => {
	const said = new Set<string>();
	const note = (text: string): void => {
		if (!said.has(text)) {
			said.add(text);
			options.onNote?.(text);
		}
	};

	const trust = makeHostKeyTrust(note);
	const sudoAnswers = makeSudoAnswers();
	const secrets = makeSecretMemory(options.redactor);
	const keyRing = makeKeyRing(secrets);
	return async (
		{name, ssh},
		{signal: shared, questions: person},
	): Promise<Host> => {
		const signal = ownSignal(shared);
		const questions = answerFromEnvironment(person, options.environment);
		const reached = await reach(name, ssh, undefined, {
			options,
			questions,
			signal,
			trust,
			secrets,
			keyRing,
			note,
			above: [],
		});
		const connection = makeConnection(name, reached);
		try {
			const {login, rttMs} = await greet(connection, signal);
			const root = await findRootAccess({
				connection,
				login,
				host: ssh.host,
				known: sudoAnswers,
				answers: sudoAnswers.machine(reached.way.join(' ')),
				redactor: options.redactor,
				questions,
				signal,
			});
			return makeSshHost({
				connection,
				address: reached.address,
				dialed: reached.dialed,
				rttMs,
				login,
				root,
				redactor: options.redactor,
			});
		} catch (error) {
			await connection.close();
			throw error;
		}
	};
};
