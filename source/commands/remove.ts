import {chmod, readFile, realpath, stat} from 'node:fs/promises';
import process from 'node:process';
import {parseClusterText} from '../cluster/file.js';
import {updateClusterText} from '../cluster/update-text.js';
import {UserError, type ExitCode} from '../errors.js';
import {makeRemovalPlan} from '../operations/leaving.js';
import {writePrivateFile} from '../store/cluster-files.js';
import type {Invocation} from './arguments.js';
import {
	exitCodeOf,
	printLeavingLine,
	requireConsent,
	runLeaving,
} from './leaving.js';
import {printLines} from './print.js';
import {openSession} from './session.js';

/** Takes a node out of a cluster file; all else in it stays as it is written, and its mode. Returns whether it was there. */
const removeFromFile = async (path: string, node: string): Promise<boolean> => {
	// Read again: somebody may have written into it meanwhile.
	const file = await realpath(path);
	const text = await readFile(file, 'utf8');
	const parsed = parseClusterText(text);
	if (!parsed.ok) {
		throw new UserError(
			`${node} has left, and could not be taken out of ${path}, which is no cluster file any more.`,
			{tryNext: [`Take ${node} out of its nodes by hand.`]},
		);
	}

	const {cluster} = parsed;
	const nodes = cluster.nodes.filter(({name}) => name !== node);
	if (nodes.length === cluster.nodes.length) {
		return false;
	}

	const {mode} = await stat(file);
	await writePrivateFile(file, updateClusterText(text, {...cluster, nodes}));
	await chmod(file, mode);
	return true;
};

/** `remove`: takes one node out of the cluster and its file, and gives its machine back as it was. */
export const remove = async (
	invocation: Invocation,
	signal: AbortSignal,
	atOnce: AbortSignal,
): Promise<ExitCode> => {
	const session = await openSession(invocation, signal);
	try {
		const {cluster, fleet, path} = session;
		const node = invocation.node!;
		const leaving = await makeRemovalPlan({
			cluster,
			fleet,
			force: invocation.force,
			logOut: invocation.logOut,
			nodeName: node,
			signal,
		});
		await requireConsent(leaving, session, invocation, signal);
		const result = await runLeaving(leaving, session, invocation, {
			signal,
			atOnce,
		});
		if (result.outcome === 'good' && (await removeFromFile(path, node))) {
			if (invocation.progress === 'json') {
				printLeavingLine({type: 'cluster-file', path, removed: node});
			} else {
				printLines(process.stdout, [`${node} is taken out of ${path}.`]);
			}
		}

		return exitCodeOf(result);
	} finally {
		await session.close();
	}
};
