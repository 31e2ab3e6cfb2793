import {k3sStart} from '../../host/scripts/k3s-run.js';
import type {ActionOf, StepHandler} from './step.js';

/** Starts K3s without waiting for it. The host itself compares what runs with what is on its disk. */
export const start: StepHandler<ActionOf<'start'>> = {
	check: async () => false,
	async act({role, configFiles, version}, context) {
		const started = await context.host.run(
			k3sStart,
			{role, configFiles, version},
			{signal: context.signal},
		);
		context.journalSince = started.restarted
			? started.sinceUnix
			: started.sinceUnix - 30;
		await context.listInManifest({
			kind: 'applied',
			appliedHash: started.appliedHash,
		});
		return started.restarted ? 'changed' : 'unchanged';
	},
	async verify() {
		// Whether it came up is what the next step waits for.
	},
};
