/** The forms in which Tailscale's API answers, and what they mean. */
import {z} from 'zod';
import type {Device, JoinKeyState} from './control-plane.js';
import {addressesOf, flag, id, texts, time} from './wire.js';

export const createdKeySchema = z.object({
	id,
	key: z.string().min(1),
	expires: z.string(),
});

export const keySchema = z.object({
	id,
	expires: time,
	revoked: time,
	invalid: flag,
	capabilities: z
		.object({
			devices: z
				.object({
					create: z
						.object({
							reusable: flag,
							ephemeral: flag,
							preauthorized: flag,
							tags: texts,
						})
						.optional(),
				})
				.optional(),
		})
		.nullish(),
});

const deviceSchema = z.object({
	/** The preferred id; old ones have a number only. */
	nodeId: z.string().nullish(),
	id: id.nullish(),
	name: z.string().default(''),
	hostname: z.string().default(''),
	addresses: texts,
	tags: texts,
	user: z.string().nullish(),
	keyExpiryDisabled: flag,
	expires: time,
	connectedToControl: z.boolean().nullish(),
	authorized: z
		.boolean()
		.nullish()
		.transform((value) => value ?? true),
	isEphemeral: z.boolean().nullish(),
	advertisedRoutes: texts,
	enabledRoutes: texts,
});

export const devicesSchema = z.object({devices: z.array(deviceSchema)});

export const routesSchema = z.object({
	advertisedRoutes: texts,
	enabledRoutes: texts,
});

export const deviceOf = (data: z.output<typeof deviceSchema>): Device => ({
	id: data.nodeId ?? data.id ?? '',
	name: data.name.split('.', 1)[0] ?? '',
	hostname: data.hostname,
	addresses: addressesOf(data.addresses),
	tags: data.tags,
	user: data.user ?? undefined,
	keyExpiresAt: data.keyExpiryDisabled ? undefined : data.expires,
	isOnline: data.connectedToControl ?? undefined,
	isApproved: data.authorized,
	isEphemeral: data.isEphemeral ?? undefined,
	routes: {advertised: data.advertisedRoutes, enabled: data.enabledRoutes},
});

export const keyStateOf = (data: z.output<typeof keySchema>): JoinKeyState => {
	const create = data.capabilities?.devices?.create;
	const isReusable = create?.reusable ?? false;
	let state: JoinKeyState['state'] = 'usable';
	if (data.revoked !== undefined) {
		state = 'revoked';
	} else if (
		data.expires !== undefined &&
		Date.parse(data.expires) <= Date.now()
	) {
		state = 'expired';
	} else if (data.invalid) {
		state = isReusable ? 'revoked' : 'spent';
	}

	return {
		id: data.id,
		state,
		expiresAt: data.expires,
		isReusable,
		isEphemeral: create?.ephemeral ?? false,
		isPreApproved: create?.preauthorized ?? false,
		tags: create?.tags ?? [],
	};
};
