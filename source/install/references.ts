import {parse} from 'yaml';
import {UserError} from '../errors.js';
import type {TailscaleFacts} from '../facts/host-facts.js';
import {
	tailscaleAddress,
	tailscaleJoinAddress,
} from '../facts/tailscale-addresses.js';
import type {Host} from '../host/host.js';
import type {ProxyScheme} from '../cluster/proxy.js';
import type {Redactor} from '../host/redactor.js';
import {filesRead} from '../host/scripts/files.js';
import {k3sTokens, type ServerTokens} from '../host/scripts/k3s-read.js';
import {tailscaleStatus} from '../host/scripts/tailscale-status.js';
import {apiUrl} from '../mesh/k3s-config.js';
import type {ValueReference} from '../plan/plan.js';

/** Values that are known only while a plan runs. */
export type References = {
	/** The value of a reference. The redactor knows it before it is returned. */
	resolve(reference: ValueReference, signal: AbortSignal): Promise<string>;
};

/** `K10<CA hash>::<user>:<secret>` in its parts. */
const fullToken = /^K10[\da-f]{64}::([^:]+):(.+)$/;

const tokenLength = 40;

/** What the first server's own K3s knows, or what an earlier run wrote for it. */
type Known = {readonly server?: string; readonly agent?: string};

const fromTokens = (tokens: ServerTokens): Known => {
	const server = fullToken.exec(tokens.server ?? '');
	const agent = fullToken.exec(tokens.agent ?? '');
	return {
		...(server?.[2] !== undefined && {server: server[2]}),
		// A cluster that began without an agent token keeps the password it has, which is the servers': K3s stores it in
		// its datastore once, and refuses to start when the copy on disk differs later (k3s-io/k3s#8066).
		...(agent?.[2] !== undefined && {agent: agent[2]}),
	};
};

const fromConfig = (text: string | undefined): Known => {
	let config: unknown;
	try {
		config = parse(text ?? '');
	} catch {
		return {};
	}

	if (typeof config !== 'object' || config === null) {
		return {};
	}

	const value = (key: string): string | undefined => {
		const found: unknown = (config as Record<string, unknown>)[key];
		return typeof found === 'string' && found !== '' ? found : undefined;
	};

	const server = value('token');
	const agent = value('agent-token');
	return {
		...(server !== undefined && {server}),
		...(agent !== undefined && {agent}),
	};
};

/**
 * Resolves references for one run.
 *
 * The cluster's secrets live on its first server and nowhere else: they are read from K3s when it has run there,
 * else from the config file that an earlier run left for it, and made anew only when there is neither. A run that
 * is killed between making and writing them has given them to nobody that matters: no other node starts before
 * the first server runs with its own file.
 */
export const makeReferences = (options: {
	readonly firstServer: () => Promise<Host>;
	readonly hostOf: (node: string) => Promise<Host>;
	/** The config file that holds the token on the first server; `undefined` when the plan has none. */
	readonly configPath: string | undefined;
	readonly redactor: Redactor;
	readonly randomText: (length: number) => string;
	/** Reads the datastore's endpoint; absent when the datastore is embedded. */
	readonly readDatastoreEndpoint: (() => Promise<string>) | undefined;
	/** What nodes log in to the tailnet with; absent when the mesh has none. */
	readonly tailnetKey: ((signal: AbortSignal) => Promise<string>) | undefined;
	/** Reads the URL of a proxy that the cluster file does not hold. */
	readonly readProxy: (scheme: ProxyScheme) => Promise<string>;
}): References => {
	const {firstServer, configPath, redactor, randomText} = options;
	let shortTokens: Promise<Required<Known>> | undefined;
	const fullTokens = new Map<'server' | 'agent', string>();

	const readTokens = async (signal: AbortSignal): Promise<ServerTokens> => {
		const host = await firstServer();
		const tokens = await host.run(k3sTokens, {}, {signal});
		for (const token of [tokens.server, tokens.agent]) {
			if (token !== undefined) {
				redactor.add(token);
				redactor.add(fullToken.exec(token)?.[2] ?? token);
			}
		}

		return tokens;
	};

	const findShortTokens = async (
		signal: AbortSignal,
	): Promise<Required<Known>> => {
		const running = fromTokens(await readTokens(signal));
		const host = await firstServer();
		const written =
			configPath === undefined
				? {}
				: fromConfig(await host.run(filesRead, {path: configPath}, {signal}));
		const tokens = {
			server: running.server ?? written.server ?? randomText(tokenLength),
			agent: running.agent ?? written.agent ?? randomText(tokenLength),
		};
		redactor.add(tokens.server);
		redactor.add(tokens.agent);
		return tokens;
	};

	const short = async (signal: AbortSignal): Promise<Required<Known>> => {
		shortTokens ??= findShortTokens(signal);
		try {
			return await shortTokens;
		} catch (error) {
			// The next attempt asks again.
			shortTokens = undefined;
			throw error;
		}
	};

	const full = async (
		kind: 'server' | 'agent',
		signal: AbortSignal,
	): Promise<string> => {
		const known = fullTokens.get(kind);
		if (known !== undefined) {
			return known;
		}

		const tokens = await readTokens(signal);
		const token = tokens[kind];
		if (token === undefined || !fullToken.test(token)) {
			throw new UserError(
				`The first server has no ${kind} token yet, which other nodes join with.`,
				{
					tryNext: [
						'Look at the log of the first server, then run the same command again.',
					],
				},
			);
		}

		fullTokens.set(kind, token);
		return token;
	};

	/** What a node's own Tailscale says its address is. A login may have brought it a moment ago, so nothing is kept. */
	const addressOf = async (
		node: string,
		choose: (facts: TailscaleFacts | undefined) => string | undefined,
		what: string,
		signal: AbortSignal,
	): Promise<string> => {
		const host = await options.hostOf(node);
		const status = await host.run(tailscaleStatus, {}, {signal});
		const address = choose(status);
		if (address === undefined) {
			throw new UserError(
				`${node} has no ${what} yet: its Tailscale ${status === undefined ? 'is not installed' : `is in the state ${status.state}`}.`,
				{node, tryNext: [`Look at "tailscale status" on ${node}.`]},
			);
		}

		return address;
	};

	return {
		async resolve(reference, signal) {
			switch (reference.reference) {
				case 'server-token': {
					const {server} = await short(signal);
					return server;
				}

				case 'agent-token': {
					const {agent} = await short(signal);
					return agent;
				}

				case 'full-server-token': {
					return full('server', signal);
				}

				case 'full-agent-token': {
					return full('agent', signal);
				}

				case 'datastore-endpoint': {
					if (!options.readDatastoreEndpoint) {
						throw new Error('The plan names a datastore and the cluster none.');
					}

					const endpoint = await options.readDatastoreEndpoint();
					redactor.add(endpoint);
					const password = passwordOf(endpoint);
					if (password !== undefined) {
						redactor.add(password);
					}

					return endpoint;
				}

				case 'tailnet-key': {
					if (!options.tailnetKey) {
						throw new Error('The plan names a tailnet and the cluster none.');
					}

					const key = await options.tailnetKey(signal);
					redactor.add(key);
					return key;
				}

				case 'tailscale-address': {
					const {node, family} = reference;
					return addressOf(
						node,
						(status) => tailscaleAddress(status, family),
						`Tailscale IPv${family} address`,
						signal,
					);
				}

				case 'tailscale-api-url': {
					return apiUrl(
						await addressOf(
							reference.node,
							tailscaleJoinAddress,
							'Tailscale address',
							signal,
						),
					);
				}

				case 'http-proxy': {
					return options.readProxy('http');
				}

				case 'https-proxy': {
					return options.readProxy('https');
				}
			}
		},
	};
};

/** The password of `scheme://user:password@…`, by itself: error texts quote it alone. */
const passwordOf = (endpoint: string): string | undefined =>
	/^[a-z\d+.-]+:\/\/[^:/@]*:(.+)@[^@]*$/.exec(endpoint)?.[1];
