import {UserError} from '../../errors.js';
import {k3sStart} from '../../host/scripts/k3s-run.js';
import {clockBeyondDoubtMs} from '../clocks.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

/** A server's first start makes certificates for ten years, and a wrong clock makes them of no use for all of them. */
const refuseWrongClock = async ({
	clocks,
	step,
	signal,
}: StepContext): Promise<void> => {
	const wrong = await clocks.wrong([step.node], signal, clockBeyondDoubtMs);
	if (wrong !== undefined) {
		throw new UserError(
			`K3s was not started, for its certificates would not be valid on other machines: ${wrong.text}`,
			{node: step.node, tryNext: wrong.tryNext},
		);
	}
};

/** Starts K3s without waiting for it. The host itself compares what runs with what is on its disk. */
export const start: StepHandler<ActionOf<'start'>> = {
	check: async () => false,
	async act({role, configFiles, version}, context) {
		await refuseWrongClock(context);
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
