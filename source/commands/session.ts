import process from 'node:process';
import type {Cluster} from '../cluster/schema.js';
import {UserError, exitCodes} from '../errors.js';
import type {ConnectQuestions} from '../host/host.js';
import {openFleet} from '../operations/fleet.js';
import type {Fleet, World} from '../operations/operations.js';
import {makeWorld} from '../operations/world.js';
import type {Invocation} from './arguments.js';
import {loadCluster} from './load-cluster.js';
import {printLines} from './print.js';
import {askOnTerminal} from './terminal-answer.js';

/** A headless command's cluster, with every node contacted. */
export type Session = {
	readonly cluster: Cluster;
	readonly path: string;
	readonly world: World;
	readonly fleet: Fleet;
	/** Nodes that could not be contacted. */
	readonly failed: readonly FailedNode[];
	readonly close: () => Promise<void>;
};

export type FailedNode = {
	readonly node: string;
	readonly message: string;
	readonly tryNext: readonly string[];
	readonly unreachable: boolean;
};

/**
 * A new host key is trusted only when the command line says so, and no authority is known for the host; it is shown
 * either way. Secrets are asked for on the
 * controlling terminal, as ssh does: standard input and output may be pipes.
 */
const headlessQuestions = (
	acceptNewHostKeys: boolean,
	signal: AbortSignal,
): ConnectQuestions => ({
	async trustHostKey(key) {
		// Who trusts a host by certificate only has not meant that any key will do.
		const isTrusted = acceptNewHostKeys && key.authority === undefined;
		const why =
			key.authority === undefined
				? 'not trusted without --accept-new-host-keys'
				: `not trusted, whatever the command line says: ${key.authority} trusts this host by a certificate, which can not be checked here`;
		printLines(process.stderr, [
			`${isTrusted ? 'New host key' : 'Unknown host key'} of ${key.host} port ${key.port}: ${key.algorithm} ${key.fingerprint}${isTrusted ? '' : ` (${why})`}`,
		]);
		return isTrusted;
	},
	askSecret: async (question) => askOnTerminal(question, signal),
});

/** Says something about SSH beside the command's own output. */
export const writeNote = (text: string): void => {
	printLines(process.stderr, [text]);
};

/** Loads the cluster and contacts all its nodes at once. Throws when the cluster has no nodes or its file is wrong. */
export const openSession = async (
	invocation: Invocation,
	signal: AbortSignal,
): Promise<Session> => {
	const {cluster, path} = await loadCluster(invocation.cluster);
	if (cluster.nodes.length === 0) {
		throw new UserError(`${path} has no nodes.`, {
			exitCode: exitCodes.usage,
			tryNext: ['Add them under "nodes:", or with the wizard.'],
		});
	}

	const world = makeWorld(writeNote);
	const fleet = openFleet({
		world,
		questions: headlessQuestions(invocation.acceptNewHostKeys, signal),
		signal,
		concurrency: invocation.concurrency,
	});
	try {
		await fleet.addAll(cluster.nodes);
		signal.throwIfAborted();
	} catch (error) {
		await fleet.close();
		throw error;
	}

	const failed = cluster.nodes.flatMap(({name}): FailedNode[] => {
		const contact = fleet.contact(name);
		return contact?.state === 'failed' ? [{node: name, ...contact}] : [];
	});
	return {
		cluster,
		path,
		world,
		fleet,
		failed,
		async close() {
			await fleet.close();
		},
	};
};

/** The exit code for nodes that could not be contacted: 3 when one was out of reach, else 1. */
export const failedNodesExitCode = (
	failed: readonly FailedNode[],
): typeof exitCodes.unreachable | typeof exitCodes.failed =>
	failed.some((node) => node.unreachable)
		? exitCodes.unreachable
		: exitCodes.failed;

/** Nodes that could not be contacted, for people, with what to do about each. */
export const failedNodeLines = (failed: readonly FailedNode[]): string[] =>
	failed.flatMap(({node, message, tryNext}) => [
		`✖ ${node}: ${message}`,
		...tryNext.map((line) => `    ${line}`),
	]);

/** Stops a command that needs every node, naming each that is missing. */
export const requireAllNodes = (failed: readonly FailedNode[]): void => {
	if (failed.length > 0) {
		throw new UserError(
			[...failedNodeLines(failed), 'Nothing was changed on any node.'].join(
				'\n',
			),
			{exitCode: failedNodesExitCode(failed)},
		);
	}
};
