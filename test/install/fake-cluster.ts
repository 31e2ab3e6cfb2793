import {createHash} from 'node:crypto';
import {HostLost} from '../../source/host/errors.js';
import type {CallOptions, Host} from '../../source/host/host.js';
import type {Script} from '../../source/host/scripts/script.js';
import type {HostSource} from '../../source/install/host-pool.js';
import {reasonOf} from '../../source/install/wait.js';

/** A machine as far as the engine's scripts see it. */
export type FakeMachine = {
	readonly name: string;
	readonly files: Map<string, {content: string; mode: number}>;
	manifest: string | undefined;
	manifestWrites: number;
	binary: string | undefined;
	unit: string | undefined;
	appliedHash: string | undefined;
	active: boolean;
	restarts: number;
	/** The clock, in seconds since 1970; that of the fake run stands at 0. */
	clock: number;
	readonly firewall: Set<string>;
	/** Every call, as `name`. */
	readonly calls: string[];
};

export type FakeCluster = {
	readonly machines: ReadonlyMap<string, FakeMachine>;
	readonly source: HostSource;
	/** Called before each script; may throw, or wait for the signal. */
	before: (
		node: string,
		script: string,
		options: CallOptions & {readonly onLine?: (line: string) => void},
	) => Promise<void> | void;
	/** Nodes that the API shows as not Ready. */
	readonly notReady: Set<string>;
	/** Connections made, by node. */
	readonly connections: Map<string, number>;
};

/** The inputs of all scripts at once; each finds its own fields. */
type AnyInput = {
	readonly paths: readonly string[];
	readonly path: string;
	readonly content: string;
	readonly mode: number;
	readonly rules: ReadonlyArray<{readonly add: readonly string[]}>;
	readonly checkOnly: boolean;
	readonly version: string;
	readonly role: string;
	readonly targets: readonly string[];
	readonly pods: readonly string[];
};

export const caHash = 'c'.repeat(64);

const sha256 = (text: string): string =>
	createHash('sha256').update(text).digest('hex');

/** Waits until the call is aborted, as a script without an end does. */
export const forever = async ({signal}: CallOptions): Promise<never> =>
	new Promise((_resolve, reject) => {
		if (signal.aborted) {
			reject(reasonOf(signal));
		}

		signal.addEventListener('abort', () => {
			reject(reasonOf(signal));
		});
	});

/** Machines that do what the catalogue's scripts say, in memory. The first is the server. */
export const makeFakeCluster = (names: readonly string[]): FakeCluster => {
	const machines = new Map(
		names.map((name): [string, FakeMachine] => [
			name,
			{
				name,
				files: new Map(),
				manifest: undefined,
				manifestWrites: 0,
				binary: undefined,
				unit: undefined,
				appliedHash: undefined,
				active: false,
				restarts: 0,
				clock: 0,
				firewall: new Set(),
				calls: [],
			},
		]),
	);
	const first = names[0]!;
	const connections = new Map<string, number>();

	const tokens = () => {
		const server = machines.get(first)!;
		const config = server.files.get('/config')?.content;
		if (!server.active || config === undefined) {
			return {server: undefined, agent: undefined};
		}

		const value = (key: string) =>
			new RegExp(`^${key}: "(.*)"$`, 'm').exec(config)?.[1];
		return {
			server: `K10${caHash}::server:${value('token')}`,
			agent: `K10${caHash}::node:${value('agent-token')}`,
		};
	};

	const notReady = new Set<string>();
	const nodeObjects = () =>
		[...machines.values()]
			.filter(({active}) => active)
			.map(({name}) => ({
				name,
				ready: !notReady.has(name),
				notReadyMessage: notReady.has(name)
					? 'container runtime network not ready'
					: undefined,
				internalIps: [],
				externalIps: [`198.51.100.${names.indexOf(name) + 1}`],
				podCidrs: [`10.42.${names.indexOf(name)}.0/24`],
				taints: [],
				kubeletVersion: 'v1.36.3+k3s1',
				wireguardKey: `key-${name}`,
				meshEndpoint: undefined,
			}));

	const podAddress = (name: string) => `10.42.${names.indexOf(name)}.9`;

	const answer = (
		machine: FakeMachine,
		script: string,
		input: AnyInput,
		onLine: (line: string) => void,
	): unknown => {
		const changed = () => {
			machine.appliedHash = undefined;
			return true;
		};

		switch (script) {
			case 'files.hash': {
				return new Map(
					input.paths.map((path) => {
						const file = machine.files.get(path);
						return [
							path,
							file && {
								sha256: sha256(file.content),
								mode: file.mode,
								rootOwned: true,
							},
						];
					}),
				);
			}

			case 'files.read': {
				return machine.files.get(input.path)?.content;
			}

			case 'files.write': {
				machine.files.set(input.path, {
					content: input.content,
					mode: input.mode,
				});
				return {changed: changed(), backup: undefined};
			}

			case 'manifest.read': {
				return machine.manifest;
			}

			case 'manifest.write': {
				machine.manifest = input.content;
				machine.manifestWrites += 1;
				return {changed: true};
			}

			case 'firewall.apply': {
				const missing = input.rules.filter(
					({add}) => !machine.firewall.has(add.join(' ')),
				);
				if (!input.checkOnly) {
					for (const {add} of missing) {
						machine.firewall.add(add.join(' '));
					}
				}

				return {
					missing: missing.length,
					places: missing.map((rule) => input.rules.indexOf(rule)),
				};
			}

			case 'k3s.download': {
				onLine('@now downloads');
				onLine('@progress 5 10');
				if (machine.binary === input.version) {
					return {changed: false};
				}

				machine.binary = input.version;
				return {changed: changed()};
			}

			case 'k3s.install': {
				onLine('[INFO]  systemd: Creating service file');
				const unit = `${input.role} ${input.version}`;
				if (machine.unit === unit) {
					return {changed: false};
				}

				machine.unit = unit;
				return {changed: changed()};
			}

			case 'k3s.start': {
				const hash = sha256(
					`${input.version}${machine.files.get('/config')?.content}`,
				);
				const restarted = !machine.active || machine.appliedHash !== hash;
				machine.appliedHash = hash;
				if (restarted) {
					machine.active = true;
					machine.restarts += 1;
				}

				return {restarted, appliedHash: hash, sinceUnix: 1000};
			}

			case 'k3s.state':
			case 'k3s.journal': {
				return {
					activeState: machine.active ? 'active' : 'inactive',
					subState: 'running',
					restarts: 0,
					mainPid: 1,
				};
			}

			case 'host.clock': {
				return machine.clock;
			}

			case 'k3s.recent-journal': {
				return undefined;
			}

			case 'k3s.ping': {
				return {outcome: 'pong', detail: 'pong'};
			}

			case 'k3s.tokens': {
				return tokens();
			}

			case 'k3s.nodes': {
				return nodeObjects();
			}

			case 'verify.pods-up': {
				return {image: 'pause'};
			}

			case 'verify.pods-list': {
				return nodeObjects().map(({name}) => ({
					name: `pod-${name}`,
					node: name,
					address: podAddress(name),
					running: true,
					reason: undefined,
				}));
			}

			case 'verify.ping': {
				return input.targets.map((address) => ({
					address,
					ok: true,
					rttMs: 1,
					problem: undefined,
				}));
			}

			case 'verify.handshakes': {
				return {
					available: true,
					peers: names.map((name) => ({
						publicKey: `key-${name}`,
						ageSeconds: 3,
					})),
				};
			}

			case 'verify.cluster-dns': {
				return {address: '10.43.0.10'};
			}

			case 'verify.pod-network': {
				return {
					problem: undefined,
					pings: input.targets.map((address) => ({
						address,
						ok: true,
						rttMs: 2,
						problem: undefined,
					})),
					dns: {ok: true, detail: ''},
				};
			}

			case 'verify.logs': {
				return new Map(input.pods.map((pod) => [pod, {ok: true, detail: ''}]));
			}

			case 'verify.kubelet': {
				return {ok: true, detail: ''};
			}

			case 'verify.stand-in-up': {
				return {address: '10.42.9.254'};
			}

			case 'verify.metrics': {
				return nodeObjects().map(({name}) => name);
			}

			case 'verify.stand-in-down':
			case 'verify.pods-down': {
				return undefined;
			}

			default: {
				throw new Error(`The fake has no ${script}.`);
			}
		}
	};

	const connect = (name: string): Host => {
		const machine = machines.get(name);
		if (!machine) {
			throw new HostLost(name, 'no such machine');
		}

		connections.set(name, (connections.get(name) ?? 0) + 1);
		const call = async <Input, Output>(
			script: Script<Input, Output>,
			input: Input,
			options: CallOptions & {readonly onLine?: (line: string) => void},
		): Promise<Output> => {
			options.signal.throwIfAborted();
			machine.calls.push(script.name);
			// The fields are what goes over the wire: they must be fit for it.
			script.fields(input);
			await cluster.before(name, script.name, options);
			options.signal.throwIfAborted();
			return answer(
				machine,
				script.name,
				input as AnyInput,
				options.onLine ?? (() => undefined),
			) as Output;
		};

		return {
			name,
			address: `root@${name}`,
			rttMs: 1,
			run: call,
			stream: call,
			async upload() {
				throw new Error('The fake takes no files.');
			},
			async converse() {
				throw new Error('The fake does not converse.');
			},
			async close() {
				// Nothing is open.
			},
		};
	};

	const cluster: FakeCluster = {
		machines,
		connections,
		notReady,
		source: {
			open: async (name) => connect(name),
			reopen: async (name) => connect(name),
		},
		before() {
			// Nothing goes wrong.
		},
	};
	return cluster;
};
