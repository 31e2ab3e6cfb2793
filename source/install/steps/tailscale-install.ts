import {tailscaleInstall as installScript} from '../../host/scripts/tailscale-get.js';
import {tailscaleStatus} from '../../host/scripts/tailscale-status.js';
import {runLongStep} from './long-step.js';
import type {ActionOf, StepHandler} from './step.js';

/** Installs Tailscale where there is none. */
export const tailscaleInstall: StepHandler<ActionOf<'tailscale-install'>> = {
	async check(_action, {host, signal}) {
		const status = await host.run(tailscaleStatus, {}, {signal});
		// One that does not answer may be half of an install that was cut off; the host itself looks.
		return status !== undefined && status.state !== 'unreachable';
	},
	async act({from}, context) {
		const {host, signal} = context;
		const before = await host.run(tailscaleStatus, {}, {signal});
		if (before === undefined) {
			await context.listInManifest({kind: 'tailscale', method: from.method});
		}

		return runLongStep(installScript, from, context);
	},
	async verify() {
		// tailscaled was started at the end.
	},
};
