/**
 * headscale's API, version 1, from 0.23 on. Its forms are taken from the protobuf and OpenAPI files of each release
 * (github.com/juanfont/headscale).
 */
import {z} from 'zod';
import type {Redactor} from '../host/redactor.js';
import {
	approvesPerNode,
	headscaleMinor,
	newestKnownMinor,
	type HeadscaleApi,
} from '../mesh/headscale-version.js';
import {apiCredentialProblem} from '../mesh/tailscale-key-problems.js';
import {classifyKey} from '../mesh/tailscale-keys.js';
import {makeApi, parseJson, type ApiCall, type ApiServer} from './api-call.js';
import {parseBaseUrl} from './base-url.js';
import {ControlError} from './control-error.js';
import type {
	CallOptions,
	ControlAccess,
	Device,
	DeviceRoutes,
	HeadscaleControl,
} from './control-plane.js';
import {makeKeyCalls} from './headscale-keys.js';
import {makePolicyCalls} from './headscale-policy.js';
import {listRouteRows, makeRouteCalls} from './headscale-routes.js';
import {listUsers} from './headscale-users.js';
import type {Send} from './http.js';
import {addressesOf, flag, id, texts, time} from './wire.js';

const nodeSchema = z.object({
	id,
	name: z.string().default(''),
	givenName: z.string().default(''),
	ipAddresses: texts,
	user: z.object({name: z.string()}).nullish(),
	expiry: time,
	online: flag,
	preAuthKey: z.object({ephemeral: flag}).nullish(),
	/** Since 0.26. */
	approvedRoutes: texts,
	availableRoutes: texts,
	/** Since 0.28; before it those that were given and those that the node asked for. */
	tags: texts,
	forcedTags: texts,
	validTags: texts,
});

const nodesSchema = z.object({
	nodes: z
		.array(nodeSchema)
		.nullish()
		.transform((list) => list ?? []),
});

/** Since 0.28 tagged nodes belong to a user of this name, who is nobody. */
const userOfTagged = 'tagged-devices';

const deviceOf = (
	data: z.output<typeof nodeSchema>,
	routes: DeviceRoutes,
): Device => ({
	id: data.id,
	name: data.givenName === '' ? data.name : data.givenName,
	hostname: data.name,
	addresses: addressesOf(data.ipAddresses),
	tags: [...new Set([...data.tags, ...data.forcedTags, ...data.validTags])],
	user: data.user?.name === userOfTagged ? undefined : data.user?.name,
	keyExpiresAt: data.expiry,
	isOnline: data.online,
	isApproved: true,
	isEphemeral: data.preAuthKey?.ephemeral,
	routes,
});

const versionSchema = z.object({version: z.string()});

/** Up to 0.29 a missing thing and a wrong policy come as errors of the server, with a text that tells. */
const failureOf: ApiServer['failureOf'] = (status, message) => {
	if (status !== 500) {
		return undefined;
	}

	if (
		/^(?:setting policy|verifying SSH rules|update is disabled)/.test(message)
	) {
		return 'refused';
	}

	return /not found/i.test(message) ? 'not-found' : undefined;
};

/** Asks for the release: `/version` tells it since 0.27; before that only what the API has. */
const detectApi = async (
	call: ApiCall,
	options: CallOptions,
): Promise<HeadscaleApi> => {
	const request = {
		method: 'GET',
		path: '/version',
		what: 'asking for its version',
	} as const;
	const answer = await call.send(request, options);
	if (answer.status === 404) {
		const routes = await call.send(
			{method: 'GET', path: '/api/v1/routes', what: 'listing the routes'},
			options,
		);
		return {
			version: undefined,
			minor: routes.status === 404 || routes.status === 501 ? 26 : 25,
		};
	}

	if (answer.status >= 300) {
		throw call.failed(request, answer);
	}

	const parsed = versionSchema.safeParse(parseJson(answer.text));
	if (!parsed.success) {
		throw new ControlError(
			'unexpected-answer',
			`${call.title}: what answers there is no headscale.`,
			{tryNext: ['Look at the URL, and at the proxy before the server.']},
		);
	}

	const {version} = parsed.data;
	return {
		version: call.clean(version),
		minor: headscaleMinor(version) ?? newestKnownMinor,
	};
};

const checkCredential = (text: string): void => {
	const problem = apiCredentialProblem(classifyKey(text), 'headscale');
	if (problem !== undefined) {
		throw new ControlError('bad-access', problem.message, {
			tryNext: problem.tryNext,
		});
	}
};

/** Opens a headscale's API: asks for its release, and lists its users once, so that a wrong key is known here. */
export const openHeadscale = async (
	access: Extract<ControlAccess, {readonly kind: 'headscale'}>,
	{send, redactor}: {readonly send: Send; readonly redactor: Redactor},
	options: CallOptions,
): Promise<HeadscaleControl> => {
	const credential = access.credential.trim();
	redactor.add(credential);
	checkCredential(credential);
	const baseUrl = parseBaseUrl(access.baseUrl);
	const title = `headscale at ${baseUrl}`;
	const call = makeApi(
		{
			title,
			baseUrl,
			unauthorized: [
				'Make a new API key on the headscale server: headscale apikeys create --expiration 24h',
			],
			failureOf,
			authorization: async () => `Bearer ${credential}`,
		},
		send,
		redactor,
	);
	const api = await detectApi(call, options);
	await listUsers(call, options);
	return {
		kind: 'headscale',
		title,
		api,
		listUsers: async (callOptions) => listUsers(call, callOptions),
		...makeKeyCalls({call, api, user: access.user}, redactor),
		...makeRouteCalls(call, api),
		...makePolicyCalls(call, api),
		async listDevices(callOptions) {
			const {nodes} = await call.read(
				{method: 'GET', path: '/api/v1/node', what: 'listing the nodes'},
				nodesSchema,
				callOptions,
			);
			const rows = approvesPerNode(api)
				? undefined
				: await listRouteRows(call, callOptions);
			return nodes.map((node) =>
				deviceOf(
					node,
					rows === undefined
						? {advertised: node.availableRoutes, enabled: node.approvedRoutes}
						: (rows.get(node.id) ?? {advertised: [], enabled: []}),
				),
			);
		},
		async deleteDevice(deviceId, callOptions) {
			await call.remove(
				{
					method: 'DELETE',
					path: `/api/v1/node/${encodeURIComponent(deviceId)}`,
					what: 'deleting a node',
				},
				callOptions,
			);
		},
	};
};
