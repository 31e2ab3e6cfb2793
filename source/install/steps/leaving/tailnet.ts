import {UserError} from '../../../errors.js';
import {tailscaleUninstall as uninstallScript} from '../../../host/scripts/tailscale-remove.js';
import {tailscaleLogout as logoutScript} from '../../../host/scripts/tailscale-login.js';
import {tailscaleStatus} from '../../../host/scripts/tailscale-status.js';
import type {ActionOf, StepContext, StepHandler} from '../step.js';

/** Takes back that a machine may route its pods; its owner's own routes stay. */
export const withdrawRoutes: StepHandler<ActionOf<'withdraw-routes'>> = {
	check: async () => false,
	async act({addresses, routes}, {tailnet, signal, tell}) {
		tell.now('asks the control server');
		return (await tailnet?.withdrawRoutes?.(addresses, routes, signal)) === true
			? 'changed'
			: 'unchanged';
	},
	async verify() {
		// The control server has answered with what is approved now.
	},
};

const isOut = async ({host, signal}: StepContext): Promise<boolean> => {
	const status = await host.run(tailscaleStatus, {}, {signal});
	return status === undefined || status.state === 'NeedsLogin';
};

/** Logs a machine out, and takes it out of the tailnet's list where credentials allow. */
export const tailscaleLogout: StepHandler<ActionOf<'tailscale-logout'>> = {
	async check({addresses}, context) {
		// Without its addresses nobody can tell which machine of the list it was.
		return addresses.length === 0 && isOut(context);
	},
	async act({addresses}, context) {
		const {host, signal, tailnet} = context;
		const wasOut = await isOut(context);
		if (!wasOut) {
			await host.run(logoutScript, {}, {signal});
		}

		const wasListed = await tailnet?.deleteDevice?.(addresses, signal);
		return wasOut && wasListed !== true ? 'unchanged' : 'changed';
	},
	async verify(_action, context) {
		if (!(await isOut(context))) {
			throw new UserError(
				`Tailscale on ${context.step.node} is still logged in although it was logged out.`,
				{
					node: context.step.node,
					tryNext: [
						`Look on ${context.step.node}: tailscale status; journalctl -u tailscaled.`,
					],
				},
			);
		}
	},
};

/** Removes a Tailscale that was installed from its archive. */
export const tailscaleUninstall: StepHandler<ActionOf<'tailscale-uninstall'>> =
	{
		check: async () => false,
		async act(_action, {host, signal}) {
			const {changed} = await host.run(uninstallScript, {}, {signal});
			return changed ? 'changed' : 'unchanged';
		},
		async verify() {
			// The script fails when something is left.
		},
	};
