import process from 'node:process';
import {exitCodes, type ExitCode} from '../errors.js';
import {fetchKubeconfig} from '../operations/kubeconfig.js';
import type {KubeconfigResult} from '../operations/operations.js';
import type {Invocation} from './arguments.js';
import {confirm} from './confirm.js';
import type {KubeconfigJson} from './json/kubeconfig-schema.js';
import {printJson, printLines} from './print.js';
import {openSession, type Session} from './session.js';

/** Fetches and merges the kubeconfig; asks before it replaces a context that is not ours. */
export const mergeKubeconfig = async (
	session: Session,
	invocation: Invocation,
	signal: AbortSignal,
): Promise<KubeconfigResult> =>
	fetchKubeconfig({
		cluster: session.cluster,
		fleet: session.fleet,
		world: session.world,
		...(invocation.kubeconfig !== undefined && {path: invocation.kubeconfig}),
		signal,
		confirmReplace: async (context) =>
			invocation.yes ||
			confirm(
				`Your kubeconfig has another context named "${context}". Replace it?`,
				signal,
			),
	});

/** Says where the kubeconfig went. */
export const kubeconfigLines = (result: KubeconfigResult): string[] => [
	`kubeconfig: context "${result.context}" merged into ${result.path}${result.backup === undefined ? '' : ` (previous file kept as ${result.backup})`}`,
	`  ${result.note}`,
];

/** `kubeconfig`: fetches the cluster's kubeconfig and merges it. */
export const kubeconfig = async (
	invocation: Invocation,
	signal: AbortSignal,
): Promise<ExitCode> => {
	const session = await openSession(invocation, signal);
	try {
		const result = await mergeKubeconfig(session, invocation, signal);
		if (invocation.json) {
			const json: KubeconfigJson = {
				format: 'k3s-mesh-tui/kubeconfig/1',
				...result,
			};
			printJson(process.stdout, json, 'line');
		} else {
			printLines(process.stdout, kubeconfigLines(result));
		}

		return exitCodes.good;
	} finally {
		await session.close();
	}
};
