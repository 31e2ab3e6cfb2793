import {readFile} from 'node:fs/promises';
import os from 'node:os';
import type {ControlAccess, ControlPlane} from '../control/control-plane.js';
import type {TailnetMesh} from '../cluster/schema.js';
import {UserError, describeError, exitCodes} from '../errors.js';
import {isSameControlServer} from '../facts/control-servers.js';
import {
	apiCredentialProblem,
	type ControlKind,
	type KeyProblem,
} from '../mesh/tailscale-key-problems.js';
import {classifyKey} from '../mesh/tailscale-keys.js';
import type {World} from './operations.js';

/** What dealing with a tailnet needs of the world. */
export type TailnetWorld = Pick<
	World,
	'readSecret' | 'redactor' | 'openControlPlane' | 'environmentAnswer'
>;

/** A control server of one's own is a headscale: Tailscale's needs no name. */
export const controlKind = ({controlServer}: TailnetMesh): ControlKind =>
	isSameControlServer(controlServer, undefined) ? 'tailscale' : 'headscale';

/** How the control server is called in a sentence. */
export const controlTitle = (mesh: TailnetMesh): string =>
	controlKind(mesh) === 'tailscale' ? 'Tailscale' : mesh.controlServer!;

/** An error that says where a key came from, what is wrong with it, and what to do. */
export const keyError = (
	from: string,
	{message, tryNext}: KeyProblem,
): UserError =>
	new UserError(`The key from ${from} can not be used. ${message}`, {
		exitCode: exitCodes.usage,
		tryNext,
	});

const readAuthority = async (file: string): Promise<string> => {
	try {
		return await readFile(file.replace(/^~(?=\/)/, os.homedir()), 'utf8');
	} catch (error) {
		throw new UserError(
			`mesh.authorityFile names ${file}, which can not be read: ${describeError(error)}`,
			{exitCode: exitCodes.usage, cause: error},
		);
	}
};

/** The certificate of the authority that the file names, in PEM form. Throws a `UserError` when it can not be read. */
export const authorityOf = async ({
	authorityFile,
}: TailnetMesh): Promise<string | undefined> =>
	authorityFile === undefined ? undefined : readAuthority(authorityFile);

/** How to get at the control server's API with a credential. Throws a `UserError` when it can be none. */
export const accessWith = async (
	mesh: TailnetMesh,
	credential: string,
	from: string,
): Promise<ControlAccess> => {
	const key = classifyKey(credential);
	const problem = apiCredentialProblem(key, controlKind(mesh));
	if (problem !== undefined) {
		throw keyError(from, problem);
	}

	return controlKind(mesh) === 'tailscale'
		? {
				kind: 'tailscale',
				credential:
					key.kind === 'tailscale-oauth-secret'
						? key.secret
						: credential.trim(),
			}
		: {
				kind: 'headscale',
				baseUrl: mesh.controlServer!,
				credential: credential.trim(),
				user: mesh.user,
				authority: await authorityOf(mesh),
			};
};

/** Opens the control server's API with the credential that the cluster file names; `undefined` when it names none. */
export const openTailnetApi = async (
	mesh: TailnetMesh,
	world: TailnetWorld,
	signal: AbortSignal,
): Promise<ControlPlane | undefined> => {
	if (mesh.apiKeyFrom === undefined) {
		return undefined;
	}

	const credential = await world.readSecret(mesh.apiKeyFrom);
	world.redactor.add(credential);
	return world.openControlPlane(
		await accessWith(mesh, credential, mesh.apiKeyFrom),
		signal,
	);
};
