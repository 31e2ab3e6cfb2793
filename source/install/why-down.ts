import {k3sState} from '../host/scripts/k3s-run.js';
import {unitName} from '../plan/paths.js';
import type {Cause} from './journal-cause.js';
import {readRecentJournal, type NodeOfStep} from './recent-journal.js';

/** Why K3s on a node does not run now, by its own journal; `undefined` when it runs or cannot be asked. */
export const whyDown = async (node: NodeOfStep): Promise<Cause | undefined> => {
	const {host, role, signal} = node;
	try {
		const {activeState} = await host.run(k3sState, {role}, {signal});
		if (activeState === 'active') {
			return undefined;
		}

		const journal = await readRecentJournal(node);
		return (
			journal.cause() ?? {
				text: `K3s does not run: its service is ${activeState}`,
				tryNext: [
					...journal.ending(),
					`Look with journalctl -u ${unitName(role)} on that machine why it ended, then run the same command again.`,
				],
			}
		);
	} catch {
		signal.throwIfAborted();
		return undefined;
	}
};
