import {createHash} from 'node:crypto';
import {
	closePorts as closeScript,
	closeRules,
	closeUnitPath,
	closeUnitText,
} from '../../host/scripts/close-ports.js';
import {closeRulesPath} from '../../plan/paths.js';
import type {ActionOf, StepHandler} from './step.js';

const sha256 = (text: string): string =>
	createHash('sha256').update(text, 'utf8').digest('hex');

/** Closes ports in a table of ours. */
export const closePorts: StepHandler<ActionOf<'close-ports'>> = {
	async check(action, {host, signal}) {
		const {changed} = await host.run(
			closeScript,
			{...action, checkOnly: true},
			{signal},
		);
		return !changed;
	},
	async act(action, context) {
		for (const [path, text] of [
			[closeRulesPath, closeRules(action)],
			[closeUnitPath, closeUnitText],
		] as const) {
			await context.listInManifest({
				kind: 'file',
				path,
				sha256: sha256(text),
				existed: false,
			});
		}

		const {changed} = await context.host.run(
			closeScript,
			{...action, checkOnly: false},
			{signal: context.signal},
		);
		return changed ? 'changed' : 'unchanged';
	},
	async verify() {
		// The script looks at the table that the kernel has before it reports success.
	},
};
