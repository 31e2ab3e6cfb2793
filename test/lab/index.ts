/** The lab as tests and the command use it: real hosts on networks of their own, on this machine. */
import type {ChildProcess, SpawnOptions} from 'node:child_process';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {stringify} from 'yaml';
import type {ClusterInput} from '../../source/cluster/schema.js';
import {
	containerControlGroups,
	containerSlot,
	containers,
} from './container.js';
import {instanceFolder} from './folders.js';
import {hostFiles, makeKey, type HostFile} from './host-files.js';
import type {HostExecOptions, HostKind, Workshop} from './host-kind.js';
import {bareEnvironment} from './launch.js';
import {mirrorOf, startMirror, type Mirror} from './mirror.js';
import {
	inNamespace,
	makeNetwork,
	namespaceOf,
	namespacesOf,
} from './network.js';
import {startRelay} from './relay/relay.js';
import {requireMachine} from './requirements.js';
import {LabError, run, start, type Result} from './run.js';
import {
	createState,
	isAbandoned,
	newInstanceId,
	ourMark,
	readInstances,
	readState,
	removeAbandoned,
	removeInstance,
	writeState,
	type InstanceState,
} from './state.js';
import {sshdHosts} from './sshd-host.js';
import {
	authorityOf,
	headscaleOf,
	makeHeadscale,
	startHeadscale,
	startStrangeHeadscale,
	type Headscale,
} from './tailnet/headscale.js';
import {prepareTailnetHost} from './tailnet/node.js';
import {bigNamed} from './topologies/big.js';
import {topologies} from './topologies/index.js';
import {sshOf, type HostSpec, type Topology} from './topology.js';
import {virtualMachines} from './vm.js';

export {sudoPassword, users} from './base-tree.js';
export {LabError, waitFor, type Result} from './run.js';
export {topologies} from './topologies/index.js';
export type {Headscale, HeadscaleNode} from './tailnet/headscale.js';
export type {Mirror, MirrorControl, MirrorRequest} from './mirror.js';

/** One machine of a running lab. */
export type LabNode = {
	readonly name: string;
	readonly role: HostSpec['role'];
	readonly site: string | undefined;
	/** Where the client reaches its sshd: mostly the external address. */
	readonly sshAddress: string;
	readonly sshPort: number;
	/** Who the cluster file logs in as; root and every user of base-tree.ts can. */
	readonly sshUser: string;
	readonly externalIp: string;
	readonly internalIp: string | undefined;
	/** Runs a program, or a POSIX sh script given as text, as root inside the host; does not use its sshd on containers. */
	readonly exec: (
		what: readonly string[] | string,
		options?: HostExecOptions,
	) => Promise<Result>;
	/** Boots the host again and waits until it lets people in. Abruptly: as when its power fails for a moment. */
	readonly reboot: (how?: 'abruptly') => Promise<void>;
	/** The text of a file inside the host; an error when it is not there. */
	readonly readFile: (file: string) => Promise<string>;
	/** The process on this machine that is the host now; changes when it boots again. */
	readonly pid: () => number;
};

export type ClientExecOptions = {
	readonly input?: string | Uint8Array | undefined;
	/** Added to PATH, HOME (the lab's), USER and LANG; nothing else of our environment gets in. */
	readonly env?: NodeJS.ProcessEnv | undefined;
	readonly cwd?: string | undefined;
	readonly timeoutMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** The person's laptop: a network namespace on the wan, with the machine's own programs and files. */
export type LabClient = {
	/** Name below /run/netns. */
	readonly netns: string;
	/** The environment that `exec` and `spawn` give. */
	readonly env: NodeJS.ProcessEnv;
	readonly exec: (
		argv: readonly string[],
		options?: ClientExecOptions,
	) => Promise<Result>;
	/** Starts a program; `options.env` is added to `env`. It is killed when the lab goes down. */
	readonly spawn: (
		argv: readonly string[],
		options?: SpawnOptions,
	) => ChildProcess;
};

export type Lab = {
	readonly name: string;
	readonly topology: Topology;
	readonly nodes: readonly LabNode[];
	/** The node of that name. */
	readonly node: (name: string) => LabNode;
	readonly client: LabClient;
	/**
	 * A second person's laptop: network card, hostname and processes of its own. What is started there is the first
	 * process of the machine, and ends with the last; only SIGKILL reaches it.
	 */
	readonly otherClient: LabClient;
	/** Path of the private key that every host lets in. */
	readonly sshKey: string;
	/** A 0700 HOME for the client: .ssh/known_hosts with the true host keys, .ssh/id_ed25519. */
	readonly home: string;
	readonly mirror: Mirror;
	/** The control server of the tailnet; an error where the topology has none. */
	readonly headscale: Headscale;
	/** Starts a second control server, of other people: nobody trusts its certificate. */
	readonly startStrangeHeadscale: () => Promise<Headscale>;
	/** A cluster file for this topology, with the lab's mirror; `extra` replaces top-level keys. */
	readonly clusterFile: (extra?: Partial<ClusterInput>) => string;
	readonly down: () => Promise<void>;
};

export type UpOptions = {
	readonly topology: string | Topology;
	/** Default: the topology's name with a random end. */
	readonly name?: string | undefined;
	/** Hosts as virtual machines instead of containers. */
	readonly vm?: boolean | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Leave it running when this process ends; otherwise the next `up` takes it away then. */
	readonly detached?: boolean | undefined;
	/** Install Debian packages that the lab needs and this machine lacks. */
	readonly install?: boolean | undefined;
	/** Hears what is going on. */
	readonly onProgress?: ((sentence: string) => void) | undefined;
};

const findTopology = (topology: string | Topology): Topology => {
	if (typeof topology !== 'string') {
		return topology;
	}

	const found =
		topologies.find(({name}) => name === topology) ?? bigNamed(topology);
	if (!found) {
		throw new LabError(
			`There is no topology "${topology}". There are: ${topologies.map(({name}) => name).join(', ')}.`,
		);
	}

	return found;
};

const homeOf = (instance: string): string =>
	path.join(instanceFolder(instance), 'home');

/** Puts a command on a machine whose hostname and processes are its own, until the command ends. */
const asMachine = (
	hostname: string,
	argv: readonly string[],
): readonly string[] => [
	'unshare',
	'--uts',
	'--pid',
	'--mount-proc',
	'--fork',
	'--kill-child',
	'sh',
	'-c',
	'echo "$0" >/proc/sys/kernel/hostname && exec "$@"',
	hostname,
	...argv,
];

const clientOf = (
	{name: instance, id, topology}: InstanceState,
	name: string,
	onMachine: (argv: readonly string[]) => readonly string[],
): LabClient => {
	const netns = namespaceOf(id, name);
	const env = {
		...bareEnvironment,
		PATH: process.env.PATH,
		HOME: homeOf(instance),
		USER: 'root',
		...(topology.tailnet !== undefined && {
			NODE_EXTRA_CA_CERTS: authorityOf(instance),
		}),
	};
	return {
		netns,
		env,
		exec: async (argv, options) =>
			run(inNamespace(netns, onMachine(argv)), {
				...options,
				env: {...env, ...options?.env},
			}),
		spawn: (argv, options) =>
			start(inNamespace(netns, onMachine(argv)), {
				...options,
				env: {...env, ...options?.env},
			}),
	};
};

/** Waits until no job of the host's boot is left. */
const settle = async (host: HostSpec, kind: HostKind): Promise<void> => {
	if (!kind.bootsAgain) {
		return;
	}

	await kind.exec(host, ['systemctl', 'is-system-running', '--wait'], {
		timeoutMs: 120_000,
	});
};

const nodeOf = (host: HostSpec, kind: HostKind): LabNode => {
	const exec: LabNode['exec'] = async (what, options) =>
		kind.exec(
			host,
			typeof what === 'string' ? ['/bin/sh', '-c', what] : what,
			options,
		);
	return {
		name: host.name,
		role: host.role,
		site: host.site,
		sshAddress: sshOf(host).address,
		sshPort: sshOf(host).port,
		sshUser: host.sshUser ?? 'root',
		externalIp: host.externalIp,
		internalIp: host.internalIp,
		exec,
		async reboot(how) {
			if (!kind.bootsAgain) {
				throw new LabError(`${host.name} has no systemd to boot it again.`);
			}

			const boot = await kind.bootId(host);
			// The answer may be lost with the host.
			await exec(
				[
					'systemctl',
					'reboot',
					...(how === 'abruptly' ? ['--force', '--force'] : ['--no-block']),
				],
				{timeoutMs: 10_000},
			);
			await kind.ready(host, boot);
			await settle(host, kind);
		},
		async readFile(file) {
			const {code, stdout, stderr} = await exec(['cat', '--', file]);
			if (code !== 0) {
				throw new LabError(`${host.name}: ${stderr.trim()}`);
			}

			return stdout;
		},
		pid: () => kind.pid(host),
	};
};

/** `user@host`, with the port when it is not 22. */
const sshText = (host: HostSpec): string => {
	const {address, port} = sshOf(host);
	return `${host.sshUser ?? 'root'}@${address}${port === 22 ? '' : `:${port}`}`;
};

const clusterFileOf = (
	topology: Topology,
	mirror: Mirror,
	extra: Partial<ClusterInput>,
): string => {
	const cluster: ClusterInput = {
		version: 1,
		name: topology.name,
		mesh: {kind: 'wireguard-native'},
		nodes: topology.hosts
			.filter(({outsider}) => outsider === undefined)
			.map((host) => ({
				name: host.name,
				role: host.role,
				ssh: sshText(host),
				externalIp: host.externalIp,
				...(host.internalIp !== undefined && {internalIp: host.internalIp}),
				...(host.site !== undefined &&
					!topology.unnamedSites && {site: host.site}),
			})),
		mirrors: {
			installScript: mirror.installScript,
			releases: mirror.releases,
			channels: mirror.channels,
		},
		...extra,
	};
	return stringify(cluster);
};

const workshopOf = (state: InstanceState, signal?: AbortSignal): Workshop => ({
	instance: state.name,
	id: state.id,
	topology: state.topology,
	sshKey: path.join(homeOf(state.name), '.ssh', 'id_ed25519'),
	signal,
});

const makerOf = ({
	vm,
	topology,
}: InstanceState): ((workshop: Workshop) => HostKind) => {
	if (vm) {
		return virtualMachines;
	}

	return topology.hostKind === 'sshd' ? sshdHosts : containers;
};

const kindOf = (state: InstanceState, signal?: AbortSignal): HostKind =>
	makerOf(state)(workshopOf(state, signal));

const labOf = (state: InstanceState, kind: HostKind): Lab => {
	const {topology} = state;
	const home = homeOf(state.name);
	const mirror = mirrorOf(state.name);
	const nodes = topology.hosts.map((host) => nodeOf(host, kind));
	const tailnetLine = () => {
		if (topology.tailnet === undefined) {
			throw new LabError(`${topology.name} has no tailnet.`);
		}

		return topology.tailnet;
	};

	return {
		name: state.name,
		topology,
		nodes,
		node(name) {
			const found = nodes.find((node) => node.name === name);
			if (!found) {
				throw new LabError(
					`${state.name} has no node "${name}". It has: ${nodes.map((node) => node.name).join(', ')}.`,
				);
			}

			return found;
		},
		client: clientOf(state, 'client', (argv) => argv),
		otherClient: clientOf(state, 'client2', (argv) =>
			asMachine('laptop2', argv),
		),
		sshKey: path.join(home, '.ssh', 'id_ed25519'),
		home,
		mirror,
		get headscale() {
			return headscaleOf(state.name, state.id, tailnetLine());
		},
		startStrangeHeadscale: async () =>
			startStrangeHeadscale(state.name, state.id, tailnetLine()),
		clusterFile: (extra = {}) => clusterFileOf(topology, mirror, extra),
		down: async () => removeInstance(state.name),
	};
};

/** The keys and the home of the client, and what each host gets of them. */
const makeIdentities = async (
	state: InstanceState,
): Promise<Map<HostSpec, HostFile[]>> => {
	const home = homeOf(state.name);
	const ssh = path.join(home, '.ssh');
	const keys = path.join(instanceFolder(state.name), 'host-keys');
	await mkdir(home, {mode: 0o700});
	await mkdir(ssh, {mode: 0o700});
	await mkdir(keys, {mode: 0o700});
	const client = await makeKey(path.join(ssh, 'id_ed25519'), 'lab client');
	const pairs = await Promise.all(
		state.topology.hosts.map(
			async (host) =>
				[host, await makeKey(path.join(keys, host.name), host.name)] as const,
		),
	);
	await writeFile(
		path.join(ssh, 'known_hosts'),
		pairs
			.map(([host, key]) => {
				const [type, blob] = key.publicKey.split(' ');
				const {address, port} = sshOf(host);
				const where = port === 22 ? address : `[${address}]:${port}`;
				return `${where} ${type} ${blob}\n`;
			})
			.join(''),
		{mode: 0o600},
	);
	return new Map(
		pairs.map(([host, key]) => [host, hostFiles(host, key, client.publicKey)]),
	);
};

const finishBoot = async (
	state: InstanceState,
	host: HostSpec,
	kind: HostKind,
	say: (sentence: string) => void,
): Promise<void> => {
	await kind.ready(host);
	await settle(host, kind);
	if (state.topology.tailnet !== undefined) {
		await prepareTailnetHost(host, kind, authorityOf(state.name));
	}

	if (host.setup !== undefined) {
		const {code, stdout, stderr} = await kind.exec(host, [
			'/bin/sh',
			'-euc',
			host.setup,
		]);
		if (code !== 0) {
			throw new LabError(
				`The setup of ${host.name} ended with ${code}: ${stderr}${stdout}`,
			);
		}
	}

	say(`${host.name} is up.`);
};

/**
 * Brings a lab up. Whatever abandoned instances are there are taken away first. When it fails or is aborted, nothing
 * is left.
 */
export const up = async (options: UpOptions): Promise<Lab> => {
	const {vm = false, signal, detached = false} = options;
	const say = options.onProgress ?? (() => undefined);
	const topology = findTopology(options.topology);
	const odd = topology.hosts.find(
		({moreAddresses, ipv6, link}) => moreAddresses ?? ipv6 ?? link,
	);
	if (vm && odd) {
		throw new LabError(
			`${topology.name} can not be made of virtual machines: they have one address on one plain cable, and ${odd.name} has more.`,
		);
	}

	await requireMachine(vm, options.install ?? false);
	await removeAbandoned();
	const id = newInstanceId();
	const inContainers = !vm && topology.hostKind !== 'sshd';
	const state: InstanceState = {
		name: options.name ?? `${topology.name}-${id}`,
		id,
		topology,
		vm,
		maker: ourMark(),
		detached,
		phase: 'starting',
		namespaces: namespacesOf(topology, id),
		controlGroups: inContainers ? containerControlGroups(topology, id) : [],
		selfEnding: inContainers
			? topology.hosts.map((host) => containerSlot(host))
			: [],
	};
	await createState(state);
	try {
		const kind = kindOf(state, signal);
		say(
			'Preparing the tree of the hosts (a minute when it is the first time).',
		);
		await kind.prepare();
		const files = await makeIdentities(state);
		await makeHeadscale(state.name, topology, say, signal);
		await makeNetwork(topology, id, signal);
		for (const host of topology.hosts) {
			await kind.start(host, files.get(host)!);
		}

		await Promise.all([
			startMirror(state.name, id, topology, signal),
			startRelay(state.name, id, topology, signal),
			startHeadscale(state.name, id, topology),
			...topology.hosts.map(async (host) => finishBoot(state, host, kind, say)),
		]);
		signal?.throwIfAborted();
		await writeState({...state, phase: 'up'});
		return labOf(state, kind);
	} catch (error) {
		await removeInstance(state.name);
		throw error;
	}
};

/** A lab that is up already, made by another process. */
export const open = (name: string): Lab => {
	const state = readState(name);
	if (state?.phase !== 'up') {
		const names = readInstances().map((instance) => instance.name);
		throw new LabError(
			`No lab "${name}" is up. ${names.length === 0 ? 'None is.' : `There are: ${names.join(', ')}.`}`,
		);
	}

	return labOf(state, kindOf(state));
};

/** Takes down one instance, or all. */
export const down = async (name?: string): Promise<string[]> => {
	const names =
		name === undefined
			? readInstances().map((instance) => instance.name)
			: [name];
	for (const instance of names) {
		if (!readState(instance)) {
			throw new LabError(`There is no lab "${instance}".`);
		}

		await removeInstance(instance);
	}

	return names;
};

/** What there is on this machine. */
export const list = (): ReadonlyArray<{
	readonly name: string;
	readonly topology: string;
	readonly vm: boolean;
	readonly state: 'starting' | 'up' | 'abandoned';
	readonly nodes: readonly string[];
}> =>
	readInstances().map((instance) => ({
		name: instance.name,
		topology: instance.topology.name,
		vm: instance.vm,
		state: isAbandoned(instance) ? 'abandoned' : instance.phase,
		nodes: instance.topology.hosts.map(
			(host) => `${host.name} ${sshText(host)}`,
		),
	}));
