import assert from 'node:assert/strict';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type {ClusterInput} from '../../source/cluster/schema.js';
import {buildProgram, program} from '../support/program.js';
import type {Topology} from './topology.js';
import {up, type Lab} from './index.js';

export {program} from '../support/program.js';

export type Outcome = {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
};

/** A lab with the program's client beside it. */
export type Stage = {
	readonly lab: Lab;
	/** A folder for cluster files and kubeconfigs. */
	readonly folder: string;
	readonly clusterPath: string;
	readonly kubeconfigPath: string;
	/** The environment of the client: a home of its own. */
	readonly env: Readonly<Record<string, string>>;
	/** Writes the cluster file anew; `extra` replaces top-level keys. */
	readonly writeCluster: (extra?: Partial<ClusterInput>) => void;
	/** Runs the program in the client's namespace. */
	readonly run: (
		words: readonly string[],
		limitMs?: number,
	) => Promise<Outcome>;
	/** `apply` of the cluster file, without questions. */
	readonly apply: (...words: readonly string[]) => Promise<Outcome>;
	readonly down: () => Promise<void>;
};

/** Brings up a topology and prepares a client with its cluster file. */
export const stageFor = async (
	topology: string | Topology,
	options: {readonly vm?: boolean; readonly name?: string} = {},
): Promise<Stage> => {
	buildProgram();
	const lab = await up({topology, ...options});
	const clusterFile = (extra: Partial<ClusterInput> = {}) =>
		lab.clusterFile({
			// Containers share this machine's kernel, which may have neither; the double stands in for both.
			...(!options.vm && {ignore: ['wireguard.kernel', 'cgroup.memory']}),
			...extra,
		});
	const folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-stage-'));
	const clusterPath = path.join(folder, 'cluster.yaml');
	const kubeconfigPath = path.join(folder, 'kubeconfig');
	writeFileSync(clusterPath, clusterFile());
	const env = {
		HOME: lab.home,
		XDG_CONFIG_HOME: path.join(lab.home, '.config'),
		XDG_STATE_HOME: path.join(lab.home, '.local/state'),
		PATH: process.env.PATH ?? '/usr/bin:/bin',
		LANG: 'C.UTF-8',
	};
	const run = async (
		words: readonly string[],
		// Emulated processors take their time.
		limitMs = options.vm ? 900_000 : 420_000,
	): Promise<Outcome> =>
		lab.client.exec([process.execPath, program, ...words], {
			env,
			timeoutMs: limitMs,
		});
	return {
		lab,
		folder,
		clusterPath,
		kubeconfigPath,
		env,
		writeCluster(extra) {
			writeFileSync(clusterPath, clusterFile(extra));
		},
		run,
		apply: async (...words) =>
			run([
				'apply',
				clusterPath,
				'--yes',
				'--kubeconfig',
				kubeconfigPath,
				...words,
			]),
		async down() {
			rmSync(folder, {recursive: true, force: true});
			await lab.down();
		},
	};
};

/** The outcome, shown when it is not the wanted exit code. */
export const assertCode = (outcome: Outcome, code: number): void => {
	assert.equal(
		outcome.code,
		code,
		`exit code ${outcome.code}\n${outcome.stdout}\n${outcome.stderr}`,
	);
};

/** Asks the API with a real kubectl from the client's namespace, through the merged kubeconfig. */
export const kubectl = async (
	stage: Stage,
	...words: readonly string[]
): Promise<Outcome> =>
	stage.lab.client.exec(
		['kubectl', '--kubeconfig', stage.kubeconfigPath, ...words],
		{env: stage.env, timeoutMs: 30_000},
	);

/** Files of ours on a node with their times and contents' hashes, and when its units were started. */
export const fingerprint = async (
	stage: Stage,
	nodeName: string,
): Promise<string> => {
	const node = stage.lab.nodes.find(({name}) => name === nodeName)!;
	const {stdout} = await node.exec(String.raw`
find /etc/rancher /var/lib/k3s-mesh /usr/local/bin /etc/systemd/system -type f -printf '%p %T@ %m\n' | sort
systemctl show -p ActiveEnterTimestampMonotonic -p NRestarts -p MainPID k3s k3s-agent
`);
	return stdout;
};
