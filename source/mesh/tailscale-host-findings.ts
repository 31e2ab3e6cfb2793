import type {Finding} from '../checks/finding.js';
import {
	cidrContains,
	cidrsOverlap,
	isAddress,
	isCidr,
} from '../cluster/addresses.js';
import type {NodeSpec} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {MeshContext} from './mesh.js';
import {tailnetRanges} from './tailnet.js';
import {clientFindings} from './tailscale-client-findings.js';
import {finding, type Say, type TailnetKind} from './tailscale-finding.js';
import {needsRealKey} from './vpn-auth.js';

/** Tailscale's name server, which it writes into resolv.conf (MagicDNS). */
const magicDns = '100.100.100.100';

const nameServer = (
	{name}: NodeSpec,
	host: HostFacts,
	say: Say,
): readonly Finding[] =>
	host.dnsServers.includes(magicDns)
		? [
				say(
					'tailscale.dns',
					'warning',
					`${name} asks Tailscale's name server (${magicDns}), and K3s hands that to pods: it does not answer them on every node, or asks CoreDNS in a circle.`,
					[
						`Let ${name} ask its own name servers, or name a file with others in k3s.config.resolv-conf:`,
						'tailscale set --accept-dns=false',
					],
				),
			]
		: [];

/** Is the address one of a tailnet, by its range? */
const isTailnetAddress = (address: string | undefined): boolean =>
	address !== undefined &&
	isAddress(address) &&
	Object.values(tailnetRanges).some((range) => cidrContains(range, address));

const ssh = (
	context: MeshContext,
	node: NodeSpec,
	host: HostFacts,
	kind: TailnetKind,
	say: Say,
): readonly Finding[] => {
	const over = [node.ssh.host, host.sshConnection?.serverAddress].find(
		(address) =>
			isTailnetAddress(address) &&
			// A carrier uses the same range; there the address is on another interface.
			(host.tailscale?.addresses.includes(address!) === true ||
				!host.addresses.some((one) => one.address === address)),
	);
	if (over === undefined) {
		return [];
	}

	const isReset = kind === 'tailscale' && needsRealKey(context);
	return [
		say(
			'ssh.over-tailnet',
			isReset ? 'error' : 'warning',
			`SSH to ${node.name} goes through the tailnet (${over}): ${isReset ? 'this K3s release logs in anew at each start and cuts it off' : 'when Tailscale is started again there, or K3s is taken away, it is cut off'}.`,
			[`Give ${node.name} an ssh address outside of the tailnet.`],
		),
	];
};

const collision = (
	{name}: NodeSpec,
	host: HostFacts,
	say: Say,
): readonly Finding[] => {
	const range = tailnetRanges[4];
	const isOther = (device: string): boolean => !device.startsWith('tailscale');
	const server = host.dnsServers.find(
		(address) =>
			address !== magicDns &&
			isAddress(address) &&
			cidrContains(range, address),
	);
	const inUse = host.tailscale?.state === 'Running';
	if (server !== undefined) {
		return [
			say(
				'tailscale.cgnat-collision',
				inUse ? 'warning' : 'error',
				`The name server ${server} of ${name} is in ${range}, which Tailscale takes for its own: it drops what comes from there, and names no longer resolve.`,
				[
					`Give ${name} a name server outside of ${range}.`,
					'Or give the tailnet the node attribute disable-linux-cgnat-drop-rule, and override this check.',
				],
			),
		];
	}

	const address = host.addresses.find(
		(one) => isOther(one.device) && cidrContains(range, one.address),
	);
	const route = host.routes.find(
		({destination, device}) =>
			isOther(device) &&
			isCidr(destination) &&
			!destination.endsWith('/0') &&
			cidrsOverlap(range, destination),
	);
	const found =
		address === undefined
			? route && `a route to ${route.destination} (${route.device})`
			: `the address ${address.address} (${address.device})`;
	return found === undefined
		? []
		: [
				say(
					'tailscale.cgnat-collision',
					'info',
					`${name} has ${found}, inside of ${range}: Tailscale drops what machines of that network send to ${name} other than through the tailnet. What comes from the internet is not touched.`,
				),
			];
};

/** What speaks against a tailnet on each machine by itself. */
export const tailscaleHostFindings = (
	context: MeshContext,
	kind: TailnetKind,
): readonly Finding[] =>
	context.cluster.nodes.flatMap((node) => {
		const host = context.facts.get(node.name);
		if (host === undefined) {
			return [];
		}

		const say: Say = (id, severity, message, fixes = []) =>
			finding(id, severity, {message, nodes: [node.name], fixes});
		return [
			...clientFindings(context, node, host, kind, say),
			...collision(node, host, say),
			...ssh(context, node, host, kind, say),
			...nameServer(node, host, say),
		];
	});
