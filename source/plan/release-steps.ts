import type {Cluster, NodeSpec} from '../cluster/schema.js';
import {UserError} from '../errors.js';
import type {Architecture, HostFacts} from '../facts/host-facts.js';
import {binaryExpectation, fileExpectation} from './expectation.js';
import type {Stage, Step, StepAction, StepId} from './plan.js';
import {
	imagesFolder,
	releaseFiles,
	releaseFolder,
	type LocalFile,
	type LocalRelease,
} from './releases.js';

/** Adds a step to those of a node. Returns its id. */
export type AddStep = (
	stage: Stage,
	what: string,
	title: string,
	action: StepAction,
	rest: Pick<Step, 'needs' | 'expectation'>,
) => StepId;

/** What comes after the release is on a node waits for these. */
export type ReleaseSteps = {
	readonly download: StepId;
	readonly scriptSent: readonly StepId[];
	readonly imagesSent: readonly StepId[];
};

/**
 * Brings the release to a node: from its mirrors, or from the files of this machine. Throws a `UserError` when these have
 * none for its architecture.
 */
export const releaseSteps = (
	{
		cluster,
		version,
		release,
	}: {
		readonly cluster: Cluster;
		readonly version: string;
		readonly release: LocalRelease | undefined;
	},
	{name: node}: NodeSpec,
	architecture: Architecture,
	{
		facts,
		add,
		after,
	}: {
		readonly facts: HostFacts;
		readonly add: AddStep;
		/** Steps that a download waits for. */
		readonly after: readonly StepId[];
	},
): ReleaseSteps => {
	const send = (
		{path: from, fileName: name, bytes, sha256}: LocalFile,
		folder: string,
	): StepId =>
		add(
			'download',
			`send-${name}`,
			`send ${name}`,
			{
				kind: 'upload',
				from,
				path: `${folder}/${name}`,
				mode: 0o644,
				bytes,
				sha256,
			},
			{
				needs: [],
				expectation: fileExpectation(facts, `${folder}/${name}`),
			},
		);

	const local = release?.files.get(architecture);
	if (release !== undefined && local === undefined) {
		throw new UserError(
			`The folder of the K3s release has no files for ${node}, which is ${architecture}.`,
			{node},
		);
	}

	const sent =
		local === undefined
			? []
			: [
					send(local.binary, releaseFolder),
					send(local.checksums, releaseFolder),
				];
	const scriptSent =
		release === undefined ? [] : [send(release.installScript, releaseFolder)];
	const imagesSent =
		local?.images === undefined ? [] : [send(local.images, imagesFolder)];

	const download = add(
		'download',
		'k3s',
		`${release === undefined ? 'download' : 'put into place'} K3s ${version}`,
		{
			kind: 'download',
			version,
			...releaseFiles(cluster, version, architecture, release !== undefined),
		},
		{
			needs: [...sent, ...after],
			expectation: binaryExpectation(facts, version),
		},
	);
	return {download, scriptSent, imagesSent};
};
