/** The control server of a lab's tailnet: a real headscale on the wan. */
import {mkdir, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {instanceFolder} from '../folders.js';
import {launch} from '../launch.js';
import {inNamespace, namespaceOf, runIn} from '../network.js';
import {isAlive, killProcess} from '../processes.js';
import {LabError, run, waitFor, type RunOptions} from '../run.js';
import {readProcess} from '../state.js';
import {controlAddress, type Topology} from '../topology.js';
import {certificatesIn, makeCertificates} from './authority.js';
import {
	headscaleFolder,
	headscaleVersions,
	tailscalePackages,
	type HeadscaleLine,
} from './programs.js';
import {
	firstPlace,
	firstPolicy,
	firstUser,
	headscaleConfiguration,
	strangePlace,
	urlOf,
	type HeadscalePlace,
} from './settings.js';

/** What a pre-authentication key allows. */
export type KeyOptions = {
	/** Whose node it makes; default the user `k3s`. */
	readonly user?: string;
	/** Default true. */
	readonly reusable?: boolean;
	/** Default false: such a node is forgotten a minute after it was last seen. */
	readonly ephemeral?: boolean;
	/** Such as `tag:k3s`; default none. */
	readonly tags?: readonly string[];
	/** Such as `1h`, the default; `1s` for one that is soon expired. */
	readonly expiration?: string;
};

/** A machine as headscale knows it. */
export type HeadscaleNode = {
	readonly id: string;
	/** The host's name as it was given to the tailnet. */
	readonly name: string;
	readonly addresses: readonly string[];
	readonly online: boolean;
	readonly tags: readonly string[];
	/** What it announces. */
	readonly availableRoutes: readonly string[];
	readonly approvedRoutes: readonly string[];
	/** What it carries for the others now. */
	readonly subnetRoutes: readonly string[];
};

/** A running control server, and what its administrator can do. */
export type Headscale = {
	/** For nodes (`--login-server`) and for its API. */
	readonly url: string;
	readonly version: string;
	/** Path of the authority's certificate; hosts and the client trust it already. */
	readonly authority: string;
	/** The command `headscale` on the server; an error when it fails. */
	readonly command: (
		words: readonly string[],
		options?: RunOptions,
	) => Promise<string>;
	readonly createUser: (name: string) => Promise<void>;
	/** Makes a pre-authentication key and returns it. */
	readonly createKey: (options?: KeyOptions) => Promise<string>;
	/** Makes a key for the HTTP API, and returns it. */
	readonly createApiKey: () => Promise<string>;
	readonly nodes: () => Promise<HeadscaleNode[]>;
	readonly node: (name: string) => Promise<HeadscaleNode>;
	/** Replaces what is approved of a node's routes. */
	readonly approveRoutes: (
		node: string,
		routes: readonly string[],
	) => Promise<void>;
	readonly policy: () => Promise<string>;
	/** Replaces the policy: HuJSON text, or an object. */
	readonly setPolicy: (policy: string | object) => Promise<void>;
	/** Ends a node's login: it has to log in again. */
	readonly expire: (node: string) => Promise<void>;
	/** Forgets a node. */
	readonly remove: (node: string) => Promise<void>;
	/** Starts the server after `stop`, and waits until it answers. */
	readonly start: () => Promise<void>;
	/** Kills the server; what it knows stays. */
	readonly stop: () => Promise<void>;
};

const folderOf = (instance: string, {slot}: HeadscalePlace): string =>
	path.join(instanceFolder(instance), slot);

/** The certificate that hosts and the client trust. */
export const authorityOf = (instance: string): string =>
	certificatesIn(folderOf(instance, firstPlace)).authority;

type RawNode = {
	readonly id: number | string;
	readonly given_name?: string;
	readonly ip_addresses?: readonly string[];
	readonly online?: boolean;
	readonly tags?: readonly string[];
	readonly forced_tags?: readonly string[];
	readonly valid_tags?: readonly string[];
	readonly available_routes?: readonly string[];
	readonly approved_routes?: readonly string[];
	readonly subnet_routes?: readonly string[];
};

const nodeFrom = (raw: RawNode): HeadscaleNode => ({
	id: String(raw.id),
	name: raw.given_name ?? '',
	addresses: raw.ip_addresses ?? [],
	online: raw.online ?? false,
	tags: [
		...(raw.tags ?? []),
		...(raw.forced_tags ?? []),
		...(raw.valid_tags ?? []),
	],
	availableRoutes: raw.available_routes ?? [],
	approvedRoutes: raw.approved_routes ?? [],
	subnetRoutes: raw.subnet_routes ?? [],
});

/** Whether the server answers over HTTPS with a certificate that the authority vouches for. */
const healthProgram = `
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
urllib.request.urlopen(sys.argv[1] + '/health', timeout=5, context=context).read()
`;

/** The control server of an instance, as `up` has made it. */
export const headscaleOf = (
	instance: string,
	id: string,
	line: HeadscaleLine,
	place = firstPlace,
): Headscale => {
	const {slot} = place;
	const folder = folderOf(instance, place);
	const url = urlOf(place);
	const {authority} = certificatesIn(folder);
	// All of them stand on one host.
	const namespace = namespaceOf(id, firstPlace.slot);
	const configuration = path.join(folder, 'config.yaml');

	const program = async (): Promise<string> =>
		path.join(await headscaleFolder(line), 'headscale');

	const command: Headscale['command'] = async (words, options) => {
		const {code, stdout, stderr} = await run(
			[await program(), '--config', configuration, '--force', ...words],
			{timeoutMs: 30_000, ...options},
		);
		if (code !== 0) {
			throw new LabError(
				`headscale ${words.join(' ')} ended with ${code}: ${(stderr.trim() || stdout.trim()).slice(-2000)}`,
			);
		}

		return stdout.trim();
	};

	const ask = async <T>(...words: string[]): Promise<T> =>
		JSON.parse(await command([...words, '--output', 'json'])) as T;

	const nodes: Headscale['nodes'] = async () =>
		((await ask<RawNode[] | null>('nodes', 'list')) ?? []).map((raw) =>
			nodeFrom(raw),
		);

	const node: Headscale['node'] = async (name) => {
		const all = await nodes();
		const found = all.find((each) => each.name === name);
		if (!found) {
			throw new LabError(
				`headscale knows no node "${name}"; it knows: ${all.map((each) => each.name).join(', ')}.`,
			);
		}

		return found;
	};

	const userId = async (name: string): Promise<string> => {
		const users = await ask<Array<{id: number; name: string}>>('users', 'list');
		const found = users.find((user) => user.name === name);
		if (!found) {
			throw new LabError(`headscale has no user "${name}".`);
		}

		return String(found.id);
	};

	return {
		url,
		version: headscaleVersions[line],
		authority,
		command,
		nodes,
		node,
		async createUser(name) {
			await command(['users', 'create', name]);
		},
		async createKey(options = {}) {
			const {
				user = firstUser,
				reusable = true,
				ephemeral = false,
				tags = [],
				expiration = '1h',
			} = options;
			const {key} = await ask<{key: string}>(
				'preauthkeys',
				'create',
				'--user',
				await userId(user),
				'--expiration',
				expiration,
				...(reusable ? ['--reusable'] : []),
				...(ephemeral ? ['--ephemeral'] : []),
				...(tags.length === 0 ? [] : ['--tags', tags.join(',')]),
			);
			return key;
		},
		async createApiKey() {
			const text = await command(['apikeys', 'create', '--expiration', '24h']);
			return text.split('\n').at(-1)!;
		},
		async approveRoutes(name, routes) {
			const {id: identifier} = await node(name);
			await command([
				'nodes',
				'approve-routes',
				'--identifier',
				identifier,
				'--routes',
				routes.join(','),
			]);
		},
		policy: async () => command(['policy', 'get']),
		async setPolicy(policy) {
			const file = path.join(folder, 'policy.hujson');
			await writeFile(
				file,
				typeof policy === 'string' ? policy : JSON.stringify(policy),
			);
			await command(['policy', 'set', '--file', file]);
		},
		async expire(name) {
			const {id: identifier} = await node(name);
			await command(['nodes', 'expire', '--identifier', identifier]);
		},
		async remove(name) {
			const {id: identifier} = await node(name);
			await command(['nodes', 'delete', '--identifier', identifier]);
		},
		async start() {
			launch(
				instance,
				slot,
				inNamespace(namespace, [
					await program(),
					'serve',
					'--config',
					configuration,
				]),
			);
			await waitFor(
				() =>
					`headscale does not answer; see ${path.join(instanceFolder(instance), `${slot}.log`)}`,
				async () => {
					const {code} = await runIn(
						namespace,
						['python3', '-c', healthProgram, url, authority],
						{timeoutMs: 10_000},
					);
					return code === 0 ? true : undefined;
				},
				{timeoutMs: 30_000, everyMs: 100},
			);
		},
		async stop() {
			const mark = readProcess(instance, slot);
			if (!mark) {
				return;
			}

			killProcess(mark);
			await waitFor(
				'headscale does not end',
				() => (isAlive(mark) ? undefined : true),
				{timeoutMs: 10_000},
			);
			// It would take the socket that it left behind for another one's.
			await rm(path.join(folder, 'headscale.sock'), {force: true});
		},
	};
};

/** Writes down what a control server reads, with a certificate of an authority of its own. */
const writeConfiguration = async (
	instance: string,
	place: HeadscalePlace,
	signal?: AbortSignal,
): Promise<void> => {
	const folder = folderOf(instance, place);
	await mkdir(folder, {mode: 0o700});
	await makeCertificates(folder, controlAddress, signal);
	await writeFile(
		path.join(folder, 'config.yaml'),
		headscaleConfiguration(folder, place),
	);
};

/** Builds what a topology with a tailnet needs, and writes down what its control server reads. */
export const makeHeadscale = async (
	instance: string,
	{tailnet}: Topology,
	say: (sentence: string) => void,
	signal?: AbortSignal,
): Promise<void> => {
	if (tailnet === undefined) {
		return;
	}

	say(
		'Preparing headscale and Tailscale (some minutes when it is the first time).',
	);
	await tailscalePackages(signal);
	await headscaleFolder(tailnet, signal);
	await writeConfiguration(instance, firstPlace, signal);
};

/** Starts a control server for the first time, with the first user and the first policy. */
const startFirst = async (headscale: Headscale): Promise<void> => {
	await headscale.start();
	await headscale.createUser(firstUser);
	await headscale.setPolicy(firstPolicy);
};

/** Starts the control server of a topology with a tailnet. */
export const startHeadscale = async (
	instance: string,
	id: string,
	{tailnet}: Topology,
): Promise<void> => {
	if (tailnet === undefined) {
		return;
	}

	await startFirst(headscaleOf(instance, id, tailnet));
};

/** Starts the control server of other people beside the first one. */
export const startStrangeHeadscale = async (
	instance: string,
	id: string,
	line: HeadscaleLine,
): Promise<Headscale> => {
	await writeConfiguration(instance, strangePlace);
	const headscale = headscaleOf(instance, id, line, strangePlace);
	await startFirst(headscale);
	return headscale;
};
