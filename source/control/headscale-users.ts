import {z} from 'zod';
import type {ApiCall} from './api-call.js';
import {ControlError} from './control-error.js';
import type {CallOptions, HeadscaleUser} from './control-plane.js';
import {id} from './wire.js';

const usersSchema = z.object({
	users: z
		.array(z.object({id, name: z.string()}))
		.nullish()
		.transform((list) => list ?? []),
});

export const listUsers = async (
	api: ApiCall,
	options: CallOptions,
): Promise<readonly HeadscaleUser[]> => {
	const {users} = await api.read(
		{method: 'GET', path: '/api/v1/user', what: 'listing the users'},
		usersSchema,
		options,
	);
	return users;
};

/**
 * The user whose keys are made: the one with this name, written with or without the `@` that policies have, or the only
 * one. Throws a `ControlError` that says which there are.
 */
export const findUser = async (
	api: ApiCall,
	name: string | undefined,
	options: CallOptions,
): Promise<HeadscaleUser> => {
	const users = await listUsers(api, options);
	const wanted = name?.replace(/@$/, '');
	const found =
		wanted === undefined ? users : users.filter((user) => user.name === wanted);
	const [user] = found;
	if (user !== undefined && found.length === 1) {
		return user;
	}

	const names = users.map((one) => api.clean(one.name)).join(', ');
	if (users.length === 0) {
		throw new ControlError(
			'refused',
			`${api.title} has no user yet, and a join key belongs to one.`,
			{
				tryNext: [
					'Make one on the headscale server: headscale users create k3s',
				],
			},
		);
	}

	throw new ControlError(
		'refused',
		wanted === undefined
			? `${api.title} has several users, and a join key belongs to one of them.`
			: `${api.title} has no user with the name that is given for the nodes.`,
		{tryNext: [`Name one of its users: ${names}.`]},
	);
};
