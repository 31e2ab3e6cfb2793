import type {ControlPlane, Device} from '../control/control-plane.js';
import {
	chosenTailnet,
	type Cluster,
	type TailnetMesh,
} from '../cluster/schema.js';
import {UserError, describeError} from '../errors.js';
import type {
	ApiLook,
	KeyLook,
	Obstacle,
	TailnetDevice,
} from '../facts/tailnet-look.js';
import type {Relay} from '../facts/tailnet-measures.js';
import {joinKeyProblem} from '../mesh/tailscale-key-problems.js';
import {classifyKey} from '../mesh/tailscale-keys.js';
import type {LookAtTailnet, World} from './operations.js';
import {readPolicyLook} from './policy.js';
import {
	authorityOf,
	controlKind,
	controlTitle,
	openTailnetApi,
	type TailnetWorld,
} from './tailnet.js';

const obstacleOf = (error: unknown): Obstacle => ({
	message: describeError(error),
	tryNext: error instanceof UserError ? error.tryNext : [],
});

/** The key that is named, when one is. Throws when what names it is not there. */
const namedKey = async (
	mesh: TailnetMesh,
	world: TailnetWorld,
): Promise<string | undefined> =>
	mesh.authKeyFrom === undefined
		? world.environmentAnswer({
				kind: 'tailnet-key',
				controlServer: controlTitle(mesh),
				attempt: 1,
			})
		: world.readSecret(mesh.authKeyFrom);

const deviceOf = ({
	name,
	addresses,
	isEphemeral,
	isOnline,
	routes,
}: Device): TailnetDevice => ({
	name,
	addresses,
	isEphemeral,
	routes:
		isOnline === false
			? []
			: routes.advertised.filter((route) => routes.enabled.includes(route)),
});

/** What the control server tells of a key. A headscale knows all of its keys, Tailscale's only shows those that one may see. */
const askAboutKey = async (
	plane: ControlPlane | undefined,
	key: string,
	signal: AbortSignal,
): Promise<KeyLook> => {
	try {
		const state = await plane?.inspectJoinKey(key, {signal});
		return state === undefined && plane?.kind === 'headscale'
			? {kind: 'unknown-there'}
			: {kind: 'named', state};
	} catch {
		// What can not be asked is not known: the login will tell.
		return {kind: 'named', state: undefined};
	}
};

const lookAtKey = async (
	mesh: TailnetMesh,
	world: TailnetWorld,
	ask: (key: string) => Promise<KeyLook>,
): Promise<KeyLook> => {
	try {
		const text = await namedKey(mesh, world);
		if (text === undefined) {
			return {kind: 'not-named'};
		}

		world.redactor.add(text.trim());
		const key = classifyKey(text);
		const problem = joinKeyProblem(key, {
			control: controlKind(mesh),
			hasTags: mesh.tags.length > 0,
		});
		if (problem !== undefined) {
			return {
				kind: 'unusable',
				obstacle: {
					message: `The key that nodes are to log in with can not be used. ${problem.message}`,
					tryNext: problem.tryNext,
				},
			};
		}

		return key.kind === 'tailscale-oauth-secret'
			? {kind: 'named', state: undefined}
			: await ask(text.trim());
	} catch (error) {
		return {kind: 'unusable', obstacle: obstacleOf(error)};
	}
};

/** The relays that nodes of a cluster's tailnet must reach, as far as they are known before a login. */
export const makeRelaysOf =
	(world: Pick<World, 'findRelays'>) =>
	async (cluster: Cluster, signal: AbortSignal): Promise<readonly Relay[]> => {
		const mesh = chosenTailnet(cluster);
		if (mesh === undefined) {
			return [];
		}

		try {
			return await world.findRelays(
				{
					controlServer: mesh.controlServer,
					authority: await authorityOf(mesh),
				},
				signal,
			);
		} catch {
			// Whom this machine can not ask the nodes may reach: what they reach of the control server tells.
			return [];
		}
	};

/** Looks at the key that nodes would log in with, and asks the control server about it and about the policy where credentials allow. */
export const makeLookAtTailnet =
	(world: TailnetWorld): LookAtTailnet =>
	async (cluster, signal) => {
		const mesh = chosenTailnet(cluster);
		if (mesh === undefined) {
			return undefined;
		}

		let plane: ControlPlane | undefined;
		let api: ApiLook = {kind: 'not-named'};
		try {
			plane = await openTailnetApi(mesh, world, signal);
			if (plane !== undefined) {
				const [policy, devices] = await Promise.all([
					readPolicyLook(cluster, plane, signal),
					plane.listDevices({signal}),
				]);
				api = {
					kind: 'asked',
					policy,
					devices: devices.map((device) => deviceOf(device)),
				};
			}
		} catch (error) {
			api = {kind: 'unusable', obstacle: obstacleOf(error)};
		}

		return {
			api,
			key: await lookAtKey(mesh, world, async (key) =>
				askAboutKey(plane, key, signal),
			),
		};
	};
