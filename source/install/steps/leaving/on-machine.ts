import {openPorts as openScript} from '../../../host/scripts/close-ports.js';
import {filesTakeBack} from '../../../host/scripts/files.js';
import {firewallTakeBack} from '../../../host/scripts/firewall-take-back.js';
import {k3sStop} from '../../../host/scripts/k3s-stop.js';
import {k3sUninstall} from '../../../host/scripts/k3s-uninstall.js';
import {manifestForget} from '../../../host/scripts/manifest.js';
import {runLongStep} from '../long-step.js';
import type {StepAction} from '../../../plan/plan.js';
import type {Script} from '../../../host/scripts/script.js';
import type {ActionOf, StepContext, StepHandler, StepOutcome} from '../step.js';

/**
 * A step whose script itself looks whether there is anything to do, does it, and fails when it is not so afterwards: the
 * machine is asked once.
 */
const byScript = <Action extends StepAction>(
	act: (action: Action, context: StepContext) => Promise<StepOutcome>,
): StepHandler<Action> => ({
	check: async () => false,
	act,
	async verify() {
		// The script has looked.
	},
});

const run = async <Input>(
	script: Script<Input, {readonly changed: boolean}>,
	input: Input,
	{host, signal}: StepContext,
): Promise<StepOutcome> => {
	const {changed} = await host.run(script, input, {signal});
	return changed ? 'changed' : 'unchanged';
};

/** Stops K3s, or keeps it from being started again. */
export const stopK3s = byScript<ActionOf<'stop-k3s'>>(
	async ({role, how}, context) => run(k3sStop, {role, how}, context),
);

/** Runs K3s's own uninstall script, or goes on with the one that runs there already. */
export const uninstallK3s = byScript<ActionOf<'uninstall-k3s'>>(
	async ({role, ours, kept, podRoutes}, context) =>
		runLongStep(k3sUninstall, {role, ours, kept, podRoutes}, context),
);

/** Takes firewall rules of ours back; those that stay stay listed. */
export const takeBackFirewall = byScript<ActionOf<'take-back-firewall'>>(
	async ({firewall, rules, staying}, context) => {
		for (const {why, remove} of rules) {
			context.tell.log(`${firewall}: ${remove.join(' ')}  (${why})`);
		}

		const outcome = await run(
			firewallTakeBack,
			{firewall, rules, staying},
			context,
		);
		if (staying.length > 0) {
			await context.listInManifest({kind: 'firewall-withdrawn', rules});
		}

		return outcome;
	},
);

/** Takes the table away that closes ports. */
export const openPorts = byScript<ActionOf<'open-ports'>>(
	async (_action, context) => run(openScript, {}, context),
);

/** Removes files of ours, and puts back what they took the place of. */
export const takeBackFiles = byScript<ActionOf<'take-back-files'>>(
	async ({ours, kept}, context) => run(filesTakeBack, {ours, kept}, context),
);

/** Removes our folder. */
export const forget = byScript<ActionOf<'forget'>>(async (_action, context) =>
	run(manifestForget, {}, context),
);
