import process from 'node:process';
import {UserError, exitCodes, type ExitCode} from '../errors.js';
import {
	comparePolicy,
	policyToSave,
	type PolicyComparison,
} from '../operations/policy.js';
import {saveFile} from '../operations/save-file.js';
import {makeWorld} from '../operations/world.js';
import type {Invocation} from './arguments.js';
import {confirm} from './confirm.js';
import type {PolicyJson} from './json/policy-schema.js';
import {loadCluster} from './load-cluster.js';
import {printJson, printLines} from './print.js';
import {writeNote} from './session.js';

type InForce = NonNullable<PolicyComparison['inForce']>;

/** What the policy that is in force lacks, for people. */
const changeLines = ({
	server,
	changes,
	difference,
	objections,
}: InForce): string[] =>
	changes.length === 0
		? [`The policy of ${server} has all that the cluster needs.`]
		: [
				`The policy of ${server} lacks:`,
				...changes.map((change) => `  ${change}`),
				'',
				...difference,
				...(objections.length === 0
					? []
					: [
							'',
							`${server} would not take it:`,
							...objections.map((objection) => `  ✖ ${objection}`),
						]),
			];

/** Puts the change in force after a yes. Returns whether there was anything to write. */
const write = async (
	inForce: InForce,
	invocation: Invocation,
	signal: AbortSignal,
): Promise<boolean> => {
	if (inForce.changes.length === 0) {
		return false;
	}

	if (inForce.objections.length > 0) {
		throw new UserError('Nothing was written.', {
			tryNext: ['Mend what is said above in the policy, and try again.'],
		});
	}

	if (
		!invocation.yes &&
		!(await confirm(`Put this in force at ${inForce.server}?`, signal))
	) {
		throw new UserError('Nothing was written.', {
			exitCode: exitCodes.stopped,
			tryNext: process.stdin.isTTY
				? []
				: ['Nobody is there to ask; --yes writes it without asking.'],
		});
	}

	await inForce.write(signal);
	return true;
};

/** Saves the policy in a file, after asking where one with another text is there. */
const save = async (
	file: string,
	text: string,
	{yes}: Invocation,
	signal: AbortSignal,
): Promise<void> => {
	const outcome = await saveFile(
		file,
		text,
		async () => yes || confirm(`${file} is there already: replace it?`, signal),
	);
	if (outcome === 'kept') {
		throw new UserError(`${file} was left as it is.`, {
			exitCode: exitCodes.stopped,
			tryNext: process.stdin.isTTY
				? []
				: ['Nobody is there to ask; --yes replaces it without asking.'],
		});
	}

	printLines(process.stderr, [`The policy is in ${file}.`]);
};

/** `policy`: what the tailnet's policy must hold, what the one in force lacks; with `--write` puts that in, with `--output` saves it. */
export const policy = async (
	invocation: Invocation,
	signal: AbortSignal,
): Promise<ExitCode> => {
	const {cluster} = await loadCluster(invocation.cluster);
	const comparison = await comparePolicy(cluster, makeWorld(writeNote), signal);
	const {needed, inForce} = comparison;
	if (inForce === undefined && invocation.write) {
		throw new UserError(
			'The policy can not be written without credentials for the API of the control server.',
			{
				exitCode: exitCodes.usage,
				tryNext: [
					'Name where they are read under mesh.apiKeyFrom, or put the policy in by hand: without --write it is printed.',
				],
			},
		);
	}

	const {output} = invocation;
	if (!invocation.json && (inForce !== undefined || output === undefined)) {
		printLines(
			process.stdout,
			inForce === undefined
				? needed.trimEnd().split('\n')
				: changeLines(inForce),
		);
	}

	if (output !== undefined) {
		await save(output, policyToSave(comparison), invocation, signal);
	}

	const written =
		inForce !== undefined &&
		invocation.write &&
		(await write(inForce, invocation, signal));
	if (written) {
		printLines(process.stderr, [`The policy of ${inForce.server} has it now.`]);
	}

	if (invocation.json) {
		const json: PolicyJson = {
			format: 'k3s-mesh-tui/policy/1',
			cluster: cluster.name,
			needed,
			...(inForce && {
				inForce: {
					server: inForce.server,
					changes: inForce.changes,
					difference: inForce.difference,
					objections: inForce.objections,
					written,
				},
			}),
		};
		printJson(process.stdout, json, 'indented');
	}

	return exitCodes.good;
};
