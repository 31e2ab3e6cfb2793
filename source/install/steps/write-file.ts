import {createHash} from 'node:crypto';
import {UserError} from '../../errors.js';
import {
	filesHash,
	filesWrite,
	type FileState,
} from '../../host/scripts/files.js';
import {systemdReload} from '../../host/scripts/systemd-reload.js';
import type {ValueReference} from '../../plan/plan.js';
import {fill, references as openValues} from '../../plan/template.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

/** The text of the file, every reference resolved. */
const textOf = async (
	{content, quoting}: ActionOf<'write-file'>,
	{references, signal}: StepContext,
): Promise<string> => {
	const values = new Map<string, string>();
	const keyOf = (reference: ValueReference) => JSON.stringify(reference);
	for (const reference of openValues(content)) {
		values.set(keyOf(reference), await references.resolve(reference, signal));
	}

	return fill(content, (reference) => values.get(keyOf(reference))!, quoting);
};

const stateOf = async (
	path: string,
	{host, signal}: StepContext,
): Promise<FileState> => {
	const states = await host.run(filesHash, {paths: [path]}, {signal});
	return states.get(path);
};

const sha256 = (text: string): string =>
	createHash('sha256').update(text, 'utf8').digest('hex');

const isAsWanted = (
	state: FileState,
	action: ActionOf<'write-file'>,
	text: string,
): boolean =>
	state?.sha256 === sha256(text) &&
	state.mode === action.mode &&
	state.rootOwned;

/** Where units and their drop-ins are that systemd reads once, and again only when it is told to. */
const unitFolder = '/etc/systemd/system/';

/** Writes a file when content, mode or owner differs. */
export const writeFile: StepHandler<ActionOf<'write-file'>> = {
	async check(action, context) {
		const text = await textOf(action, context);
		const state = await stateOf(action.path, context);
		if (!isAsWanted(state, action, text)) {
			return false;
		}

		await context.listInManifest({
			kind: 'file',
			path: action.path,
			sha256: sha256(text),
			existed: false,
		});
		return true;
	},
	async act(action, context) {
		const text = await textOf(action, context);
		const state = await stateOf(action.path, context);
		const manifest = await context.listInManifest({
			kind: 'file',
			path: action.path,
			sha256: sha256(text),
			existed: state !== undefined,
		});
		const {changed, backup} = await context.host.run(
			filesWrite,
			{
				path: action.path,
				mode: action.mode,
				content: text,
				keepPrevious: action.path in manifest.kept,
			},
			{signal: context.signal},
		);
		if (backup !== undefined) {
			context.tell.log(`What was in ${action.path} is kept as ${backup}`);
		}

		// Also when it was written before: a run that was cut off may have left it at that.
		if (action.path.startsWith(unitFolder)) {
			await context.host.run(systemdReload, {}, {signal: context.signal});
		}

		return changed ? 'changed' : 'unchanged';
	},
	async verify(action, context) {
		const text = await textOf(action, context);
		if (!isAsWanted(await stateOf(action.path, context), action, text)) {
			throw new UserError(
				`${action.path} is not as it was written a moment ago`,
				{
					tryNext: [
						'Another program on that machine seems to manage this file: a configuration management tool, perhaps.',
					],
				},
			);
		}
	},
};
