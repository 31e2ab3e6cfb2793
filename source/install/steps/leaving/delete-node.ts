import {UserError} from '../../../errors.js';
import {k3sDeleteNode} from '../../../host/scripts/k3s-leave.js';
import {k3sNodes} from '../../../host/scripts/k3s-read.js';
import type {ActionOf, StepHandler} from '../step.js';

/** Takes a node out of the cluster. */
export const deleteNode: StepHandler<ActionOf<'delete-node'>> = {
	// Its password may be there when it is not.
	check: async () => false,
	async act({nodeName}, {host, signal}) {
		const {changed} = await host.run(k3sDeleteNode, {node: nodeName}, {signal});
		return changed ? 'changed' : 'unchanged';
	},
	async verify({nodeName}, {host, signal, step}) {
		const nodes = await host.run(k3sNodes, {}, {signal});
		if (nodes.some(({name}) => name === nodeName)) {
			throw new UserError(
				`The cluster has ${nodeName} again although it was deleted: its K3s has registered anew.`,
				{
					node: step.node,
					tryNext: [`Stop K3s on ${nodeName}, and run the same command again.`],
				},
			);
		}
	},
};
