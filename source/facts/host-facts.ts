import type {Role} from '../cluster/schema.js';

/** What one machine said about itself, gathered in one round trip. Nothing here is a secret. */
export type HostFacts = {
	readonly hostname: string;
	/** `/etc/machine-id`; empty when the machine has none. */
	readonly machineId: string;
	readonly os: {
		/** `ID` of os-release, such as `debian`. */
		readonly id: string;
		/** `VERSION_ID` of os-release, such as `12`; empty on rolling releases. */
		readonly versionId: string;
		/** For people: `Debian GNU/Linux 12 (bookworm)`. */
		readonly prettyName: string;
	};
	/** As `uname -m` says it. */
	readonly machine: string;
	/** The architecture in K3s's names, or `undefined` when K3s has no build for it. */
	readonly architecture: Architecture | undefined;
	readonly kernel: string;
	readonly init: 'systemd' | 'openrc' | 'other';
	readonly cpuCount: number;
	readonly memoryBytes: number;
	readonly disks: readonly DiskFacts[];
	readonly addresses: readonly InterfaceAddress[];
	readonly routes: readonly Route[];
	/** Name servers that K3s would hand to pods, in order. */
	readonly dnsServers: readonly string[];
	readonly clock: ClockFacts;
	readonly cgroup: {
		readonly version: 1 | 2;
		readonly memory: boolean;
	};
	readonly wireguard: WireguardSupport;
	readonly listening: readonly ListeningPort[];
	readonly firewall: FirewallFacts;
	readonly forwarding: ForwardingFacts;
	readonly selinux: 'enforcing' | 'permissive' | 'disabled';
	readonly k3s: K3sFacts | undefined;
	/** `undefined` when Tailscale is not installed. */
	readonly tailscale: TailscaleFacts | undefined;
	/** Cloud provider by DMI, such as `aws` or `hetzner`; `undefined` when it looks like none. */
	readonly cloud: string | undefined;
	/** What sshd saw of our connection; read before sudo, which strips it. */
	readonly sshConnection: SshConnectionFacts | undefined;
	readonly tools: Readonly<Record<ToolName, boolean>>;
	/** The Python 3 that probes can use: an absolute path, or `undefined`. */
	readonly python: string | undefined;
	/** What probes can use where there is no Python 3. */
	readonly probeTools: ProbeTools;
	/** How root is reached on this machine: `sudo` stands for doas, too. */
	readonly privilege: 'root' | 'sudo' | 'none';
	/** Why root is not reached, as the end of a sentence; `undefined` when it is. */
	readonly rootRefused?: string | undefined;
	/** Units of ours that run now, by name, because an earlier run was cut off. */
	readonly runningSteps: readonly string[];
	/** What our manifest on the host lists; `undefined` when there is none. */
	readonly manifest: ManifestFacts | undefined;
	/** Absent when the machine has no proxy and got none from us. */
	readonly proxy?: ProxyFacts;
};

/** Proxies that programs on the machine are given. Their URLs never leave it: they may hold a password. */
export type ProxyFacts = {
	/** Does `/etc/environment` send HTTP or HTTPS through one? Our downloads and K3s's installer take it from there. */
	readonly ofMachine: boolean;
	/** What it is not asked for, as `/etc/environment` says. */
	readonly noProxy: readonly string[];
	/** The lines of the file that we wrote for K3s, without comments, logins taken out; absent when there is none. */
	readonly written?: readonly string[];
};

export type Architecture = 'amd64' | 'arm64' | 'arm' | 's390x' | 'riscv64';

/** Programs whose presence decides how something is done. */
export const toolNames = [
	'curl',
	'wget',
	'systemd-run',
	'wg',
	'ufw',
	'firewall-cmd',
	'nft',
	'iptables',
	'sha256sum',
	'socat',
	'perl',
	'ping',
] as const;
export type ToolName = (typeof toolNames)[number];

/** Programs that a probe can run on, as absolute paths: each was tried on the machine and does what the probe needs. */
export type ProbeTools = Readonly<Partial<Record<ProbeToolName, string>>>;

/** `bash` can send by /dev/tcp and /dev/udp; `socat` and `nc` (ncat) can listen and hand what comes to a program. */
export const probeToolNames = ['perl', 'socat', 'nc', 'bash'] as const;
export type ProbeToolName = (typeof probeToolNames)[number];

export type DiskFacts = {
	/** A folder that the install needs: `/usr/local/bin`, `/var/lib/rancher`, `/etc`. */
	readonly path: string;
	readonly freeBytes: number;
	readonly readOnly: boolean;
};

export type InterfaceAddress = {
	readonly device: string;
	readonly address: string;
	/** Bits of the network. */
	readonly prefix: number;
	readonly family: 4 | 6;
	/** MTU of the device, in bytes. */
	readonly mtu: number;
};

export type Route = {
	/** CIDR; the default route is `0.0.0.0/0` or `::/0`. */
	readonly destination: string;
	readonly via: string | undefined;
	readonly device: string;
	/** The source address that the kernel prefers on this route. */
	readonly source: string | undefined;
	/** Learnt from a router advertisement by the kernel itself; absent for all other routes. */
	readonly advertised?: true;
};

export type ClockFacts = {
	/** The host's clock when it answered, in ms since 1970. */
	readonly unixMs: number;
	/** Host's clock minus ours, in ms, corrected by half of the round trip. */
	readonly offsetMs: number;
	/** Does a time service say that the clock is synchronised? `undefined` when none answers. */
	readonly synchronized: boolean | undefined;
};

export type WireguardSupport =
	/** Loaded, built in, or a module that can be loaded. */
	| 'available'
	/** The kernel says it has none. */
	| 'missing'
	/** Nothing on the host could tell. */
	| 'unknown';

export type ListeningPort = {
	readonly protocol: 'tcp' | 'udp';
	/** The local address, `0.0.0.0` or `::` for all. */
	readonly address: string;
	readonly port: number;
	/** The program that holds it, when the host says; kernel sockets have none. */
	readonly process: string | undefined;
};

export type FirewallKind =
	'none' | 'ufw' | 'firewalld' | 'nftables' | 'iptables';

/** A base chain of nftables. */
export type NftChain = {
	/** Family and name, such as `inet filter`. */
	readonly table: string;
	readonly chain: string;
	readonly hook: 'input' | 'forward';
};

export type FirewallFacts = {
	readonly kind: FirewallKind;
	/** Is it on? A ufw that is installed but inactive is not; tables of nftables and iptables are when they drop any packet. */
	readonly active: boolean;
	/** Does an incoming packet that no rule names get dropped or rejected? */
	readonly defaultDeny: boolean;
	/** The rules as the tool prints them, bounded, for people to read. */
	readonly summary: string;
	/** nftables only: the chains that drop or reject any packet, where an opening must come first. */
	readonly dropping?: readonly NftChain[];
	/** What the host did by itself with rules of ours that no new connection had confirmed; absent when it did nothing. */
	readonly unconfirmed?: {
		readonly outcome: 'rolled-back' | 'stuck';
		/** The commands that would take away what is left, in words. */
		readonly left: ReadonlyArray<readonly string[]>;
	};
};

export type ForwardingFacts = {
	/** `net.ipv4.ip_forward`. */
	readonly ipv4: boolean;
	/** Policy of the filter FORWARD chain; ufw's routed default shows up here too. */
	readonly policy: 'accept' | 'drop';
	/** Rules in FORWARD that reject or drop everything that reaches them, as printed. */
	readonly blockingRules: readonly string[];
};

export type K3sFacts = {
	readonly role: Role | undefined;
	/** Such as `v1.36.3+k3s1`; `undefined` when the binary does not say. */
	readonly version: string | undefined;
	/** `ActiveState` of the unit. */
	readonly unitState:
		'active' | 'activating' | 'deactivating' | 'inactive' | 'failed' | 'absent';
	/** Config files that K3s would read, in reading order, with the values of secret keys taken out on the host. */
	readonly configFiles: readonly K3sConfigFile[];
	/** sha256 of the cluster's CA, hexadecimal, when this machine knows it. */
	readonly caHash: string | undefined;
	/** `Backend.MTU` of the flannel configuration that we wrote there, in bytes, when there is one. */
	readonly flannelMtu?: number;
};

export type K3sConfigFile = {
	readonly path: string;
	/** The YAML text; values of `token`, `agent-token`, `datastore-endpoint` and `vpn-auth` read `(secret)`. */
	readonly text: string;
};

/** `BackendState` of `tailscale status --json`; `unreachable` when tailscaled does not answer. */
export const tailscaleStates = [
	'NoState',
	'NeedsLogin',
	'NeedsMachineAuth',
	'Stopped',
	'Starting',
	'Running',
	'unreachable',
] as const;

/** What a machine's own Tailscale says: `tailscale status --json` and `tailscale debug prefs`. Holds no key. */
export type TailscaleFacts = {
	/** Such as `1.92.3`. */
	readonly version: string | undefined;
	readonly state: (typeof tailscaleStates)[number];
	/** Has it an interface in the kernel? Without one (userspace networking) K3s can not use it. */
	readonly tun: boolean;
	/** By what the control server knows it: a number at a headscale, a text such as `nXYZ11CNTRL` at Tailscale's own. */
	readonly id: string | undefined;
	/** Its addresses in the tailnet. */
	readonly addresses: readonly string[];
	/** Name of the tailnet, as the control server gives it. */
	readonly tailnet: string | undefined;
	/** URL of the control server that it uses. */
	readonly controlServer: string | undefined;
	/** Its name in the tailnet, without a final dot. */
	readonly dnsName: string | undefined;
	readonly tags: readonly string[];
	/** When its login ends, in ms since 1970; `undefined` when it never does. */
	readonly keyExpiresAt: number | undefined;
	/** CIDRs that it offers to route. */
	readonly advertisedRoutes: readonly string[];
	/** CIDRs that the control server lets it route. */
	readonly approvedRoutes: readonly string[];
	readonly acceptsRoutes: boolean;
	readonly acceptsDns: boolean;
	/** Does all its traffic leave through another machine of the tailnet? */
	readonly usesExitNode: boolean;
	/** Preferences that somebody set and a login of ours would have to keep, for people: `ssh`, `exit-node`. */
	readonly ownPreferences: readonly string[];
	/** The other machines of the tailnet that it sees. */
	readonly peers: readonly TailscalePeer[];
	/** What it complains about, in its own words. */
	readonly health: readonly string[];
};

export type TailscalePeer = {
	readonly name: string;
	readonly addresses: readonly string[];
	/** CIDRs that are sent to it, its own addresses included. */
	readonly allowedIps: readonly string[];
	readonly online: boolean;
	/** `198.51.100.11:41641` of a direct path, `undefined` when packets are relayed or none were sent. */
	readonly directAddress: string | undefined;
	/** The machine of the tailnet that passes packets on to it, as `IP:PORT:vni:NUMBER`; absent when none does. */
	readonly peerRelay?: string | undefined;
	/** Region of the relay (DERP) that it is reached by, such as `fra`. */
	readonly relay: string | undefined;
};

/** The fields of `SSH_CONNECTION`. */
export type SshConnectionFacts = {
	readonly clientAddress: string;
	readonly clientPort: number;
	/** The address on which sshd accepted: on the host itself, behind any NAT. */
	readonly serverAddress: string;
	readonly serverPort: number;
	/** The address that was dialed, by us or by the last jump host, when it is known. */
	readonly dialedAddress?: string;
};

export type ManifestFacts = {
	/** Name of the cluster for which we wrote it. */
	readonly cluster: string;
	/** Absolute paths that we wrote, with the sha256 of what we wrote. */
	readonly files: Readonly<Record<string, string>>;
	/** sha256 over what the running K3s was started with; `undefined` before the first start. */
	readonly appliedHash: string | undefined;
};
