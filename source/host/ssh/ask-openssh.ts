import {execFile, type ExecFileOptions} from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import {UserError, exitCodes} from '../../errors.js';
import type {ConfiguredValues, ConfigQuery} from './config-files.js';
import {fileExists} from './file-exists.js';

/** How long OpenSSH may take, in ms: a `Match exec` runs a command of the person's own. */
const usualLimitMs = 10_000;

/** Keywords that are lists in one line. */
const lists = new Set(['userknownhostsfile', 'globalknownhostsfile']);

/** Runs OpenSSH and returns what it writes. Rejects with `code` and `stderr` on the error. */
const runSsh = async (
	words: readonly string[],
	options: ExecFileOptions,
): Promise<string> =>
	new Promise((resolve, reject) => {
		execFile('ssh', words, options, (error, stdout, stderr) => {
			if (error) {
				const failure: Error = Object.assign(error, {stderr: String(stderr)});
				reject(failure);
			} else {
				resolve(String(stdout));
			}
		});
	});

/**
 * What the person's SSH configuration says of a host, by asking OpenSSH itself. `undefined` when OpenSSH is not
 * installed.
 */
export const askOpenSsh = async (
	query: ConfigQuery,
	environment: Readonly<Record<string, string | undefined>>,
	signal: AbortSignal,
	limitMs: number = usualLimitMs,
): Promise<ConfiguredValues | undefined> => {
	const words = ['-G'];
	// OpenSSH takes the home folder from the user database, whatever HOME says.
	if (query.home !== os.userInfo().homedir) {
		const file = path.join(query.home, '.ssh', 'config');
		words.push('-F', (await fileExists(file)) ? file : 'none');
	}

	if (query.user !== undefined) {
		words.push('-l', query.user);
	}

	if (query.port !== undefined) {
		words.push('-p', String(query.port));
	}

	try {
		const stdout = await runSsh([...words, '--', query.host], {
			signal,
			timeout: limitMs,
			env: {...environment},
		});
		const values = new Map<string, readonly string[]>();
		for (const line of stdout.split('\n')) {
			const [key = '', ...rest] = line.split(' ');
			values.set(key, [
				...(values.get(key) ?? []),
				...(lists.has(key) ? rest : [rest.join(' ')]),
			]);
		}

		return values;
	} catch (error) {
		signal.throwIfAborted();
		const {
			code,
			stderr = '',
			killed,
		} = error as {
			readonly code?: string | number;
			readonly stderr?: string;
			readonly killed?: boolean;
		};
		if (code === 'ENOENT') {
			return undefined;
		}

		const lastWords = stderr.trim().split('\n').at(-1)!;
		throw new UserError(
			`The SSH configuration can not be used for ${query.host}: ${
				killed
					? `ssh -G did not end within ${limitMs / 1000} s`
					: lastWords === ''
						? `ssh -G ended without a word (${code ?? String(error)})`
						: lastWords
			}`,
			{
				exitCode: exitCodes.usage,
				cause: error,
				tryNext: killed
					? [
							`Look at the commands of its "Match exec" lines, one of which seems to hang: ssh -v -G ${query.host}`,
						]
					: [`Look at what this says: ssh -G ${query.host}`],
			},
		);
	}
};
