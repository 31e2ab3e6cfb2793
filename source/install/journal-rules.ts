import type {JournalSignature} from './journal-signatures.js';

/** What a matching line is put into words with. */
export type Seen = {
	readonly match: RegExpExecArray;
	/** The node whose journal it is. */
	readonly node: string;
};

/** A text of a program's log, and what it means. */
export type JournalRule = Pick<Partial<JournalSignature>, 'final'> & {
	readonly pattern: RegExp;
	readonly cause: string | ((seen: Seen) => string);
	readonly tryNext: readonly string[] | ((seen: Seen) => readonly string[]);
	/** Group of the pattern that holds `host:port`; the next group too, when that one took no part. */
	readonly endpoint?: number;
};

const openPort = (what: string) =>
	`Open ${what} between the two machines, in their own firewalls and in the cloud's, and check that path again.`;

/** The registry in a message of containerd about an image. */
const registryOf = (text: string): string =>
	/https?:\/\/([\w.-]+(?::\d+)?)/.exec(text)?.[1] ?? 'the registry';

const imageOf = (text: string): string =>
	/image [\\"]*([\w./-]+(?::[\w.-]+)?)/.exec(text)?.[1] ?? 'an image';

/** Which program uses a port of K3s, when we can guess. */
const portAdvice = (port: string | undefined): readonly string[] => [
	port === undefined
		? 'Look with ss -ltnp which program it is, and stop it.'
		: `Look with ss -ltnp 'sport = :${port}' which program it is, and stop it.`,
	...(port === '6443' || port === '6444'
		? [
				'It may be a K3s that was installed by other means: a machine runs either k3s or k3s-agent, never both.',
			]
		: []),
];

/**
 * Texts of K3s, kubelet, containerd, flannel and etcd that tell why a node does not come up. The first that matches
 * counts, so that the particular stand before the general. Sources: the programs' own log texts, as the issues of
 * k3s-io/k3s that are named report them.
 */
export const journalRules: readonly JournalRule[] = [
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
		// Issues 2067, 10755.
		pattern: /failed to find (memory|cpuset|cpu) cgroup/i,
		cause: ({match}) =>
			`the kernel has no ${match[1]!.toLowerCase()} cgroup, which Kubernetes cannot do without`,
		tryNext: [
			'On a Raspberry Pi: add cgroup_memory=1 cgroup_enable=memory to the one line of /boot/firmware/cmdline.txt and reboot.',
		],
		final: true,
	},
	{
		// Issues 11166, 9251.
		pattern:
			/could not create wireguard interface|Module wireguard not found|failed to set ?up (?:the )?wireguard/i,
		cause: 'the kernel has no WireGuard',
		tryNext: [
			'Install a kernel of 5.6 or newer, or the wireguard module of the distribution (RHEL: kernel-modules-extra), and try modprobe wireguard.',
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
	{
		// Issues 2112, 5163, k3os 260.
		pattern:
			/x509: certificate has expired or is not yet valid: current time (\S+) is (before|after) ([\dTZ:+-]+)/i,
		cause: ({match}) =>
			match[2]!.toLowerCase() === 'before'
				? `a certificate is valid only from ${match[3]}, and it is ${match[1]} on this machine: a clock is wrong`
				: `a certificate was valid until ${match[3]}, and it is ${match[1]} on this machine: it has expired, or a clock is wrong`,
		tryNext: ({node}) => [
			`Compare the clock of ${node} with that of the server (date -u), switch on NTP, then run the same command again.`,
		],
	},
	{
		pattern: /x509: certificate has expired or is not yet valid/i,
		cause: 'a certificate is not valid yet or any more: a clock is wrong',
		tryNext: [
			'Compare the clocks of the machines (date -u), switch on NTP, then run the same command again.',
		],
	},
	{
		pattern: /x509: certificate is (?:valid for|not valid for any names)/i,
		cause:
			"the server's certificate is not made for the address by which this node reaches it",
		tryNext: [
			'Look for tls-san or tls-san-security in a config.yaml of your own on the server: the address must be among them.',
		],
	},
	{
		pattern:
			/Node IP: [\\"]*([\d.:a-f]+)[\\"]* not found in the host'?s network interfaces/i,
		cause: ({match}) => `${match[1]} is on none of this machine's interfaces`,
		tryNext: [
			"internalIp must be an address that the machine itself has; the cloud's address belongs into externalIp.",
		],
		final: true,
	},
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
	{
		// Issues 5973, 6134.
		pattern: /listen tcp[46]? \S*:(\d+): bind: address already in use/i,
		cause: ({match}) =>
			`another program holds port ${match[1]}, which K3s needs`,
		tryNext: ({match}) => portAdvice(match[1]),
	},
	{
		pattern: /bind: address already in use/i,
		cause: 'another program holds a port that K3s needs',
		tryNext: portAdvice(undefined),
	},
	{
		// Issue 7344.
		pattern: /listen tcp[46]? (\S+): bind: cannot assign requested address/i,
		cause: ({match}) =>
			`K3s is to listen on ${match[1]}, which this machine does not have`,
		tryNext: [
			'Look for bind-address in a config.yaml of your own, and whether the loopback interface is up (ip addr show lo).',
		],
		final: true,
	},
	{
		// SQLite's own words: https://www.sqlite.org/rescode.html#full.
		pattern: /no space left on device|database or disk is full/i,
		cause: 'no space is left on the disk',
		tryNext: ['Free some space on that machine, then try again.'],
	},
	{
		// Issue 6290.
		pattern:
			/Eviction manager: (?:attempting to reclaim|must evict pod\(s\) to reclaim)"?(?: resourceName=)?[\s"\\]*([\w-]+)/i,
		cause: ({match}) =>
			/memory/i.test(match[1]!)
				? 'memory runs out, and Kubernetes evicts pods'
				: 'the disk is nearly full (disk pressure), and Kubernetes evicts pods',
		tryNext: ({match}) => [
			/memory/i.test(match[1]!)
				? 'Stop something on that machine, or give it more memory.'
				: 'Free some space under /var/lib on that machine: Kubernetes wants a tenth of the disk, or 5 % for K3s, to be free.',
		],
	},
	{
		// The installer's own words: issues 1658, 1536.
		pattern:
			/Failed to apply container_runtime_exec_t|Failed to find the k3s-selinux policy/i,
		cause: 'the SELinux policy of K3s is not installed',
		tryNext: [
			'Install container-selinux and k3s-selinux on that machine, then run the same command again.',
		],
		final: true,
	},
	{
		// edge-image-builder 150: a warning, after which pods are refused.
		pattern:
			/SELinux is enabled for k3s but process is not running in context/i,
		cause:
			'K3s runs outside its SELinux context: its policy is not installed, or does not cover where K3s lies',
		tryNext: [
			'Install k3s-selinux on that machine, run restorecon -v /usr/local/bin/k3s, then run the same command again.',
		],
	},
	{
		// Issues 3266, 12673, containerd 5464.
		pattern: /[\\"]*overlayfs[\\"]* snapshotter cannot be enabled/i,
		cause:
			'the file system under /var/lib/rancher cannot carry the layers of containers (overlayfs)',
		tryNext: [
			'/var/lib/rancher must lie on a local disk with ext4, or xfs made with ftype=1: not on NFS, nor on another overlay.',
		],
		final: true,
	},
	{
		// systemd's own words, when the binary is for another processor.
		pattern:
			/Failed at step EXEC spawning \S*k3s: Exec format error|k3s: exec format error/i,
		cause: 'the K3s that is installed is for another processor architecture',
		tryNext: [
			'Remove /usr/local/bin/k3s on that machine, then run the same command again.',
		],
		final: true,
	},
	{
		// containerd 5.x: issues 597, 5445.
		pattern: /failed to pull.*no match for platform in manifest/i,
		cause: ({match}) =>
			`${imageOf(match[0])} does not exist for the processor architecture of this machine`,
		tryNext: [
			'Look at the image in the mirror or the manifest that you use: it must be there for every architecture of the cluster.',
		],
	},
	{
		pattern: /failed to pull.*(?:429 Too Many Requests|toomanyrequests)/i,
		cause: ({match}) =>
			`${registryOf(match[0])} refuses ${imageOf(match[0])}: its limit of pulls is reached`,
		tryNext: [
			'Wait until the limit is over (Docker Hub: up to six hours), or name a mirror or an account in /etc/rancher/k3s/registries.yaml.',
		],
	},
	{
		// Issues 11412, 10926.
		pattern:
			/failed to (?:pull|get sandbox) .*?https:\/\/[\w.-]+(?::\d+)?\/.*(?:i\/o timeout|connection refused|connection reset|no such host|server misbehaving|network is unreachable|no route to host|TLS handshake timeout|deadline exceeded)/i,
		cause: ({match}) =>
			`${imageOf(match[0])} cannot be fetched: ${registryOf(match[0])} cannot be reached from this machine`,
		tryNext: ({match}) => [
			`Look whether that machine can reach ${registryOf(match[0])} (curl -I https://${registryOf(match[0])}/v2/), or name a mirror in /etc/rancher/k3s/registries.yaml.`,
		],
	},
	{
		// Issues 10329 (WSL), 11983, 3751: a warning, after which networking fails.
		pattern: /Failed to load kernel module (\w+) with modprobe/i,
		cause: ({match}) => `K3s could not load the kernel module ${match[1]}`,
		tryNext: ({match}) => [
			`Try modprobe ${match[1]} on that machine: after an update of the kernel a reboot helps; RHEL has it in kernel-modules-extra, Ubuntu in linux-modules-extra.`,
		],
	},
	{
		// Issue 364, 6184.
		pattern:
			/nf_conntrack_max: no such file or directory|Couldn't find match [`']conntrack'/i,
		cause: 'the kernel has no connection tracking (module nf_conntrack)',
		tryNext: [
			'Try modprobe nf_conntrack on that machine, and reboot when its kernel was updated.',
		],
	},
	{
		pattern:
			/no default routes found|unable to (?:find|select an IP from) default route/i,
		cause:
			'this machine has no default route, without which K3s finds no address of its own',
		tryNext: [
			'Give the machine a default route; one over a dummy interface is enough for K3s.',
		],
		final: true,
	},
	{
		// Issues 10729, 7771, 12830.
		pattern: /tailscale up failed|invalid key: API key/i,
		cause: 'Tailscale refused the key of this machine',
		tryNext: ['Make a new reusable key, and run the same command again.'],
	},
	{
		// Issue 12009.
		pattern: /proxyconnect tcp/i,
		cause: 'an HTTP proxy stands between this machine and the server',
		tryNext: [
			'Put the addresses of the nodes and the pod and service networks into NO_PROXY on that machine.',
		],
	},
	{
		pattern:
			/https:\/\/((?:[\w.-]+|\[[\da-f:]+\]):\d+)[^ ]*:.*connection refused|dial tcp ((?:[\d.]+|\[[\da-f:]+\]):\d+): connect: connection refused/i,
		cause: 'waits for',
		tryNext: [
			'Nothing listens there, or a firewall rejects it: look whether K3s runs on the server, and whether the address is right.',
		],
		endpoint: 1,
	},
	{
		pattern:
			/lookup ([\w.-]+)(?: on [^ ]+)?: (?:no such host|server misbehaving|.*i\/o timeout)/i,
		cause: ({match}) =>
			`the name ${match[1]} cannot be resolved on this machine`,
		tryNext: [
			'Use an address or a name that every node can resolve as apiEndpoint.',
		],
	},
	{
		pattern: /(?:not authorized|401 Unauthorized|Unauthorized|invalid token)/i,
		cause: 'the server refuses the token',
		tryNext: [
			'Run the same command again: the token is read from the server each time.',
			'If the server was installed anew, check that its address leads to that server.',
		],
	},
	{
		pattern:
			/https:\/\/((?:[\w.-]+|\[[\da-f:]+\]):\d+)[^ ]*:.*(?:i\/o timeout|context deadline exceeded|Client\.Timeout|no route to host|network is unreachable|connection reset|EOF|TLS handshake timeout)/i,
		cause: 'waits for',
		tryNext: [openPort('TCP to that address and port')],
		endpoint: 1,
	},
	{
		pattern:
			/dial tcp ((?:[\d.]+|\[[\da-f:]+\]):\d+): (?:i\/o timeout|connect: no route to host|connect: network is unreachable)/i,
		cause: 'waits for',
		tryNext: [openPort('TCP to that address and port')],
		endpoint: 1,
	},
	{
		pattern:
			/Waiting to retrieve (?:agent|kube-proxy) configuration; server is not ready:.*https:\/\/((?:[\w.-]+|\[[\da-f:]+\]):\d+)/i,
		cause: 'waits for',
		tryNext: [
			'Look at the log of the server: it has to be ready before others can join.',
		],
		endpoint: 1,
	},
	{
		pattern:
			/Waiting to retrieve (?:agent|kube-proxy) configuration; server is not ready/i,
		cause: 'waits until the server is ready',
		tryNext: [
			'Look at the log of the server: it has to be ready before others can join.',
		],
	},
	{
		pattern: /level=fatal msg="?(.{1,200})/i,
		cause: ({match}) =>
			`K3s gave up: ${(match[1] ?? '').replace(/"$/, '').trim()}`,
		tryNext: ['The log of this node says more.'],
	},
];
