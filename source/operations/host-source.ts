import type {Cluster} from '../cluster/schema.js';
import {UserError, exitCodes} from '../errors.js';
import type {Host} from '../host/host.js';
import type {HostSource} from '../install/host-pool.js';
import type {Fleet} from './operations.js';

/** Hosts of a run: those that the fleet has open, and new connections for those that it lost. */
export const hostsOf = (cluster: Cluster, fleet: Fleet): HostSource => {
	const contact = async (name: string): Promise<Host> => {
		const known = fleet.contact(name);
		if (known?.state === 'ready') {
			return known.host;
		}

		const spec = cluster.nodes.find((node) => node.name === name);
		if (spec === undefined) {
			throw new Error(`The cluster has no node ${name}.`);
		}

		const made = await fleet.add(spec);
		if (made.state === 'ready') {
			return made.host;
		}

		const failed = made.state === 'failed' ? made : undefined;
		throw new UserError(failed?.message ?? `${name} does not answer.`, {
			node: name,
			// What the machine refuses, it refuses again: only one that is not there may come back.
			exitCode:
				failed?.unreachable === false
					? exitCodes.failed
					: exitCodes.unreachable,
			tryNext: failed?.tryNext ?? [],
		});
	};

	return {
		open: contact,
		async reopen(name) {
			await fleet.remove(name);
			return contact(name);
		},
	};
};
