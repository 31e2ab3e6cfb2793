import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {UserError} from '../../errors.js';
import {filesReceive} from '../../host/scripts/files-receive.js';
import {filesHash} from '../../host/scripts/files.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

/** Told at most so often: for each part of the file, not for each packet. */
const progressParts = 200;

const isThere = async (
	{path, sha256}: ActionOf<'upload'>,
	{host, signal}: StepContext,
): Promise<boolean> => {
	const states = await host.run(
		filesHash,
		{paths: [path]},
		{signal, timeoutMs: 300_000},
	);
	return states.get(path)?.sha256 === sha256;
};

/** Is the file here still the one that was planned? It may have been replaced meanwhile; the host compares the sha256. */
const requireSameSize = async (
	{from, bytes}: ActionOf<'upload'>,
	{step}: StepContext,
): Promise<void> => {
	const {size} = await stat(from);
	if (size !== bytes) {
		throw new UserError(
			`${from} has ${size} bytes now, and had ${bytes} when the plan was made.`,
			{
				node: step.node,
				tryNext: ['Leave the folder alone while it is sent, and try again.'],
			},
		);
	}
};

/** Sends a file; only what the host has not got already. */
export const upload: StepHandler<ActionOf<'upload'>> = {
	check: isThere,
	async act(action, context) {
		const {from, path, mode, bytes, sha256} = action;
		await requireSameSize(action, context);
		await context.listInManifest({
			kind: 'file',
			path,
			sha256,
			existed: false,
		});
		let told = -1;
		const {changed} = await context.host.upload(
			filesReceive,
			{path, mode, bytes, sha256},
			{
				signal: context.signal,
				read: (offset) => createReadStream(from, {start: offset}),
				onProgress(doneBytes) {
					const part = Math.floor((doneBytes / bytes) * progressParts);
					if (part !== told) {
						told = part;
						context.tell.progress(doneBytes, bytes);
					}
				},
			},
		);
		return changed ? 'changed' : 'unchanged';
	},
	async verify() {
		// The sha256 was compared before the file was moved into place.
	},
};
