import {k3sInstall} from '../../host/scripts/k3s-get.js';
import {runLongStep} from './long-step.js';
import type {ActionOf, StepHandler} from './step.js';

/** Runs install.sh. The host itself finds out, under its lock, whether there is anything to do. */
export const install: StepHandler<ActionOf<'install'>> = {
	check: async () => false,
	async act({role, version, scriptUrl}, context) {
		await context.listInManifest({kind: 'installed'});
		return runLongStep(k3sInstall, {role, version, scriptUrl}, context);
	},
	async verify() {
		// The script looks for the unit file before it reports success.
	},
};
