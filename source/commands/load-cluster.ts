import {readFile, stat} from 'node:fs/promises';
import {formatProblems, parseClusterText} from '../cluster/file.js';
import type {Cluster} from '../cluster/schema.js';
import {UserError, exitCodes} from '../errors.js';
import {makeClusterFiles} from '../store/cluster-files.js';

const isFile = async (path: string): Promise<boolean> => {
	try {
		return (await stat(path)).isFile();
	} catch {
		return false;
	}
};

/** FILE when there is such a file or it looks like one, else the file of the saved cluster NAME, else the only saved cluster. */
const locate = async (argument: string | undefined): Promise<string> => {
	const saved = makeClusterFiles();
	if (argument !== undefined) {
		if (/[/\\]|\.ya?ml$/.test(argument) || (await isFile(argument))) {
			return argument;
		}

		const path = saved.path(argument);
		if (await isFile(path)) {
			return path;
		}
	}

	const names = await saved.list();
	const [only, ...more] = names;
	if (argument === undefined && only !== undefined && more.length === 0) {
		return saved.path(only);
	}

	throw new UserError(
		argument === undefined
			? 'Which cluster? Name a cluster file or a saved cluster.'
			: `There is no file and no saved cluster named "${argument}".`,
		{
			exitCode: exitCodes.usage,
			tryNext: [
				names.length === 0
					? 'No cluster is saved yet: k3s-mesh-tui without a command starts the wizard.'
					: `Saved clusters: ${names.join(', ')}`,
			],
		},
	);
};

/** Finds and reads the cluster that a command is about. Throws a `UserError` with exit code 2 that lists every problem with its line. */
export const loadCluster = async (
	argument: string | undefined,
): Promise<{readonly cluster: Cluster; readonly path: string}> => {
	const path = await locate(argument);
	let text: string;
	try {
		text = await readFile(path, 'utf8');
	} catch (error) {
		const {code} = error as NodeJS.ErrnoException;
		throw new UserError(
			code === 'ENOENT'
				? `There is no file ${path}.`
				: `The cluster file ${path} can not be read (${code ?? 'unknown reason'}).`,
			{
				exitCode: exitCodes.usage,
				tryNext: [
					code === 'ENOENT'
						? 'Check the spelling; k3s-mesh-tui without a command makes a new cluster.'
						: 'Check that it is a text file that you may read.',
				],
				cause: error,
			},
		);
	}

	const parsed = parseClusterText(text);
	if (!parsed.ok) {
		throw new UserError(formatProblems(parsed.problems, path).join('\n'), {
			exitCode: exitCodes.usage,
			tryNext: ['Mend the file and try again. No node was contacted.'],
		});
	}

	return {cluster: parsed.cluster, path};
};
