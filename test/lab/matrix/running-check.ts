import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import process from 'node:process';
import {LabError, type LabNode} from '../index.js';
import {program, type Outcome, type Stage} from '../support.js';

/** A check that runs in the background. */
export type RunningCheck = {
	readonly child: ChildProcess;
	/** When it has ended, however that was; one that a signal killed has code 137. */
	readonly outcome: Promise<Outcome>;
};

/** Starts `check --json` on the client. */
export const startCheck = (stage: Stage): RunningCheck => {
	const child = stage.lab.client.spawn(
		[process.execPath, program, 'check', stage.clusterPath, '--json'],
		{env: stage.env, stdio: ['ignore', 'pipe', 'pipe']},
	);
	const said = {stdout: '', stderr: ''};
	for (const name of ['stdout', 'stderr'] as const) {
		child[name]!.setEncoding('utf8').on('data', (chunk: string) => {
			said[name] += chunk;
		});
	}

	return {
		child,
		outcome: (async () => {
			await once(child, 'close');
			return {code: child.exitCode ?? 137, ...said};
		})(),
	};
};

/** Processes of the probe on a host, whatever they run on: the program in Python, in Perl or bash, and listeners. */
export const agentsOn = async (node: LabNode): Promise<readonly string[]> => {
	const {stdout} = await node.exec([
		'pgrep',
		'-f',
		'k3s-mesh-probe|probe_source|answer_request',
	]);
	return stdout.split('\n').filter(Boolean);
};

/** Begins to wait until the agents of these nodes listen on the port of the mesh: to be called before they are started. */
export const agentsListen = async (
	nodes: readonly LabNode[],
): Promise<void> => {
	const outcomes = await Promise.all(
		nodes.map(async (node) =>
			node.exec(
				"until ss -Hlun 'sport = :51820' | grep -q .; do sleep 0.05; done",
				{timeoutMs: 60_000},
			),
		),
	);
	for (const [index, {code, stderr}] of outcomes.entries()) {
		if (code !== 0) {
			throw new LabError(
				`No probe listens on ${nodes[index]!.name}: ${stderr}`,
			);
		}
	}
};
