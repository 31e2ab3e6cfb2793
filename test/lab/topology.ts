/**
 * What a topology is. All addresses are documentation or private ranges, and exist only inside network namespaces.
 *
 * The `wan` network has 198.51.100.0/24, 203.0.113.0/24 and 192.0.2.0/24 with a router at `.1` of each. A host with an
 * `internalIp` sits in its site's private network, and the site's router maps the host's `externalIp` to it one to one.
 */
export type Topology = {
	readonly name: string;
	/** One line for `list` and for people. */
	readonly about: string;
	readonly sites: readonly SiteSpec[];
	readonly hosts: readonly HostSpec[];
};

/** A private network behind a router with 1:1 NAT. */
export type SiteSpec = {
	readonly name: string;
	/** First three octets of the /24; the router is `.1`. */
	readonly prefix: string;
	/** The router's own address on the wan. */
	readonly routerAddress: string;
	/** Whether a host of the site reaches the site's external addresses. */
	readonly hairpin: boolean;
};

export type HostSpec = {
	readonly name: string;
	readonly role: 'server' | 'agent';
	readonly externalIp: string;
	/** Set when the host is behind its site's router. */
	readonly internalIp?: string;
	readonly site?: string;
	/** The user that the cluster file logs in with; default root. */
	readonly sshUser?: string;
	/** POSIX sh, run as root once, after the first boot. */
	readonly setup?: string;
};

/** The router of each public range, which is where a public host sends what is not its own. */
export const wanGateways = ['198.51.100.1', '203.0.113.1', '192.0.2.1'];
/** Where the client (the person's laptop) is. */
export const clientAddress = '192.0.2.10';
/** Where the K3s mirror is; hosts have it as their (silent) name server, too. */
export const mirrorAddress = '192.0.2.80';

/** The /24 gateway of an address: `.1` of its network. */
export const gatewayOf = (address: string): string =>
	address.replace(/\.\d+$/, '.1');
