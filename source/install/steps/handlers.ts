import type {StepAction} from '../../plan/plan.js';
import {awaitJoin} from './await-join.js';
import {awaitReady} from './await-ready.js';
import {awaitRoutes} from './await-routes.js';
import {closePorts} from './close-ports.js';
import {download} from './download.js';
import {firewall} from './firewall.js';
import {install} from './install.js';
import {start} from './start.js';
import {deleteNode} from './leaving/delete-node.js';
import {drain} from './leaving/drain.js';
import {
	forget,
	openPorts,
	stopK3s,
	takeBackFiles,
	takeBackFirewall,
	uninstallK3s,
} from './leaving/on-machine.js';
import {
	tailscaleLogout,
	tailscaleUninstall,
	withdrawRoutes,
} from './leaving/tailnet.js';
import type {ActionOf, StepContext, StepHandler, StepOutcome} from './step.js';
import {tailscaleInstall} from './tailscale-install.js';
import {tailscaleLogin} from './tailscale-login.js';
import {upload} from './upload.js';
import {verify} from './verify.js';
import {writeFile} from './write-file.js';

const handlers: {
	readonly [Kind in StepAction['kind']]: StepHandler<ActionOf<Kind>>;
} = {
	'write-file': writeFile,
	firewall,
	upload,
	download,
	install,
	start,
	'await-join': awaitJoin,
	'await-ready': awaitReady,
	'tailscale-install': tailscaleInstall,
	'tailscale-login': tailscaleLogin,
	'await-routes': awaitRoutes,
	'close-ports': closePorts,
	verify,
	drain,
	'delete-node': deleteNode,
	'stop-k3s': stopK3s,
	'uninstall-k3s': uninstallK3s,
	'take-back-firewall': takeBackFirewall,
	'open-ports': openPorts,
	'take-back-files': takeBackFiles,
	'withdraw-routes': withdrawRoutes,
	'tailscale-logout': tailscaleLogout,
	'tailscale-uninstall': tailscaleUninstall,
	forget,
};

const perform = async <Action extends StepAction>(
	handler: StepHandler<Action>,
	action: Action,
	context: StepContext,
): Promise<StepOutcome> => {
	if (await handler.check(action, context)) {
		return 'unchanged';
	}

	const outcome = await handler.act(action, context);
	if (outcome === 'changed') {
		await handler.verify(action, context);
	}

	return outcome;
};

/** Does a step: looks whether there is anything to do, does it, looks whether it is so now. */
export const performStep = async (
	action: StepAction,
	context: StepContext,
): Promise<StepOutcome> =>
	perform(handlers[action.kind] as StepHandler<StepAction>, action, context);
