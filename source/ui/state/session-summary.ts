import {exitCodes, type ExitCode} from '../../errors.js';
import {nodeEndLines} from '../../install/node-ends.js';
import {formatDuration} from '../format.js';
import {shownPath} from '../shown-path.js';
import type {ClusterSession} from './cluster-session.js';
import {proofSentence} from './proof-summary.js';

const program = 'npx k3s-mesh-tui';

/** What is worth trying once a cluster is up. */
export const nextCommands = (
	cluster: string,
	kubeconfig: string | undefined,
): readonly string[] => [
	`kubectl ${kubeconfig === undefined ? '' : `--kubeconfig ${kubeconfig} `}--context ${cluster} get nodes -o wide`,
	`${program} check ${cluster}`,
	`${program} apply ${cluster}`,
];

const installLines = (session: ClusterSession): string[] => {
	const {install, logPath, result} = session.install.state.latest();
	const ends = nodeEndLines(install.ends).map((line) => `  ${line}`);
	const {name} = session.document.cluster.latest();
	const took =
		install.endedAt === undefined
			? ''
			: ` · ${formatDuration(install.endedAt - install.startedAt)}`;
	const log = logPath === undefined ? [] : [`Log: ${shownPath(logPath)}`];
	switch (result?.outcome) {
		case 'good': {
			const handover = session.handover.state.latest();
			const proofs = proofSentence(result.proofs);
			return [
				[`${name} is up`, ...(proofs === '' ? [] : [proofs])].join(': ') + took,
				...(handover.phase === 'done'
					? [
							`kubeconfig: context "${handover.result.context}" in ${shownPath(handover.result.path)}`,
						]
					: [`kubeconfig: fetch it with  ${program} kubeconfig ${name}`]),
				'',
				...nextCommands(name, session.store.kubeconfigPath).map(
					(command) => `  ${command}`,
				),
			];
		}

		case 'failed': {
			return [
				`${name} is not complete${took}:`,
				...result.failures.flatMap(({node, message, tryNext}) => [
					`  ✖ ${node}: ${message}`,
					...tryNext.map((line) => `      ${line}`),
				]),
				...(ends.length === 0
					? []
					: ['What is there now; nothing is taken back:', ...ends]),
				...log,
			];
		}

		case 'stopped':
		case undefined: {
			return [
				`The install of ${name} was stopped. What runs on the nodes ends by itself; nothing is taken back, and the next run goes on from what is there.`,
				...ends,
				...log,
			];
		}
	}
};

/** How the program ends after the work on a cluster, and what it says. */
export const sessionSummary = (
	session: ClusterSession,
): {readonly exitCode: ExitCode; readonly lines: readonly string[]} => {
	const {phase, result} = session.install.state.latest();
	const {name, nodes} = session.document.cluster.latest();
	const exitCode =
		phase === 'idle' || result?.outcome === 'good'
			? exitCodes.good
			: result?.outcome === 'failed'
				? exitCodes.failed
				: exitCodes.stopped;
	if (session.world.demo) {
		return {
			exitCode: exitCodes.good,
			lines: [
				'That was the demo: every machine in it was simulated.',
				'Nothing was changed anywhere.',
				`The real thing: ${program}`,
			],
		};
	}

	if (phase === 'idle') {
		return {
			exitCode,
			lines:
				nodes.length === 0
					? []
					: [
							`${name} is saved in ${shownPath(session.document.path)}`,
							'Start the program again to go on from here. Nothing was changed on any node.',
						],
		};
	}

	return {exitCode, lines: installLines(session)};
};
