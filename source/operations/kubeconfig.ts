import {chmod, copyFile, mkdir, readFile, realpath, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {bracketed} from '../cluster/addresses.js';
import type {Cluster, NodeSpec} from '../cluster/schema.js';
import {formatSshTarget} from '../cluster/ssh-target.js';
import {serversOf} from '../cluster/sites.js';
import {UserError, describeError} from '../errors.js';
import {k3sKubeconfig} from '../host/scripts/k3s-read.js';
import {tailscaleStatus} from '../host/scripts/tailscale-status.js';
import {meshOf} from '../mesh/catalogue.js';
import {firstServerOf} from '../mesh/first-server.js';
import {k3sPorts} from '../mesh/k3s-requirements.js';
import {writePrivateFile} from '../store/cluster-files.js';
import {
	openKubeconfig,
	parseAdminConfig,
	type AdminAccess,
	type KubeconfigDocument,
	type PresentEntry,
} from './kubeconfig-merge.js';
import type {FetchKubeconfig, Fleet, World} from './operations.js';

/** Where the kubeconfig goes when nobody says: as kubectl does it; the demo leaves the user's file alone. */
const defaultPath = (demo: boolean): string => {
	if (demo) {
		return path.join(os.tmpdir(), `k3s-mesh-demo-${process.pid}`, 'kubeconfig');
	}

	const first = (process.env.KUBECONFIG ?? '')
		.split(path.delimiter)
		.find((one) => one !== '');
	return first ?? path.join(os.homedir(), '.kube', 'config');
};

const isMissing = (error: unknown): boolean =>
	(error as NodeJS.ErrnoException).code === 'ENOENT';

/** Reads the admin kubeconfig of the first server. */
const fetchAccess = async (
	first: NodeSpec,
	fleet: Fleet,
	world: World,
	signal: AbortSignal,
): Promise<AdminAccess> => {
	const host = fleet.hosts().get(first.name);
	if (host === undefined) {
		throw new UserError(
			`The kubeconfig is on ${first.name}, which is not reached.`,
			{node: first.name},
		);
	}

	const text = await host.run(k3sKubeconfig, {}, {signal});
	if (text === undefined) {
		throw new UserError(`${first.name} has no kubeconfig yet.`, {
			node: first.name,
			tryNext: ['Install the cluster first: k3s-mesh-tui apply.'],
		});
	}

	const access = parseAdminConfig(text);
	world.redactor.add(access.clientKey);
	return access;
};

type Address = {readonly host: string; readonly note: string};

/** The first of the addresses that this machine reaches. All are tried at once, and nobody waits for those behind it. */
const firstReached = async (
	candidates: readonly string[],
	port: number,
	world: World,
	signal: AbortSignal,
): Promise<string | undefined> => {
	const found = new AbortController();
	const until = AbortSignal.any([signal, found.signal]);
	const tries = candidates.map(async (address) =>
		world.canReach(address, port, until),
	);
	try {
		for (const [index, candidate] of candidates.entries()) {
			if (await tries[index]) {
				return candidate;
			}
		}

		signal.throwIfAborted();
		return undefined;
	} finally {
		found.abort();
		await Promise.allSettled(tries);
	}
};

/** The addresses that servers have in a tailnet now; a server that does not say has none. */
const tailnetAddresses = async (
	servers: readonly NodeSpec[],
	fleet: Fleet,
	signal: AbortSignal,
): Promise<readonly string[]> => {
	const answers = await Promise.allSettled(
		servers.map(async ({name}) =>
			fleet.hosts().get(name)?.run(tailscaleStatus, {}, {signal}),
		),
	);
	signal.throwIfAborted();
	return answers.flatMap((answer) =>
		answer.status === 'fulfilled' ? (answer.value?.addresses ?? []) : [],
	);
};

/** The address that goes into the kubeconfig: the cluster's own, else the first of the servers' that this machine reaches. */
const chooseAddress = async (
	cluster: Cluster,
	first: NodeSpec,
	fleet: Fleet,
	world: World,
	signal: AbortSignal,
): Promise<Address> => {
	const port = k3sPorts.api;
	const {apiEndpoint} = cluster;
	if (apiEndpoint !== undefined) {
		const reached = await world.canReach(apiEndpoint, port, signal);
		return {
			host: apiEndpoint,
			note: reached
				? `This machine reaches the API at ${bracketed(apiEndpoint)}:${port}.`
				: `This machine does not reach the API at ${bracketed(apiEndpoint)}:${port} now: look at its name and at firewalls.`,
		};
	}

	const servers = [
		first,
		...serversOf(cluster.nodes).filter(({name}) => name !== first.name),
	];
	const candidates = [
		...new Set(
			servers
				.flatMap(({externalIp, internalIp}) => [externalIp, internalIp])
				.filter((address) => address !== undefined),
		),
	];
	// One in a tailnet is good only for a machine that is in it, which this one may be.
	const inTailnet =
		meshOf(cluster).proof.tailnet === 'none'
			? []
			: await tailnetAddresses(servers, fleet, signal);
	const best = await firstReached(
		[...candidates, ...inTailnet],
		port,
		world,
		signal,
	);
	if (best !== undefined) {
		return {
			host: best,
			note: `This machine reaches the API at ${bracketed(best)}:${port}.`,
		};
	}

	const host = candidates[0] ?? first.ssh.host;
	return {
		host,
		note: `This machine reaches no server on port ${port}. Open it for this machine, or go through SSH: ssh -L ${port}:127.0.0.1:${port} ${formatSshTarget(first.ssh)}, and kubectl --server https://127.0.0.1:${port}.`,
	};
};

type Present = {
	/** The file itself, behind any links. */
	readonly path: string;
	readonly text: string | undefined;
};

const readPresent = async (file: string): Promise<Present> => {
	try {
		const real = await realpath(file);
		return {path: real, text: await readFile(real, 'utf8')};
	} catch (error) {
		if (isMissing(error)) {
			return {path: file, text: undefined};
		}

		throw new UserError(
			`The kubeconfig ${file} can not be read: ${describeError(error)}`,
			{cause: error},
		);
	}
};

const openPresent = (present: Present): KubeconfigDocument => {
	try {
		return openKubeconfig(present.text ?? '');
	} catch (error) {
		throw new UserError(
			`${present.path} is no kubeconfig that can be merged into: ${error instanceof Error ? error.message : String(error)}`,
			{
				tryNext: [
					'Nothing was changed in it. Repair it, or name another file with --kubeconfig.',
				],
				cause: error,
			},
		);
	}
};

/** Keeps a copy beside the file, for its owner's eyes only. */
const keepCopy = async (file: string): Promise<string> => {
	const copy = `${file}.k3s-mesh.bak`;
	await rm(copy, {force: true});
	await copyFile(file, copy);
	await chmod(copy, 0o600);
	return copy;
};

/** Fetches the admin kubeconfig of the first server and merges it under the cluster's name. */
export const fetchKubeconfig: FetchKubeconfig = async ({
	cluster,
	fleet,
	world,
	signal,
	confirmReplace,
	...options
}) => {
	const first = firstServerOf(cluster, fleet.facts());
	if (first === undefined) {
		throw new UserError(`The cluster ${cluster.name} has no server.`);
	}

	const access = await fetchAccess(first, fleet, world, signal);
	const address = await chooseAddress(cluster, first, fleet, world, signal);
	const server = `https://${bracketed(address.host)}:${k3sPorts.api}`;
	const file = options.path ?? defaultPath(world.demo);
	const present = await readPresent(file);
	const document = openPresent(present);
	const {name} = cluster;
	if (
		document.presence(name, access) === 'foreign' &&
		!(await confirmReplace(name))
	) {
		throw new UserError(
			`${file} has another context named "${name}", which was left as it is.`,
			{
				tryNext: [
					'Name another file with --kubeconfig, or rename that context: kubectl config rename-context.',
				],
			},
		);
	}

	document.merge(name, {server, access});
	const text = document.toString();
	let backup: string | undefined;
	if (text !== present.text) {
		await mkdir(path.dirname(present.path), {recursive: true, mode: 0o700});
		backup =
			present.text === undefined ? undefined : await keepCopy(present.path);
		await writePrivateFile(present.path, text);
	}

	return {context: name, path: file, backup, server, note: address.note};
};

/** Where the context of a cluster was. */
export type DroppedKubeconfig = {
	readonly path: string;
	readonly context: string;
	/** `ours` has been taken out; `foreign` has the name and no mark of ours, and stays. */
	readonly found: PresentEntry;
	/** Where the previous file was kept, when it was changed. */
	readonly backup: string | undefined;
};

/** Takes the context of a cluster that is gone out of the user's kubeconfig; all else in it stays. */
export const dropKubeconfig = async ({
	name,
	demo,
	...options
}: {
	/** Of the cluster, and its context. */
	readonly name: string;
	readonly demo: boolean;
	/** Instead of `$KUBECONFIG` or `~/.kube/config`. */
	readonly path?: string | undefined;
}): Promise<DroppedKubeconfig> => {
	const file = options.path ?? defaultPath(demo);
	const present = await readPresent(file);
	const document = openPresent(present);
	const found = document.drop(name);
	if (found !== 'ours') {
		return {path: file, context: name, found, backup: undefined};
	}

	const backup = await keepCopy(present.path);
	await writePrivateFile(present.path, document.toString());
	return {path: file, context: name, found, backup};
};
