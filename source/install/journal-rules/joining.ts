import type {JournalRule} from './rule.js';

/** Who a node is, its tokens, and settings that all servers must share. */
export const joiningRules: readonly JournalRule[] = [
	{
		// Issues 3727, 8381.
		pattern: /token CA hash does not match the Cluster CA certificate hash/i,
		cause:
			'the token belongs to another cluster: its CA hash is not that of the server',
		tryNext: [
			'The server was installed anew since the token was made, or the address leads to another server.',
			'Check the server address, then run the same command again: the token is read from the server each time.',
		],
		final: true,
	},
	{
		// Issues 802, 6054.
		pattern: /Node password rejected|duplicate hostname or contents/i,
		cause: ({node}) =>
			`the server knows another machine under the name ${node}, and refuses the password of this one`,
		tryNext: ({node}) => [
			`If this machine was installed anew, remove the old node first: kubectl delete node ${node}.`,
			'If two machines have the same name, give one of them another in the cluster file.',
		],
		final: true,
	},
	{
		// Issue 2769: the same for servers, told by etcd's members.
		pattern:
			/duplicate node name found|Failed to join etcd cluster due to duplicate/i,
		cause: ({node}) => `etcd has a member named ${node} already`,
		tryNext: ({node}) => [
			`If this machine was installed anew, remove the old node first: kubectl delete node ${node}.`,
			'If two servers have the same name, give one of them another in the cluster file.',
		],
		final: true,
	},
	{
		// Issues 4768, 12745. The key stands in a line of its own before the one that is fatal.
		pattern: /critical configuration (?:value )?mismatched: ([\w -]+)/i,
		cause: ({match}) =>
			`${match[1]!.trim()} is set otherwise than on the other servers, and must be the same on all`,
		tryNext: ({match}) => [
			`Look for ${match[1]!.trim()} in a config.yaml of your own on one of the servers, and make it the same on all.`,
		],
		final: true,
	},
	{
		pattern: /critical configuration value mismatch/i,
		cause:
			'the servers have settings that must be the same on all of them and are not',
		tryNext: [
			'Look for keys in a config.yaml of your own on one of the servers, and make them the same on all.',
		],
		final: true,
	},
	{
		// Issues 3888, 4640.
		pattern: /bootstrap data already found and encrypted with different token/i,
		cause: 'the datastore was made with another server token',
		tryNext: [
			'Put the token of the servers that use this datastore into /etc/rancher/k3s/config.yaml on this one, or use an empty datastore.',
		],
		final: true,
	},
];
