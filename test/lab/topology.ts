import type {Distance, LinkSpec} from './relay/link-spec.js';
import type {HeadscaleLine} from './tailnet/programs.js';

/**
 * What a topology is. All addresses are documentation or private ranges, and exist only inside network namespaces.
 *
 * The `wan` network has 198.51.100.0/24, 203.0.113.0/24 and 192.0.2.0/24 with a router at `.1` of each, and
 * 2001:db8:1::/64 with a router at `::1`. A host with an `internalIp` sits in its site's private network, behind the
 * site's router.
 */
export type Topology = {
	readonly name: string;
	/** One line for `list` and for people. */
	readonly about: string;
	readonly sites: readonly SiteSpec[];
	readonly hosts: readonly HostSpec[];
	/** Does the cluster file keep silent about sites, so that the program has to find them? */
	readonly unnamedSites?: true;
	/** How far apart hosts with a link are. */
	readonly distances?: readonly Distance[];
	/** The line of the headscale that stands on the wan; default none. */
	readonly tailnet?: HeadscaleLine;
	/** What hosts are: whole systems, or an sshd each. Default `system`. */
	readonly hostKind?: 'system' | 'sshd';
};

/**
 * What a site's router does with addresses: `one-to-one` gives each host an external address of its own, in both
 * directions; the other two put all hosts behind the router's address. `port-restricted` keeps the source port where it
 * can and lets in answers only; `symmetric` takes a random port for each target.
 */
export type SiteNat = 'one-to-one' | 'port-restricted' | 'symmetric';

/** A port of a router's outer address that leads to a host, or to a further router, of its site. */
export type ForwardSpec = {
	readonly protocol: 'tcp' | 'udp';
	readonly port: number;
	readonly to: string;
	readonly toPort: number;
};

/** A private network behind a router with NAT. */
export type SiteSpec = {
	readonly name: string;
	/** First three octets of the /24; the router is `.1`. */
	readonly prefix: string;
	/** The router's own address on the wan, or in the network of the site that it is `behind`. */
	readonly routerAddress: string;
	/** Whether a host of the site reaches the site's external addresses. */
	readonly hairpin: boolean;
	/** Default `one-to-one`. */
	readonly nat?: SiteNat;
	/** The site whose private network the router's outer card is in: one more layer of NAT. It stands before this one. */
	readonly behind?: string;
	/** Without `one-to-one`: the ports that lead inside. */
	readonly forwards?: readonly ForwardSpec[];
	/** Rules of nftables for what the router passes on between its cards `wan` and `lan`; what no rule stops passes. */
	readonly filter?: readonly string[];
	/** The same for what reaches its card `wan`, before anything is translated: what it refuses there, it refuses under its own address. */
	readonly outerFilter?: readonly string[];
	/** A routed IPv6 /64 of the site such as `2001:db8:a::`, without NAT; the router is `::1`. */
	readonly ipv6Prefix?: string;
	/** The router's IPv6 address on the wan; needed with `ipv6Prefix`. */
	readonly routerIpv6?: string;
};

export type HostSpec = {
	readonly name: string;
	readonly role: 'server' | 'agent';
	/** What the cluster file says, whatever is true. */
	readonly externalIp: string;
	/** Set when the host is behind its site's router. */
	readonly internalIp?: string;
	/** The address of its card, when it is neither of the two above. */
	readonly ownAddress?: string;
	/** Further addresses of its card, with prefix length. Containers only. */
	readonly moreAddresses?: readonly string[];
	/** A public IPv6 address of its card, beside the IPv4 one. Containers only. */
	readonly ipv6?: string;
	readonly site?: string;
	/** Where the client reaches its sshd; default port 22 of `externalIp`. */
	readonly sshAddress?: string;
	readonly sshPort?: number;
	/** The user that the cluster file logs in with; default root. */
	readonly sshUser?: string;
	/** A routed link of its own to the wan instead of a port of its switch. Containers only. */
	readonly link?: LinkSpec;
	/** A disk of its own of this size, beside what all hosts share: one that can be filled. Containers only. */
	readonly diskMegabytes?: number;
	/** A machine that is there, and not in the cluster file. */
	readonly outsider?: true;
	/** Whether it has Tailscale, as from the distribution's package and not logged in. Only in a topology with a tailnet. */
	readonly tailscale?: 'installed';
	/** POSIX sh, run as root once, after the first boot. */
	readonly setup?: string;
};

/** The IPv4 address of a host's card. */
export const addressOf = (host: HostSpec): string =>
	host.internalIp ?? host.ownAddress ?? host.externalIp;

/** Where the client reaches a host's sshd. */
export const sshOf = (
	host: HostSpec,
): {readonly address: string; readonly port: number} => ({
	address: host.sshAddress ?? host.externalIp,
	port: host.sshPort ?? 22,
});

/** The router of each public range, which is where a public host sends what is not its own. */
export const wanGateways = ['198.51.100.1', '203.0.113.1', '192.0.2.1'];
/** The router of the wan's IPv6 network. */
export const wanGatewayIpv6 = '2001:db8:1::1';
/** Where the client (the person's laptop) is. */
export const clientAddress = '192.0.2.10';
/** Where a second person's is. */
export const otherClientAddress = '192.0.2.11';
/** Where the K3s mirror is; hosts have it as their (silent) name server, too. */
export const mirrorAddress = '192.0.2.80';

/** Where the control server of a tailnet is. */
export const controlAddress = '192.0.2.90';

/** The /24 gateway of an address: `.1` of its network. */
export const gatewayOf = (address: string): string =>
	address.replace(/\.\d+$/, '.1');
