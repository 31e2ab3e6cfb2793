import {LabError} from '../run.js';
import type {Topology} from '../topology.js';
import {publicHost} from './public-host.js';

/** The most hosts that a `big` topology can have: they share one /24 with others. */
const most = 100;

/** So many public hosts, the first one a server, each of them one sshd without systemd. */
export const bigTopology = (count: number): Topology => {
	if (!(count >= 1 && count <= most)) {
		throw new LabError(`A big topology has 1 to ${most} hosts.`);
	}

	return {
		name: `big-${count}`,
		about: `${count} public hosts that are an sshd each, without systemd`,
		sites: [],
		hostKind: 'sshd',
		hosts: Array.from({length: count}, (_, index) =>
			publicHost(
				`n${index + 1}`,
				index === 0 ? 'server' : 'agent',
				`198.51.100.${101 + index}`,
				// On one switch everybody would have to know everybody's card, and the kernel has one table of 1024 for all namespaces.
				{link: {}},
			),
		),
	};
};

/** The topology that a name such as `big-40` means. */
export const bigNamed = (name: string): Topology | undefined => {
	const count = /^big-(?<count>\d{1,4})$/.exec(name)?.groups?.count;
	return count === undefined ? undefined : bigTopology(Number(count));
};
