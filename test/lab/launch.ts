import {closeSync, openSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {instanceFolder} from './folders.js';
import {start} from './run.js';

/** A file beside this one. */
export const beside = (name: string): string =>
	fileURLToPath(new URL(name, import.meta.url));

/** What lab processes have as their environment: nothing of the person who started them. */
export const bareEnvironment = {
	PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
	LANG: 'C.UTF-8',
};

/**
 * Starts a process that belongs to an instance and outlives us. It is recorded under `slot` before it does anything;
 * its output goes to `SLOT.log` in the instance's folder.
 */
export const launch = (
	instance: string,
	slot: string,
	argv: readonly string[],
	env: NodeJS.ProcessEnv = bareEnvironment,
): void => {
	const folder = instanceFolder(instance);
	const log = openSync(path.join(folder, `${slot}.log`), 'a', 0o600);
	const child = start(['sh', beside('launch.sh'), folder, slot, ...argv], {
		cwd: '/',
		detached: true,
		env,
		stdio: ['ignore', log, log],
	});
	closeSync(log);
	child.unref();
};
