import type {JournalRule} from './rule.js';

/** Which program uses a port of K3s, when we can guess. */
const portAdvice = (port: string): readonly string[] => [
	`Look with ss -ltnp 'sport = :${port}' which program it is, and stop it.`,
	...(port === '6443' || port === '6444'
		? [
				'It may be a K3s that was installed by other means: a machine runs either k3s or k3s-agent, never both.',
			]
		: []),
];

/** The machine itself: its kernel, ports, disk, memory and what guards it. */
export const machineRules: readonly JournalRule[] = [
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
		pattern:
			/Node IP: [\\"]*([\d.:a-f]+)[\\"]* not found in the host'?s network interfaces/i,
		cause: ({match}) => `${match[1]} is on none of this machine's interfaces`,
		tryNext: [
			"internalIp must be an address that the machine itself has; the cloud's address belongs into externalIp.",
		],
		final: true,
	},
	{
		// Issues 5973, 6134.
		pattern: /listen tcp[46]? \S*:(\d+): bind: address already in use/i,
		cause: ({match}) =>
			`another program holds port ${match[1]}, which K3s needs`,
		tryNext: ({match}) => portAdvice(match[1]!),
	},
	{
		pattern: /bind: address already in use/i,
		cause: 'another program holds a port that K3s needs',
		tryNext: ['Look with ss -ltunp which program it is, and stop it.'],
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
];
