import type {ControlPlane, Device, KeyOwner} from '../control/control-plane.js';
import {
	chosenTailnet,
	type Cluster,
	type TailnetMesh,
} from '../cluster/schema.js';
import {UserError, exitCodes} from '../errors.js';
import type {ConnectQuestions} from '../host/host.js';
import {secretAdvice} from '../host/secret-environment.js';
import type {TailnetAccess} from '../install/tailnet-access.js';
import {joinKeyProblem} from '../mesh/tailscale-key-problems.js';
import {classifyKey} from '../mesh/tailscale-keys.js';
import {
	accessWith,
	controlKind,
	controlTitle,
	keyError,
	openTailnetApi,
	type TailnetWorld,
} from './tailnet.js';

/** Nodes log in within minutes; a key that leaks later is worth nothing. In seconds. */
const keyLifetimeSeconds = 3600;

/** How often a person is asked when the answers are none. */
const attempts = 3;

const ownerOf = ({tags: [first, ...others]}: TailnetMesh): KeyOwner =>
	first === undefined
		? {kind: 'account'}
		: {kind: 'tags', tags: [first, ...others]};

const findDevice = async (
	plane: ControlPlane,
	addresses: readonly string[],
	signal: AbortSignal,
): Promise<Device | undefined> => {
	const devices = await plane.listDevices({signal});
	return devices.find((one) =>
		one.addresses.some((address) => addresses.includes(address)),
	);
};

/** A run's access, and how it ends. */
export type RunTailnet = TailnetAccess & {
	/** Ends a key that was made for this run. Never throws: it ends by itself within the hour. */
	close(signal: AbortSignal): Promise<void>;
};

/**
 * What a run asks of its tailnet: `undefined` when the mesh uses none. The key is read where the cluster file or the
 * environment has one, made where there are credentials for that, and asked for otherwise.
 */
export const makeTailnetAccess = (options: {
	readonly cluster: Cluster;
	readonly world: TailnetWorld;
	readonly askSecret: ConnectQuestions['askSecret'];
}): RunTailnet | undefined => {
	const {cluster, world, askSecret} = options;
	const mesh = chosenTailnet(cluster);
	if (mesh === undefined) {
		return undefined;
	}

	const control = controlKind(mesh);
	const hasTags = mesh.tags.length > 0;
	let api: Promise<ControlPlane | undefined> | undefined;
	const openApi = async (
		signal: AbortSignal,
	): Promise<ControlPlane | undefined> => {
		api ??= openTailnetApi(mesh, world, signal);
		try {
			return await api;
		} catch (error) {
			// The next one who needs it tries again.
			api = undefined;
			throw error;
		}
	};

	let revoke: ((signal: AbortSignal) => Promise<void>) | undefined;
	const makeKey = async (
		plane: ControlPlane,
		signal: AbortSignal,
	): Promise<string> => {
		const {id, key} = await plane.createJoinKey(
			{
				owner: ownerOf(mesh),
				lifetimeSeconds: keyLifetimeSeconds,
				description: `k3s-mesh ${cluster.name}`.slice(0, 50),
			},
			{signal},
		);
		revoke = async (ending) => plane.revokeJoinKey(id, {signal: ending});
		return key;
	};

	/** The key that a text is, or one made with the secret of an OAuth client. Throws when it can be neither. */
	const keyFrom = async (
		text: string,
		from: string,
		signal: AbortSignal,
	): Promise<string> => {
		world.redactor.add(text.trim());
		const key = classifyKey(text);
		const problem = joinKeyProblem(key, {control, hasTags});
		if (problem !== undefined) {
			throw keyError(from, problem);
		}

		if (key.kind === 'tailscale-oauth-secret') {
			// It never goes to a node: one key is made from it here.
			return makeKey(
				await world.openControlPlane(
					await accessWith(mesh, text, from),
					signal,
				),
				signal,
			);
		}

		return text.trim();
	};

	const askForKey = async (signal: AbortSignal): Promise<string> => {
		let problem: string | undefined;
		for (let attempt = 1; attempt <= attempts; attempt += 1) {
			const answer = await askSecret({
				kind: 'tailnet-key',
				controlServer: controlTitle(mesh),
				attempt,
				...(problem !== undefined && {problem}),
			});
			signal.throwIfAborted();
			if (answer === undefined) {
				break;
			}

			const wrong = joinKeyProblem(classifyKey(answer), {control, hasTags});
			if (wrong === undefined) {
				return keyFrom(answer, 'the answer', signal);
			}

			problem = [wrong.message, ...wrong.tryNext.slice(0, 1)].join(' ');
		}

		throw new UserError(
			`A node has to log in to ${controlTitle(mesh)}, and there is no key for it.`,
			{
				exitCode: exitCodes.usage,
				tryNext: [
					'Name where it is read from under mesh.authKeyFrom, or credentials that can make one under mesh.apiKeyFrom.',
					secretAdvice('tailnet-key'),
				],
			},
		);
	};

	const findKey = async (signal: AbortSignal): Promise<string> => {
		if (mesh.authKeyFrom !== undefined) {
			return keyFrom(
				await world.readSecret(mesh.authKeyFrom),
				mesh.authKeyFrom,
				signal,
			);
		}

		const given = await world.environmentAnswer({
			kind: 'tailnet-key',
			controlServer: controlTitle(mesh),
			attempt: 1,
		});
		if (given !== undefined) {
			return keyFrom(given, 'the environment', signal);
		}

		const plane = await openApi(signal);
		return plane === undefined ? askForKey(signal) : makeKey(plane, signal);
	};

	const hasCredentials = mesh.apiKeyFrom !== undefined;
	let key: Promise<string> | undefined;
	return {
		controlServer: control === 'tailscale' ? undefined : mesh.controlServer,
		async joinKey(signal) {
			key ??= findKey(signal);
			try {
				return await key;
			} catch (error) {
				key = undefined;
				throw error;
			}
		},
		approveRoutes: hasCredentials
			? async (addresses, routes, signal) => {
					const plane = (await openApi(signal))!;
					const device = await findDevice(plane, addresses, signal);
					if (device === undefined) {
						throw new UserError(
							`${plane.title} knows no machine with the address ${addresses.join(' or ')}.`,
							{
								tryNext: [
									'Look whether the credentials are those of the tailnet that the node is in.',
								],
							},
						);
					}

					const {enabled} = device.routes;
					return routes.every((route) => enabled.includes(route))
						? {approved: enabled, changed: false}
						: {
								approved: await plane.approveRoutes(device.id, routes, {
									signal,
								}),
								changed: true,
							};
				}
			: undefined,
		withdrawRoutes: hasCredentials
			? async (addresses, routes, signal) => {
					const plane = (await openApi(signal))!;
					const device = await findDevice(plane, addresses, signal);
					const known = new Set(device?.routes.enabled);
					if (
						device === undefined ||
						!routes.some((route) => known.has(route))
					) {
						return false;
					}

					await plane.withdrawRoutes(device.id, routes, {signal});
					return true;
				}
			: undefined,
		deleteDevice: hasCredentials
			? async (addresses, signal) => {
					const plane = (await openApi(signal))!;
					const device = await findDevice(plane, addresses, signal);
					if (device === undefined) {
						return false;
					}

					await plane.deleteDevice(device.id, {signal});
					return true;
				}
			: undefined,
		async close(signal) {
			const ending = revoke;
			revoke = undefined;
			if (ending !== undefined) {
				// A further run makes another one.
				key = undefined;
			}

			try {
				await ending?.(signal);
			} catch {
				// It ends by itself within the hour.
			}
		},
	};
};
