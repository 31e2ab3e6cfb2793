import {existsSync} from 'node:fs';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {containerTree, debianTree} from './base-tree.js';
import {instanceData, instanceFolder} from './folders.js';
import {writeHostFiles} from './host-files.js';
import type {HostKind, Workshop} from './host-kind.js';
import {bareEnvironment, beside, launch} from './launch.js';
import {hostNetworkBatch, namespaceOf} from './network.js';
import {childrenOf, isAlive, isInit} from './processes.js';
import {LabError, run, waitFor} from './run.js';
import {readProcess} from './state.js';
import type {HostSpec} from './topology.js';

/**
 * Hosts that are an sshd each over the shared tree: a network, mounts, processes and a name of their own, but no
 * systemd. Many of them are up within seconds. What they write is in memory and ends with them.
 */
export const sshdHosts = (workshop: Workshop): HostKind => {
	const {instance, id, topology, signal} = workshop;

	/** The host's first process. */
	const leader = (host: HostSpec): number | undefined => {
		const mark = readProcess(instance, host.name);
		return mark && isAlive(mark)
			? childrenOf(mark.pid).find((child) => isInit(child))
			: undefined;
	};

	const pid = (host: HostSpec): number => {
		const found = leader(host);
		if (found === undefined) {
			throw new LabError(`${host.name} is not running.`);
		}

		return found;
	};

	return {
		bootsAgain: false,
		async prepare() {
			await debianTree(containerTree, signal);
		},
		async start(host, files) {
			const data = path.join(instanceData(instance), host.name);
			await mkdir(data, {recursive: true});
			await writeHostFiles(path.join(data, 'upper'), files);
			await writeFile(
				path.join(data, 'network.batch'),
				hostNetworkBatch(topology, host),
			);
			launch(instance, host.name, ['sh', beside('supervise-sshd.sh')], {
				...bareEnvironment,
				LAB_HOST: host.name,
				LAB_DATA: data,
				LAB_TREE: await debianTree(containerTree, signal),
				LAB_NAMESPACE: namespaceOf(id, host.name),
			});
		},
		async ready(host) {
			const why = `${host.name} does not let anybody in; see ${path.join(instanceFolder(instance), `${host.name}.log`)}`;
			await waitFor(
				why,
				() => {
					const mark = readProcess(instance, host.name);
					if (mark && !isAlive(mark)) {
						throw new LabError(why);
					}

					const init = leader(host);
					return init !== undefined &&
						existsSync(`/proc/${init}/root/run/sshd.pid`)
						? true
						: undefined;
				},
				{timeoutMs: 120_000, everyMs: 50, signal},
			);
		},
		async bootId(host) {
			return String(pid(host));
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
