/** What a line of K3s's journal means. */
export type JournalSignature = {
	/** For people: one sentence, without a period, that goes on from the node's name. */
	readonly cause: string;
	/** What the person can try, one sentence each. */
	readonly tryNext: readonly string[];
	/** K3s cannot get over it by waiting: a restart of the unit will end in the same line. */
	readonly final: boolean;
	/** The address and port that it waits for, when the line names them: `198.51.100.11:6443`. */
	readonly waitsFor: string | undefined;
};

type Rule = {
	readonly pattern: RegExp;
	readonly cause: string | ((match: RegExpExecArray) => string);
	readonly tryNext: readonly string[];
	readonly final?: boolean;
	/** Group of the pattern that holds `host:port`. */
	readonly endpoint?: number;
};

const openPort = (what: string) =>
	`Open ${what} between the two machines, in their own firewalls and in the cloud's, and check that path again.`;

/**
 * Texts of K3s, kubelet, flannel and etcd that tell why a node does not come up. The first that matches counts, so
 * that the particular stand before the general. Sources: K3s's log texts and the issues that report them.
 */
const rules: readonly Rule[] = [
	{
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
		pattern: /Node password rejected|duplicate hostname or contents/i,
		cause:
			'the server knows another machine under this node name, and refuses the password of this one',
		tryNext: [
			'If this machine was installed anew, remove the old node first: kubectl delete node NAME.',
			'If two machines have the same name, give one of them another in the cluster file.',
		],
		final: true,
	},
	{
		pattern: /failed to find memory cgroup/i,
		cause:
			'the kernel has no memory cgroup, which Kubernetes cannot do without',
		tryNext: [
			'On a Raspberry Pi: add cgroup_memory=1 cgroup_enable=memory to the one line of /boot/firmware/cmdline.txt and reboot.',
		],
		final: true,
	},
	{
		pattern:
			/could not create wireguard interface|Module wireguard not found|failed to set ?up (?:the )?wireguard/i,
		cause: 'the kernel has no WireGuard',
		tryNext: [
			'Install a kernel of 5.6 or newer, or the wireguard module of the distribution (RHEL: kernel-modules-extra), and try modprobe wireguard.',
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
		pattern: /x509: certificate has expired or is not yet valid/i,
		cause: 'a certificate is not valid yet or any more: a clock is wrong',
		tryNext: [
			'Compare the clocks of the machines (date -u), switch on NTP, then run the same command again.',
		],
	},
	{
		pattern:
			/Node IP: [\\"]*([\d.:a-f]+)[\\"]* not found in the host'?s network interfaces/i,
		cause: (match) => `${match[1]} is on none of this machine's interfaces`,
		tryNext: [
			"internalIp must be an address that the machine itself has; the cloud's address belongs into externalIp.",
		],
		final: true,
	},
	{
		pattern:
			/https?:\/\/([\d.]+|\[[\da-f:]+\]):2380\/members|:2380.*i\/o timeout/i,
		cause: (match) =>
			`etcd on ${match[1] === undefined ? 'the other server' : `${match[1]}:2380`} does not answer on the internal address`,
		tryNext: [
			openPort('TCP 2379 and 2380 on the internal addresses of the servers'),
			'Servers with embedded etcd must share one private network.',
		],
	},
	{
		pattern: /bind: address already in use|listen tcp [^ ]*:(\d+): bind/i,
		cause: (match) =>
			match[1] === undefined
				? 'another program holds a port that K3s needs'
				: `another program holds port ${match[1]}, which K3s needs`,
		tryNext: ['Look with ss -ltnp which program it is, and stop it.'],
	},
	{
		pattern: /no space left on device/i,
		cause: 'no space is left on the disk',
		tryNext: ['Free some space on that machine, then try again.'],
	},
	{
		pattern: /tailscale up failed|invalid key: API key/i,
		cause: 'Tailscale refused the key of this machine',
		tryNext: ['Make a new reusable key, and run the same command again.'],
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
		cause: (match) => `the name ${match[1]} cannot be resolved on this machine`,
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
		cause: (match) =>
			`K3s gave up: ${(match[1] ?? '').replace(/"$/, '').trim()}`,
		tryNext: ['The log of this node says more.'],
	},
];

/** Says what a line of the journal of K3s means; `undefined` for lines that mean nothing in particular. Pure. */
export const classify = (line: string): JournalSignature | undefined => {
	for (const rule of rules) {
		const match = rule.pattern.exec(line);
		if (!match) {
			continue;
		}

		const waitsFor =
			rule.endpoint === undefined
				? undefined
				: (match[rule.endpoint] ?? match[rule.endpoint + 1]);
		const cause =
			typeof rule.cause === 'function' ? rule.cause(match) : rule.cause;
		return {
			cause:
				waitsFor === undefined ? cause : `waits for ${waitsFor}${whyNot(line)}`,
			tryNext: rule.tryNext,
			final: rule.final ?? false,
			waitsFor,
		};
	}

	return undefined;
};

/** What happened on the way to an address, in words. */
const whyNot = (line: string): string => {
	if (/connection refused/i.test(line)) {
		return ': it refuses the connection';
	}

	if (/no route to host|network is unreachable/i.test(line)) {
		return ': there is no way to it, or a firewall rejects it';
	}

	if (/timeout|deadline exceeded|Client\.Timeout/i.test(line)) {
		return ': it does not answer';
	}

	return /connection reset|EOF/i.test(line) ? ': it closes the connection' : '';
};
