import {existsSync, readFileSync} from 'node:fs';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {containerTree, debianTree} from './base-tree.js';
import {instanceData, instanceFolder} from './folders.js';
import {writeHostFiles} from './host-files.js';
import type {HostKind, Workshop} from './host-kind.js';
import {bareEnvironment, beside, launch} from './launch.js';
import {hostNetworkBatch, namespaceOf, recabling} from './network.js';
import {childrenOf, isAlive, isInit} from './processes.js';
import {LabError, run, waitFor} from './run.js';
import {readProcess} from './state.js';
import type {HostSpec, Topology} from './topology.js';

/** The process slot of a container's systemd-nspawn, which ends by itself when the container does. */
export const containerSlot = (host: HostSpec): string => `${host.name}-nspawn`;

/** The end of a log, for an error. */
const lastLines = (file: string): string => {
	try {
		return readFileSync(file, 'utf8').trim().split('\n').slice(-10).join('\n');
	} catch {
		return '';
	}
};

/** Where control groups of version 2 are, also on a machine that mostly uses version 1. */
const controlGroupRoot = (): string | undefined =>
	readFileSync('/proc/self/mounts', 'utf8')
		.split('\n')
		.map((line) => line.split(' '))
		.find((fields) => fields[2] === 'cgroup2')?.[1];

/** The control groups that the containers of an instance live in. */
export const containerControlGroups = (
	topology: Topology,
	id: string,
): string[] => {
	const root = controlGroupRoot();
	return root === undefined
		? []
		: topology.hosts.map((host) => path.join(root, namespaceOf(id, host.name)));
};

/** Hosts as systemd-nspawn containers over one read-only Debian tree. */
export const containers = (workshop: Workshop): HostKind => {
	const {instance, id, topology, signal} = workshop;

	/** The host's init; undefined while the host is off or between two boots. */
	const leader = (host: HostSpec): number | undefined => {
		const nspawn = readProcess(instance, containerSlot(host));
		return nspawn && isAlive(nspawn)
			? childrenOf(nspawn.pid).find((child) => isInit(child))
			: undefined;
	};

	const pid = (host: HostSpec): number => {
		const found = leader(host);
		if (found === undefined) {
			throw new LabError(`${host.name} is not running.`);
		}

		return found;
	};

	/** What a host shows of its boot: its random id, read from outside. */
	const bootOf = (host: HostSpec): string | undefined => {
		const nspawn = readProcess(instance, containerSlot(host));
		return nspawn && `${nspawn.pid} ${nspawn.startTime}`;
	};

	const isReady = (host: HostSpec, previous?: string): boolean => {
		const init = leader(host);
		const root = `/proc/${init}/root`;
		return (
			init !== undefined &&
			bootOf(host) !== previous &&
			existsSync(`${root}/run/sshd.pid`) &&
			// Until it is gone only root may log in. It is made before sshd starts.
			!existsSync(`${root}/run/nologin`)
		);
	};

	return {
		bootsAgain: true,
		async prepare() {
			await debianTree(containerTree, signal);
		},
		async start(host, files) {
			const tree = await debianTree(containerTree, signal);
			const data = path.join(instanceData(instance), host.name);
			await mkdir(path.join(data, 'disk'), {recursive: true});
			await writeHostFiles(path.join(data, 'disk', 'upper'), files);
			await writeFile(
				path.join(data, 'network.batch'),
				hostNetworkBatch(topology, host),
			);
			const cable = recabling(topology, id, host);
			await writeFile(path.join(data, 'cable.batch'), cable.batch);
			await writeFile(path.join(data, 'port.batch'), cable.portBatch);
			const root = controlGroupRoot();
			const name = namespaceOf(id, host.name);
			launch(instance, host.name, ['sh', beside('supervise-container.sh')], {
				...bareEnvironment,
				LAB_FOLDER: instanceFolder(instance),
				LAB_HOST: host.name,
				LAB_SLOT: containerSlot(host),
				LAB_DATA: data,
				LAB_TREE: tree,
				LAB_NAMESPACE: name,
				LAB_CONTROL_GROUP: root === undefined ? '' : path.join(root, name),
				LAB_SWITCH: cable.switchNamespace,
				LAB_DISK_SIZE:
					host.diskMegabytes === undefined ? '' : `${host.diskMegabytes}M`,
			});
		},
		async ready(host, previous) {
			const logs = [
				path.join(instanceFolder(instance), `${host.name}.log`),
				path.join(instanceData(instance), host.name, 'console'),
			];
			const why = () =>
				`${host.name} does not let anybody in.\n${logs.map((file) => lastLines(file)).join('\n')}`;
			await waitFor(
				why,
				() => {
					const supervisor = readProcess(instance, host.name);
					if (supervisor && !isAlive(supervisor)) {
						throw new LabError(why());
					}

					return isReady(host, previous) ? true : undefined;
				},
				{timeoutMs: 120_000, everyMs: 25, signal},
			);
		},
		async bootId(host) {
			const boot = bootOf(host);
			if (boot === undefined) {
				throw new LabError(`${host.name} is not running.`);
			}

			return boot;
		},
		async exec(host, argv, options) {
			return run(
				['nsenter', '--target', String(pid(host)), '--all', '--', ...argv],
				{
					...options,
					env: {...bareEnvironment, HOME: '/root', USER: 'root'},
				},
			);
		},
		pid,
	};
};
