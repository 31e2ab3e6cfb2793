import {parse} from 'yaml';
import type {Role} from '../../cluster/schema.js';
import type {Machine, SimulatedCluster} from './machine.js';
import {follow} from './network.js';
import type {Scene} from './scene.js';

/** What a simulated K3s is started with. */
export type Start = {
	readonly role: Role;
	readonly version: string;
	readonly configFiles: readonly string[];
};

type Config = Readonly<Record<string, unknown>>;

/** The keys of all config files, later files first in rank, as K3s merges them. */
const readConfig = (machine: Machine, paths: readonly string[]): Config => {
	const merged: Record<string, unknown> = {};
	for (const path of paths) {
		const content = machine.files.get(path)?.content;
		if (content !== undefined && /\.ya?ml$/.test(path)) {
			Object.assign(merged, parse(content) as Config);
		}
	}

	return merged;
};

const textOf = (config: Config, key: string): string | undefined => {
	const value = config[key];
	const first: unknown = Array.isArray(value) ? value[0] : value;
	return typeof first === 'string' ? first : undefined;
};

/** A token in full, as K3s writes it. */
export const fullToken = (
	{caHash, serverToken, agentToken}: SimulatedCluster,
	role: Role,
): string =>
	role === 'server'
		? `K10${caHash}::server:${serverToken}`
		: `K10${caHash}::node:${agentToken}`;

/** The machine that a name or address leads to. */
const serverAt = (scene: Scene, from: Machine, host: string) => {
	const named = scene.machines.find(({spec}) => spec.dial.includes(host));
	return follow(scene, from, {
		address: named?.spec.externalIp ?? host,
		protocol: 'tcp',
		port: 6443,
	});
};

/** Why a machine can not join yet, in the words of Go's network library and K3s, or the cluster that it may join. */
const tryToJoin = (
	scene: Scene,
	machine: Machine,
	role: Role,
	config: Config,
): {readonly problem: string} | {readonly cluster: SimulatedCluster} => {
	const url = textOf(config, 'server') ?? '';
	const {hostname, port} = new URL(url);
	const host = hostname.replace(/^\[(.*)]$/, '$1');
	const dial = `dial tcp ${host}:${port === '' ? '443' : port}`;
	const arrival = serverAt(scene, machine, host);
	if (
		(machine.spec.faults?.neverJoins ?? false) ||
		arrival.kind === 'silence'
	) {
		return {problem: `${dial}: i/o timeout`};
	}

	const server = arrival.kind === 'arrives' ? arrival.machine.k3s : undefined;
	if (
		server?.cluster === undefined ||
		server.unit.activeState !== 'active' ||
		server.installed?.role !== 'server'
	) {
		return {problem: `${dial}: connect: connection refused`};
	}

	return textOf(config, 'token') === fullToken(server.cluster, role)
		? {cluster: server.cluster}
		: {
				problem: 'token CA hash does not match the Cluster CA certificate hash',
			};
};

const register = (
	machine: Machine,
	cluster: SimulatedCluster,
	role: Role,
	config: Config,
): void => {
	const {spec, facts, k3s} = machine;
	const name = textOf(config, 'node-name') ?? spec.hostname;
	const known = cluster.nodes.get(name);
	const [first = '10', second = '42'] = cluster.clusterCidr.split('.');
	const podCidr =
		known?.podCidr ?? `${first}.${second}.${cluster.nodes.size}.0/24`;
	k3s.cluster = cluster;
	// With vpn-auth K3s takes the address that it has in the tailnet, and offers its pod network there.
	const inTailnet =
		textOf(config, 'vpn-auth-file') === undefined
			? undefined
			: machine.tailscale?.addresses[0];
	if (inTailnet !== undefined) {
		machine.tailscale = {
			...machine.tailscale!,
			advertisedRoutes: [podCidr],
			approvedRoutes: [podCidr],
		};
	}

	cluster.nodes.set(name, {
		name,
		machine,
		role,
		internalIp:
			inTailnet ?? textOf(config, 'node-ip') ?? facts.addresses[0]!.address,
		externalIp:
			inTailnet === undefined ? textOf(config, 'node-external-ip') : undefined,
		podCidr,
		ready: false,
	});
};

/** Starts K3s on a machine, or starts it again: it comes up, joins or waits by itself, and the journal tells. */
export const startK3s = (
	scene: Scene,
	machine: Machine,
	start: Start,
): void => {
	const {k3s} = machine;
	k3s.starts += 1;
	const own = k3s.starts;
	const isCurrent = () => k3s.starts === own;
	const pid = 1000 + Math.floor(scene.random() * 8000);

	const enter = (activeState: string, subState: string) => {
		k3s.unit = {activeState, subState, restarts: 0, mainPid: pid};
		scene.touch();
	};

	const log = (level: 'info' | 'error', text: string) => {
		k3s.journal.push(
			`time="${new Date(scene.now()).toISOString().slice(0, 19)}Z" level=${level} msg="${text.replaceAll('"', String.raw`\"`)}"`,
		);
		scene.touch();
	};

	/** Waits until the server lets us in; `undefined` when K3s was started again meanwhile. */
	const join = async (
		config: Config,
	): Promise<SimulatedCluster | undefined> => {
		let told: string | undefined;
		while (isCurrent()) {
			const joined = tryToJoin(scene, machine, start.role, config);
			if ('cluster' in joined) {
				return joined.cluster;
			}

			// Said again every five seconds, as K3s does; without time passing, only when there is news.
			if (!scene.pace.atOnce || joined.problem !== told) {
				told = joined.problem;
				const url = textOf(config, 'server') ?? '';
				log(
					'error',
					`Failed to validate connection to cluster at ${url}: failed to get CA certs: Get "${url}/cacerts": ${joined.problem}`,
				);
			}

			await (scene.pace.atOnce ? scene.change() : scene.pace.pass(5000));
		}

		return undefined;
	};

	const serve = (config: Config): SimulatedCluster =>
		k3s.cluster ?? {
			caHash: [...scene.randomText(32)]
				.map((letter) => letter.codePointAt(0)!.toString(16).padStart(2, '0'))
				.join(''),
			serverToken: textOf(config, 'token') ?? scene.randomText(32),
			agentToken:
				textOf(config, 'agent-token') ??
				textOf(config, 'token') ??
				scene.randomText(32),
			clusterCidr: textOf(config, 'cluster-cidr') ?? '10.42.0.0/16',
			serviceCidr: textOf(config, 'service-cidr') ?? '10.43.0.0/16',
			nodes: new Map(),
			verifying: false,
		};

	const comeUp = async (): Promise<void> => {
		const config = readConfig(machine, start.configFiles);
		log(
			'info',
			`Starting k3s ${start.role === 'agent' ? 'agent ' : ''}${start.version}`,
		);
		await scene.pace.pass(start.role === 'server' ? 2500 : 1000);
		const cluster =
			textOf(config, 'server') === undefined
				? serve(config)
				: await join(config);
		await scene.pace.pass(1500);
		if (cluster === undefined || !isCurrent()) {
			return;
		}

		register(machine, cluster, start.role, config);
		log(
			'info',
			`k3s${start.role === 'agent' ? ' agent' : ''} is up and running`,
		);
		enter('active', 'running');
		await scene.pace.pass(3000);
		for (const node of cluster.nodes.values()) {
			if (node.machine === machine && isCurrent()) {
				node.ready = true;
			}
		}

		scene.touch();
	};

	enter('activating', 'start');
	void comeUp();
};
