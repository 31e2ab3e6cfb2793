import process from 'node:process';
import {exitCodes, type ExitCode} from '../errors.js';
import {
	dropKubeconfig,
	type DroppedKubeconfig,
} from '../operations/kubeconfig.js';
import {makeUninstallPlan} from '../operations/leaving.js';
import {rememberProgress} from '../store/known-progress.js';
import type {Invocation} from './arguments.js';
import {
	exitCodeOf,
	hasWork,
	printLeavingLine,
	requireConsent,
	runLeaving,
} from './leaving.js';
import {printLines} from './print.js';
import {openSession, type Session} from './session.js';

const kubeconfigLine = ({
	path: file,
	context,
	found,
	backup,
}: DroppedKubeconfig): string => {
	switch (found) {
		case 'ours': {
			return `kubeconfig: context "${context}" taken out of ${file} (previous file kept as ${backup})`;
		}

		case 'foreign': {
			return `kubeconfig: the context "${context}" in ${file} is not this program's, and stays`;
		}

		case 'none': {
			return `kubeconfig: there is no context "${context}" in ${file}`;
		}
	}
};

/** After all is gone on the machines: the kubeconfig, and what is remembered here. */
const tidyUp = async (
	session: Session,
	invocation: Invocation,
): Promise<void> => {
	const dropped = await dropKubeconfig({
		name: session.cluster.name,
		demo: session.world.demo,
		path: invocation.kubeconfig,
	});
	rememberProgress(
		{name: session.cluster.name, path: session.path},
		'uninstalled',
		session.world.now(),
	);
	if (invocation.progress === 'json') {
		printLeavingLine({type: 'kubeconfig', ...dropped});
	} else {
		printLines(process.stdout, [
			kubeconfigLine(dropped),
			`The cluster file stays: ${session.path}. apply makes the cluster anew from it; delete it when you do not want it any more.`,
		]);
	}
};

/** `uninstall`: takes the whole cluster away, and gives every machine back as it was. */
export const uninstall = async (
	invocation: Invocation,
	signal: AbortSignal,
	atOnce: AbortSignal,
): Promise<ExitCode> => {
	const session = await openSession(invocation, signal);
	try {
		const {cluster, fleet} = session;
		const leaving = await makeUninstallPlan({
			cluster,
			fleet,
			force: invocation.force,
			logOut: invocation.logOut,
			signal,
		});
		if (hasWork(leaving)) {
			await requireConsent(leaving, session, invocation, signal);
		}

		const result = await runLeaving(leaving, session, invocation, {
			signal,
			atOnce,
		});
		if (result.outcome === 'good' && leaving.unreached.length === 0) {
			await tidyUp(session, invocation);
		}

		const code = exitCodeOf(result);
		return code === exitCodes.good && leaving.unreached.length > 0
			? exitCodes.unreachable
			: code;
	} finally {
		await session.close();
	}
};
