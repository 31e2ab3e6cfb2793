import type {JournalRule} from './rule.js';

/** Flannel, WireGuard and Tailscale. */
export const meshRules: readonly JournalRule[] = [
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
		// Flannel's pkg/backend; with VXLAN tke 1279, with WireGuard issues 8652, 2343.
		pattern:
			/failed to set interface (\S+) to UP state: address already in use/i,
		cause: ({match}) =>
			`something else holds the UDP port of ${match[1]}, flannel's interface`,
		tryNext: [
			"Look with ss -lunp for 51820, 51821 or 8472, and with ip -d link for an interface of WireGuard or VXLAN that is not flannel's: it has to give up that port.",
		],
	},
	{
		// Issues 6402, 6430: a warning, after which the others reach this node over its internal address or not at all.
		pattern:
			/Server has flannel-external-ip flag set but this node does not set node-external-ip/i,
		cause:
			'flannel knows no external address of this node, and has the others use its internal one',
		tryNext: [
			'Give the node an externalIp in the cluster file, and run the same command again.',
		],
	},
	{
		// Issues 11418, 13149, 13279: a server about another node.
		pattern: /failed to find Session for client ([\w.-]+)/i,
		cause: ({match}) =>
			`${match[1]} has no tunnel to this server, and without it there is no kubectl logs or exec for that node`,
		tryNext: ({match}) => [
			`When it stays so: systemctl restart k3s-agent on ${match[1]} (k3s, when it is a server).`,
		],
		ofOther: true,
	},
	{
		// Issues 7771, 7781, 10729.
		pattern: /invalid key: API key/i,
		cause: 'Tailscale refused the key of this machine',
		tryNext: ['Make a new reusable key, and run the same command again.'],
	},
	{
		// Issues 11279, 12830: what Tailscale says follows, and how it ended.
		pattern: /tailscale up failed: ((?:(?!\\n)[^"]){1,200})/i,
		cause: ({match}) =>
			`tailscale up failed on this machine: ${match[1]!.trim()}`,
		tryNext: [
			'Look with tailscale status on that machine whether it is logged in, and to which control server, then run the same command again.',
		],
	},
];
