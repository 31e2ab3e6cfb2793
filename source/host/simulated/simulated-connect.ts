import {Buffer} from 'node:buffer';
import type {SshTarget} from '../../cluster/ssh-target.js';
import type {Connector, UnknownHostKey} from '../host.js';
import {
	changedKeyError,
	dialError,
	loginError,
	silentError,
	untrustedKeyError,
} from '../ssh/connect-errors.js';
import type {SshSettings} from '../ssh/ssh-settings.js';
import type {Machine} from './machine.js';
import type {Scene} from './scene.js';
import {makeSimulatedHost} from './simulated-host.js';

const settingsFor = (
	{host, user, port}: SshTarget,
	machine: Machine | undefined,
): SshSettings => ({
	host,
	port: port ?? 22,
	user: user ?? machine?.spec.user ?? 'root',
	hostKeyAlias: undefined,
	keyFiles: [],
	keyFileNamed: false,
	identitiesOnly: false,
	agent: undefined,
	knownHostsFiles: ['~/.ssh/known_hosts'],
	jump: [],
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
export const makeSimulatedConnector =
	(scene: Scene): Connector =>
	async ({name, ssh}, {signal, questions}) => {
		const machine = scene.machines.find(({spec}) =>
			spec.dial.includes(ssh.host),
		);
		const settings = settingsFor(ssh, machine);
		if (machine === undefined) {
			await scene.pace.pass(600, signal);
			// A name is asked of DNS; an address that nobody has is silence.
			throw /^[\d.]+$|:/.test(ssh.host)
				? silentError(name, settings.host, settings.port)
				: dialError(name, settings, failure('ENOTFOUND'));
		}

		const {spec} = machine;
		await scene.pace.pass(250 + 6 * spec.rttMs, signal);
		if (spec.faults?.ssh === 'silent') {
			throw silentError(name, settings.host, settings.port);
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
					revoked: false,
					names: settings.host,
					keyType: key.algorithm,
					key: Buffer.alloc(0),
				},
				settings.host,
			);
		}

		if (!machine.trusted) {
			if (!(await questions.trustHostKey(key))) {
				throw untrustedKeyError(name, key);
			}

			machine.trusted = true;
		}

		if (spec.faults?.ssh === 'no-login') {
			throw loginError(name, settings, {
				tried: ['~/.ssh/id_ed25519'],
				encrypted: [],
				accepted: ['publickey'],
			});
		}

		signal.throwIfAborted();
		return makeSimulatedHost({
			scene,
			machine,
			name,
			user: settings.user,
			port: settings.port,
			host: settings.host,
		});
	};
