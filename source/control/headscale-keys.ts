/** Pre-auth keys of headscale; how they are made, found and ended differs between releases. */
import {z} from 'zod';
import type {Redactor} from '../host/redactor.js';
import {
	endsKeysByNumber,
	namesUsersByNumber,
	tagsNeedNoUser,
	type HeadscaleApi,
} from '../mesh/headscale-version.js';
import {classifyKey} from '../mesh/tailscale-keys.js';
import type {ApiCall} from './api-call.js';
import type {CallOptions, ControlCalls, JoinKeyState} from './control-plane.js';
import {findUser, listUsers} from './headscale-users.js';
import {flag, id, texts, time} from './wire.js';

const keySchema = z.object({
	id,
	key: z.string(),
	reusable: flag,
	ephemeral: flag,
	used: flag,
	expiration: time,
	aclTags: texts,
});

type Key = z.output<typeof keySchema>;

const createdSchema = z.object({preAuthKey: keySchema});

const keysSchema = z.object({
	preAuthKeys: z
		.array(keySchema)
		.nullish()
		.transform((list) => list ?? []),
});

const path = '/api/v1/preauthkey';

const stateOf = (key: Key): JoinKeyState => {
	let state: JoinKeyState['state'] = 'usable';
	// Ending a key sets its expiration to now: both look the same.
	if (
		key.expiration !== undefined &&
		Date.parse(key.expiration) <= Date.now()
	) {
		state = 'expired';
	} else if (key.used && !key.reusable) {
		state = 'spent';
	}

	return {
		id: key.id,
		state,
		expiresAt: key.expiration,
		isReusable: key.reusable,
		isEphemeral: key.ephemeral,
		isPreApproved: true,
		tags: key.aclTags,
	};
};

/** Is the key of the list, which has its secret hidden since 0.28, the one that is given? */
const isSameKey = (listed: string, given: string): boolean =>
	listed === given ||
	(listed.endsWith('-***') && given.startsWith(listed.slice(0, -3)));

/** The calls about join keys. */
export const makeKeyCalls = (
	server: {
		readonly call: ApiCall;
		readonly api: HeadscaleApi;
		readonly user: string | undefined;
	},
	redactor: Redactor,
): Pick<ControlCalls, 'createJoinKey' | 'revokeJoinKey' | 'inspectJoinKey'> => {
	const {call, api} = server;
	/** What ends a key before 0.28, by the key's number. */
	const made = new Map<string, {readonly user: string; readonly key: string}>();

	const keysOf = async (
		user: string | undefined,
		options: CallOptions,
	): Promise<readonly Key[]> => {
		const query =
			user === undefined ? '' : `?${new URLSearchParams({user}).toString()}`;
		const {preAuthKeys} = await call.read(
			{method: 'GET', path: `${path}${query}`, what: 'listing the join keys'},
			keysSchema,
			options,
		);
		return preAuthKeys;
	};

	const allKeys = async (options: CallOptions): Promise<readonly Key[]> => {
		if (endsKeysByNumber(api)) {
			return keysOf(undefined, options);
		}

		const keys: Key[] = [];
		for (const user of await listUsers(call, options)) {
			keys.push(
				...(await keysOf(
					namesUsersByNumber(api) ? user.id : user.name,
					options,
				)),
			);
		}

		return keys;
	};

	return {
		async createJoinKey({owner, lifetimeSeconds}, options) {
			const tags = owner.kind === 'tags' ? owner.tags : [];
			const user =
				tags.length > 0 && tagsNeedNoUser(api)
					? undefined
					: await findUser(call, server.user, options);
			const userField = namesUsersByNumber(api) ? user?.id : user?.name;
			const {preAuthKey} = await call.read(
				{
					method: 'POST',
					path,
					json: {
						...(userField !== undefined && {user: userField}),
						reusable: true,
						ephemeral: false,
						expiration: new Date(
							Date.now() + lifetimeSeconds * 1000,
						).toISOString(),
						aclTags: tags,
					},
					what: 'making a join key',
				},
				createdSchema,
				options,
			);
			redactor.add(preAuthKey.key);
			if (userField !== undefined) {
				made.set(preAuthKey.id, {user: userField, key: preAuthKey.key});
			}

			return {
				id: preAuthKey.id,
				key: preAuthKey.key,
				expiresAt: preAuthKey.expiration ?? '',
			};
		},
		async revokeJoinKey(keyId, options) {
			const json = endsKeysByNumber(api) ? {id: keyId} : made.get(keyId);
			if (json !== undefined) {
				await call.remove(
					{
						method: 'POST',
						path: `${path}/expire`,
						json,
						what: 'ending a join key',
					},
					options,
				);
			}
		},
		async inspectJoinKey(text, options) {
			if (classifyKey(text).kind !== 'headscale-auth-key') {
				return undefined;
			}

			const keys = await allKeys(options);
			const found = keys.find((key) => isSameKey(key.key, text.trim()));
			return found === undefined ? undefined : stateOf(found);
		},
	};
};
