/**
 * Tailscale's API, version 2 (tailscale.com/api). What a call needs of a credential is in its scopes
 * (tailscale.com/kb/1215 and 1623).
 */
import type {Redactor} from '../host/redactor.js';
import {apiCredentialProblem} from '../mesh/tailscale-key-problems.js';
import {classifyKey, type TailnetKey} from '../mesh/tailscale-keys.js';
import {
	errorTexts,
	makeApi,
	parseJson,
	type ApiCall,
	type ApiRequest,
} from './api-call.js';
import {parseBaseUrl} from './base-url.js';
import {ControlError} from './control-error.js';
import type {
	CallOptions,
	ControlAccess,
	Policy,
	TailscaleControl,
} from './control-plane.js';
import type {HttpAnswer, Send} from './http.js';
import {makeTokenSource} from './oauth-token.js';
import {
	createdKeySchema,
	deviceOf,
	devicesSchema,
	keySchema,
	keyStateOf,
	routesSchema,
} from './tailscale-forms.js';
import {joinRoutes, sameRoutes, withoutRoutes} from './wire.js';

const hostedApi = 'https://api.tailscale.com';
const title = 'Tailscale';

/** What helps when a credential may not do something. */
const needsScope = (scope: string): NonNullable<ApiRequest['help']> => ({
	forbidden: [
		`Give the OAuth client the scope ${scope}, or use an API access token of an administrator.`,
	],
});

const policyPath = '/api/v2/tailnet/-/acl';
const hujson = 'application/hujson';

const policyOf = (answer: HttpAnswer): Policy => ({
	text: answer.text,
	version: answer.etag ?? '',
	readOnly:
		answer.etag === undefined
			? 'The answer with the policy has no ETag, so that nothing could tell whether somebody else writes at the same time.'
			: undefined,
});

/** An ETag as If-Match takes it: in quotes, which some servers leave out. */
const quotedTag = (tag: string): string =>
	tag.startsWith('W/') ? tag : `"${tag.replaceAll(/^"|"$/g, '')}"`;

/** What is wrong with a policy: even a success may hold the failures of the policy's own tests, in the form of an error. */
const problemsIn = (answer: HttpAnswer): readonly string[] => {
	const data = parseJson(answer.text);
	return answer.status >= 400 ||
		(typeof data === 'object' && data !== null && 'message' in data)
		? errorTexts(answer)
		: [];
};

const keysPath = '/api/v2/tailnet/-/keys';

const keyPath = (keyId: string): string =>
	`${keysPath}/${encodeURIComponent(keyId)}`;

const devicePath = (deviceId: string): string =>
	`/api/v2/device/${encodeURIComponent(deviceId)}`;

/** Reads which routes of a device are approved, and replaces them by what `wanted` makes of them, when it is another set. */
const changeRoutes = async (
	api: ApiCall,
	deviceId: string,
	wanted: (enabled: readonly string[]) => readonly string[],
	options: CallOptions,
): Promise<readonly string[]> => {
	const path = `${devicePath(deviceId)}/routes`;
	const help = needsScope('devices:routes');
	const {enabledRoutes: enabled} = await api.read(
		{method: 'GET', path, what: 'reading the routes of a device', help},
		routesSchema,
		options,
	);
	const routes = wanted(enabled);
	if (sameRoutes(routes, enabled)) {
		return routes;
	}

	const after = await api.read(
		{
			method: 'POST',
			path,
			json: {routes},
			what: 'approving routes of a device',
			help,
		},
		routesSchema,
		options,
	);
	return after.enabledRoutes;
};

/** The calls of the API with one credential. */
const makeControl = (api: ApiCall, redactor: Redactor): TailscaleControl => {
	const readPolicy = async (options: CallOptions): Promise<Policy> =>
		policyOf(
			await api.ask(
				{
					method: 'GET',
					path: policyPath,
					headers: {accept: hujson},
					what: 'reading the policy',
					help: needsScope('policy_file:read'),
				},
				options,
			),
		);

	return {
		kind: 'tailscale',
		title,
		async createJoinKey({owner, lifetimeSeconds, description}, options) {
			const tags = owner.kind === 'tags' ? owner.tags : [];
			const data = await api.read(
				{
					method: 'POST',
					path: keysPath,
					json: {
						capabilities: {
							devices: {
								create: {
									reusable: true,
									ephemeral: false,
									preauthorized: true,
									tags,
								},
							},
						},
						expirySeconds: lifetimeSeconds,
						description: description.replaceAll(/[^\w -]|_/g, '-').slice(0, 50),
					},
					what: 'making a join key',
					help: {
						...needsScope('auth_keys'),
						...(tags.length > 0 && {
							refused: [
								`Give the OAuth client the tag ${tags.join(', ')}, and let tagOwners in the policy name it.`,
							],
						}),
					},
				},
				createdKeySchema,
				options,
			);
			redactor.add(data.key);
			return {id: data.id, key: data.key, expiresAt: data.expires};
		},
		async revokeJoinKey(keyId, options) {
			await api.remove(
				{
					method: 'DELETE',
					path: keyPath(keyId),
					what: 'ending a join key',
					help: needsScope('auth_keys'),
				},
				options,
			);
		},
		async inspectJoinKey(text, options) {
			const key = classifyKey(text);
			if (key.kind !== 'tailscale-auth-key') {
				return undefined;
			}

			try {
				return keyStateOf(
					await api.read(
						{
							method: 'GET',
							path: keyPath(key.id),
							what: 'looking up a join key',
						},
						keySchema,
						options,
					),
				);
			} catch (error) {
				if (
					error instanceof ControlError &&
					(error.failure === 'not-found' || error.failure === 'forbidden')
				) {
					return undefined;
				}

				throw error;
			}
		},
		async listDevices(options) {
			const {devices} = await api.read(
				{
					method: 'GET',
					path: '/api/v2/tailnet/-/devices?fields=all',
					what: 'listing the devices',
					help: needsScope('devices:core:read'),
				},
				devicesSchema,
				options,
			);
			return devices.map((data) => deviceOf(data));
		},
		approveRoutes: async (deviceId, added, options) =>
			changeRoutes(
				api,
				deviceId,
				(enabled) => joinRoutes(enabled, added),
				options,
			),
		withdrawRoutes: async (deviceId, removed, options) =>
			changeRoutes(
				api,
				deviceId,
				(enabled) => withoutRoutes(enabled, removed),
				options,
			),
		async deleteDevice(deviceId, options) {
			await api.remove(
				{
					method: 'DELETE',
					path: devicePath(deviceId),
					what: 'deleting a device',
					help: needsScope('devices:core'),
				},
				options,
			);
		},
		readPolicy,
		async validatePolicy(text, options) {
			const request: ApiRequest = {
				method: 'POST',
				path: `${policyPath}/validate`,
				content: {type: hujson, text},
				what: 'validating the policy',
				help: needsScope('policy_file:read'),
			};
			const answer = await api.send(request, options);
			if (answer.status !== 400 && answer.status >= 300) {
				throw api.failed(request, answer);
			}

			const problems = problemsIn(answer).map((problem) => api.clean(problem));
			return answer.status < 300 && problems.length === 0
				? {kind: 'accepted'}
				: {kind: 'refused', problems};
		},
		async writePolicy(text, previous, options) {
			if (previous.readOnly !== undefined) {
				throw new ControlError('refused', previous.readOnly);
			}

			return policyOf(
				await api.ask(
					{
						method: 'POST',
						path: policyPath,
						content: {type: hujson, text},
						headers: {accept: hujson, 'if-match': quotedTag(previous.version)},
						what: 'writing the policy',
						help: needsScope('policy_file'),
					},
					options,
				),
			);
		},
	};
};

/** The key that is a credential of Tailscale's API; throws a `ControlError` for any other. */
const credentialOf = (
	text: string,
): Extract<
	TailnetKey,
	{readonly kind: 'tailscale-oauth-secret' | 'tailscale-api-token'}
> => {
	const key = classifyKey(text);
	if (
		key.kind === 'tailscale-oauth-secret' ||
		key.kind === 'tailscale-api-token'
	) {
		return key;
	}

	const problem = apiCredentialProblem(key, 'tailscale');
	throw new ControlError(
		'bad-access',
		problem?.message ?? 'It is no credential of Tailscale.',
		{tryNext: problem?.tryNext ?? []},
	);
};

/**
 * Opens Tailscale's API. With an OAuth client an access token is fetched at once, so that a wrong secret is known here;
 * an API access token is looked at by the first call.
 */
export const openTailscale = async (
	access: Extract<ControlAccess, {readonly kind: 'tailscale'}>,
	{send, redactor}: {readonly send: Send; readonly redactor: Redactor},
	options: CallOptions,
): Promise<TailscaleControl> => {
	redactor.add(access.credential.trim());
	const key = credentialOf(access.credential);
	const baseUrl = parseBaseUrl(access.baseUrl ?? hostedApi);
	if (key.kind === 'tailscale-api-token') {
		const authorization = `Bearer ${access.credential.trim()}`;
		return makeControl(
			makeApi(
				{
					title,
					baseUrl,
					unauthorized: [
						'Make a new API access token under Settings, Keys of the admin console: they last 90 days at most.',
					],
					authorization: async () => authorization,
				},
				send,
				redactor,
			),
			redactor,
		);
	}

	redactor.add(key.secret);
	const tokens = makeTokenSource(
		{baseUrl, id: key.id, secret: key.secret},
		send,
		redactor,
	);
	await tokens.current(options);
	return makeControl(
		makeApi(
			{
				title,
				baseUrl,
				unauthorized: [
					'Look at the OAuth client under Settings, Trust credentials of the admin console: perhaps it was revoked.',
				],
				authorization: async (call) => `Bearer ${await tokens.current(call)}`,
				renewed: async (call) => `Bearer ${await tokens.renewed(call)}`,
			},
			send,
			redactor,
		),
		redactor,
	);
};
