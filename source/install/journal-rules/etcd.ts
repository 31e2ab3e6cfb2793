import {openPort, type JournalRule} from './rule.js';

/** Embedded etcd and its members. */
export const etcdRules: readonly JournalRule[] = [
	{
		// Issues 5908, 2965, 8446: etcd tells it as JSON and as text.
		pattern:
			/https?:\/\/([\d.]+|\[[\da-f:]+\]):2380\/members|:2380.*i\/o timeout/i,
		cause: ({match}) =>
			`etcd on ${match[1] === undefined ? 'the other server' : `${match[1]}:2380`} does not answer on the internal address`,
		tryNext: [
			openPort('TCP 2379 and 2380 on the internal addresses of the servers'),
			'Servers with embedded etcd must share one private network.',
		],
	},
	{
		// Issues 7000, 2306: only one at a time may be learning.
		pattern: /etcdserver: too many learner members in cluster/i,
		cause: 'another server is just joining etcd, or has stopped half-way in it',
		tryNext: [
			'Wait a minute. When it stays so, look with kubectl get nodes for a server that never became Ready, and remove it: kubectl delete node and its name.',
		],
	},
	{
		// Issue 12794.
		pattern:
			/etcd cluster join failed|failed to (?:add|get) (?:etcd )?member|etcdserver: request timed out/i,
		cause: 'the members of etcd do not agree in time to this server joining',
		tryNext: [
			openPort('TCP 2379 and 2380 on the internal addresses of the servers'),
			'Look at the log of K3s on the first server: are all members there, and are their disks fast enough?',
		],
	},
];
