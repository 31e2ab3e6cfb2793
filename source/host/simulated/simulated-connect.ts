import {Buffer} from 'node:buffer';
import type {SshTarget} from '../../cluster/ssh-target.js';
import type {Connector, UnknownHostKey} from '../host.js';
import {authenticationSettings} from '../ssh/authentication-settings.js';
import {
	changedKeyError,
	loginError,
	untrustedKeyError,
} from '../ssh/connect-errors.js';
import {dialError, silentError} from '../ssh/dial-errors.js';
import {answerLimit} from '../ssh/secret-memory.js';
import type {SshSettings} from '../ssh/ssh-settings.js';
import {makeSudoAnswers} from '../ssh/sudo-answers.js';
import type {Redactor} from '../redactor.js';
import type {Machine} from './machine.js';
import type {Scene} from './scene.js';
import {makeSimulatedHost} from './simulated-host.js';
import {askSimulatedSudo} from './simulated-sudo.js';

const settingsFor = (
	{host, user, port}: SshTarget,
	machine: Machine | undefined,
): SshSettings => ({
	host,
	port: port ?? 22,
	user: user ?? machine?.spec.user ?? 'root',
	family: undefined,
	connectTimeoutMs: 15_000,
	hostKeyAlias: undefined,
	keyFiles: [],
	keyFileNamed: false,
	identitiesOnly: false,
	agent: undefined,
	authentication: authenticationSettings(() => [], []),
	knownHostsFiles: ['~/.ssh/known_hosts'],
	newKeysFile: '~/.ssh/known_hosts',
	hashNewNames: false,
	newHosts: 'ask',
	jump: [],
	proxyCommand: undefined,
});

const failure = (code: string): Error & {code: string} =>
	Object.assign(new Error(code), {code});

/** The host key that a simulated machine shows. */
const keyOf = ({spec}: Machine, {host, port}: SshSettings): UnknownHostKey => ({
	host,
	port,
	algorithm: 'ssh-ed25519',
	fingerprint: `SHA256:${Buffer.from(
		`host key of ${spec.hostname}`.padEnd(32, '.'),
	)
		.toString('base64')
		.slice(0, 43)}`,
});

/** Connects to machines of the simulated world. What goes wrong is said in the same words as over real SSH. */
export const makeSimulatedConnector = (
	scene: Scene,
	redactor: Redactor,
): Connector => {
	const known = makeSudoAnswers();
	return async ({name, ssh}, {signal, questions}) => {
		const machine = scene.machines.find(({spec}) =>
			spec.dial.includes(ssh.host),
		);
		const settings = settingsFor(ssh, machine);
		if (machine === undefined) {
			await scene.pace.pass(600, signal);
			// A name is asked of DNS; an address that nobody has is silence.
			throw /^[\d.]+$|:/.test(ssh.host)
				? silentError(name, settings)
				: dialError(name, settings, failure('ENOTFOUND'));
		}

		const {spec} = machine;
		await scene.pace.pass(250 + 6 * spec.rttMs, signal);
		if (spec.faults?.ssh === 'silent') {
			throw silentError(name, settings);
		}

		if (
			spec.faults?.ssh === 'refused' ||
			settings.port !== (spec.sshPort ?? 22)
		) {
			throw dialError(name, settings, failure('ECONNREFUSED'));
		}

		const key = keyOf(machine, settings);
		if (spec.faults?.ssh === 'changed-key') {
			throw changedKeyError(
				name,
				key,
				{
					file: '~/.ssh/known_hosts',
					line: 7,
					marker: undefined,
					names: settings.host,
					keyType: key.algorithm,
					key: Buffer.alloc(0),
				},
				settings.host,
			);
		}

		if (!machine.trusted) {
			if (!(await questions.trustHostKey(key))) {
				throw untrustedKeyError(name, key, key.host);
			}

			machine.trusted = true;
		}

		const refusal: Parameters<typeof loginError>[2] = {
			tried: ['~/.ssh/id_ed25519'],
			accepted: [],
			allowed: ['publickey'],
			untried: [],
			notes: [],
			isUnanswered: false,
			isTooMany: false,
			keys: 1,
		};
		if (spec.faults?.ssh === 'no-login') {
			throw loginError(name, settings, refusal);
		}

		for (let attempt = 1; !machine.isUnlocked; attempt += 1) {
			const given =
				attempt > answerLimit
					? undefined
					: await questions.askSecret({
							kind: 'login-password',
							user: settings.user,
							host: settings.host,
							port: settings.port,
							attempt,
						});
			if (given === undefined) {
				throw loginError(name, settings, {
					...refusal,
					tried: [...refusal.tried, ...(attempt > 1 ? ['a password'] : [])],
					allowed: ['publickey', 'password'],
					isUnanswered: attempt === 1,
				});
			}

			machine.isUnlocked = given === spec.faults?.password;
		}

		signal.throwIfAborted();
		const {user, port, host} = settings;
		return makeSimulatedHost({
			scene,
			machine,
			name,
			user,
			port,
			host,
			refusal: await askSimulatedSudo({
				scene,
				machine,
				name,
				user,
				host,
				known,
				redactor,
				questions,
				signal,
			}),
		});
	};
};
