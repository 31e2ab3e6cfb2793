import type {Role} from '../cluster/schema.js';

/** The stages of a node's install, in order, as the grid's columns show them. */
export const stages = [
	'reach',
	'prepare',
	'download',
	'configure',
	'start',
	'join',
	'ready',
	'verify',
] as const;
export type InstallStage = (typeof stages)[number];

/** The stages in which a node leaves a cluster, in order. */
export const leavingStages = ['drain', 'leave', 'uninstall', 'clean'] as const;

/** A stage of any run. */
export type Stage = InstallStage | (typeof leavingStages)[number];

/** A value that is known only while the plan runs, or that must not be printed. The engine resolves it; a printed plan shows the name. */
export type ValueReference =
	/** The secret that servers share: generated once, read back from the first server afterwards (short form). */
	| {readonly reference: 'server-token'}
	/** The secret that agents join with, other than the servers' (short form). */
	| {readonly reference: 'agent-token'}
	/** `K10<CA hash>::server:<secret>`, read from the first server once it runs. */
	| {readonly reference: 'full-server-token'}
	/** `K10<CA hash>::node:<secret>`, read from the first server once it runs. */
	| {readonly reference: 'full-agent-token'}
	/** Where the external datastore is, with its password. */
	| {readonly reference: 'datastore-endpoint'}
	/** What a node logs in to the tailnet with. */
	| {readonly reference: 'tailnet-key'}
	/** A node's address in the tailnet, known once it is logged in. */
	| {
			readonly reference: 'tailscale-address';
			readonly node: string;
			readonly family: 4 | 6;
	  }
	/** `https://<the Tailscale address of a node>:6443`. */
	| {readonly reference: 'tailscale-api-url'; readonly node: string}
	/** The URL of a proxy that the cluster file does not hold. */
	| {readonly reference: 'http-proxy'}
	| {readonly reference: 'https-proxy'};

/** One value of a K3s config key. */
export type SingleValue = string | number | boolean | ValueReference;

/** A value of a K3s config key. */
export type ConfigValue = SingleValue | readonly SingleValue[];

/** How open values come into a file: as quoted YAML strings, so that no value can become syntax, or as they are. */
export type Quoting = 'yaml' | 'plain';

/** Text of a file: plain pieces and references, to be put together by the engine. */
export type Template = ReadonlyArray<string | ValueReference>;

/** One host-firewall rule, in the firewall's own words. */
export type FirewallRule = {
	/** For people: `WireGuard from nuc`. */
	readonly why: string;
	/** The words of the command that adds it, program first. Never passed through a shell. */
	readonly add: readonly string[];
	/** The words of the command that takes it back. */
	readonly remove: readonly string[];
};

export type StepAction =
	/** Writes a file atomically when its content, mode or owner differs; the previous one is kept beside it once. */
	| {
			readonly kind: 'write-file';
			readonly path: string;
			/** Such as 0o600. */
			readonly mode: number;
			readonly content: Template;
			readonly quoting: Quoting;
	  }
	/** Adds the rules that are not there yet. */
	| {
			readonly kind: 'firewall';
			readonly firewall: 'ufw' | 'firewalld' | 'nftables' | 'iptables';
			readonly rules: readonly FirewallRule[];
	  }
	/** Sends a file of this machine, unless the host has it; goes on where an earlier attempt was cut off. */
	| {
			readonly kind: 'upload';
			/** Where it is on this machine. */
			readonly from: string;
			readonly path: string;
			/** Such as 0o755. */
			readonly mode: number;
			readonly bytes: number;
			/** Hexadecimal. */
			readonly sha256: string;
	  }
	/** Downloads K3s and checks its sha256, in a transient unit. */
	| {
			readonly kind: 'download';
			readonly version: string;
			readonly url: string;
			readonly checksumUrl: string;
			/** The name of the binary in the checksum file, such as `k3s-arm64`. */
			readonly fileName: string;
	  }
	/** Fetches install.sh and runs it without download and start, in a transient unit. */
	| {
			readonly kind: 'install';
			readonly role: Role;
			readonly version: string;
			readonly scriptUrl: string;
	  }
	/** Restarts the unit when what runs was not started with what is on disk, without waiting. */
	| {
			readonly kind: 'start';
			readonly role: Role;
			/** Files whose content, together with the version, decides about a restart. */
			readonly configFiles: readonly string[];
			readonly version: string;
	  }
	/** Waits until K3s on this node serves (server) or has joined (agent), reading its journal. */
	| {
			readonly kind: 'await-join';
			readonly role: Role;
			/** What an agent or further server dials: `https://198.51.100.11:6443`; the first server has none. */
			readonly joinUrl: string | ValueReference | undefined;
	  }
	/** Waits until the node object is Ready and shows the planned addresses. */
	| {
			readonly kind: 'await-ready';
			readonly nodeName: string;
			readonly internalIp: string | ValueReference | undefined;
			readonly externalIp: string | undefined;
	  }
	/** Installs Tailscale where it is missing, in a transient unit: by Tailscale's own script, or from its static archive. */
	| {
			readonly kind: 'tailscale-install';
			readonly from:
				| {readonly method: 'script'; readonly url: string}
				| {
						readonly method: 'archive';
						/** Folder of the archives, whose index names the newest one of each architecture. */
						readonly url: string;
						/** In Tailscale's names, such as `amd64`. */
						readonly architecture: string;
				  };
	  }
	/** Starts tailscaled and logs the machine in, unless it is logged in already; keeps what its owner has set. */
	| {
			readonly kind: 'tailscale-login';
			/** Its name in the tailnet. */
			readonly hostname: string;
			readonly controlServer: string | undefined;
			readonly tags: readonly string[];
			/** Does it take routes of others, such as their pod networks? */
			readonly acceptRoutes: boolean;
			/** CIDRs that the cluster uses: the tailnet must not send them to anybody else. */
			readonly networks: readonly string[];
			/** Addresses in the tailnet of nodes that were in it when this was planned. */
			readonly members: readonly string[];
	  }
	/** Waits until the control server lets the node route its pod network, and approves it where credentials allow. */
	| {readonly kind: 'await-routes'; readonly nodeName: string}
	/** Closes ports on every interface except these, in an nftables table of ours that its own unit loads at boot. */
	| {
			readonly kind: 'close-ports';
			readonly tcp: readonly number[];
			readonly udp: readonly number[];
			readonly openOn: readonly string[];
			/** Addresses whose packets to the UDP ports are taken on any interface. */
			readonly udpPeers: readonly string[];
	  }
	/** Proves this node's mesh, pods, DNS, logs and metrics; needs all nodes. */
	| {readonly kind: 'verify'; readonly nodeName: string}
	/** On a server: has the pods of another node go elsewhere. */
	| {readonly kind: 'drain'; readonly nodeName: string}
	/** On a server: takes another node out of the cluster, with its password and its member of embedded etcd. */
	| {readonly kind: 'delete-node'; readonly nodeName: string}
	/** Stops K3s and what of ours is under way, or only keeps K3s from being started again. */
	| {
			readonly kind: 'stop-k3s';
			readonly role: Role;
			readonly how: 'stop' | 'no-restart';
	  }
	/** Runs K3s's own uninstall script; what is the owner's in its folder and in Tailscale stays. */
	| {
			readonly kind: 'uninstall-k3s';
			readonly role: Role;
			/** Files of ours in K3s's folder, and those there whose earlier content is kept beside them. */
			readonly ours: readonly string[];
			readonly kept: readonly string[];
			/** CIDRs that Tailscale offers for K3s. */
			readonly podRoutes: readonly string[];
	  }
	/** Takes rules of ours back, and no others. */
	| {
			readonly kind: 'take-back-firewall';
			readonly firewall: 'ufw' | 'firewalld' | 'nftables' | 'iptables';
			readonly rules: readonly FirewallRule[];
			/** Rules of ours that stay. */
			readonly staying: readonly FirewallRule[];
	  }
	/** Takes the table away that closes ports. */
	| {readonly kind: 'open-ports'}
	/** Removes files of ours, and puts back what is kept of files that ours took the place of. */
	| {
			readonly kind: 'take-back-files';
			readonly ours: readonly string[];
			readonly kept: readonly string[];
	  }
	/** Takes back, at the control server, that a machine may route these CIDRs. */
	| {
			readonly kind: 'withdraw-routes';
			/** Its addresses in the tailnet. */
			readonly addresses: readonly string[];
			readonly routes: readonly string[];
	  }
	/** Logs the machine out of its tailnet, and takes it out of the list there where credentials allow. */
	| {
			readonly kind: 'tailscale-logout';
			/** Its addresses in the tailnet. */
			readonly addresses: readonly string[];
	  }
	/** Removes a Tailscale that was installed from its archive. */
	| {readonly kind: 'tailscale-uninstall'}
	/** Removes our folder, with the list of what was done. */
	| {readonly kind: 'forget'};

export type StepId = string;

/** One thing to do on one node. */
export type Step = {
	/** `fra1/configure/10-k3s-mesh.yaml`: unique in the plan and the same in every run. */
	readonly id: StepId;
	readonly node: string;
	readonly stage: Stage;
	/** For people, without secrets: `write /etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml`. */
	readonly title: string;
	readonly action: StepAction;
	/** Steps that must have ended well before this one. */
	readonly needs: readonly StepId[];
	/** What we know from the facts: is there anything to do? The engine checks again. */
	readonly expectation: 'change' | 'unchanged';
};

/** All that is done to one node. */
export type NodePlan = {
	readonly node: string;
	readonly role: Role;
	readonly steps: readonly Step[];
};

/** What a run is for: to bring a cluster up, to take one node out of it, or to take all of it away. */
export type Purpose = 'apply' | 'remove' | 'uninstall';

/** All that a run does: pure data, the same for the same input. */
export type Plan = {
	readonly purpose: Purpose;
	readonly cluster: string;
	/** The K3s release for all nodes; where it is taken away, the one that is there, empty when none says. */
	readonly version: string;
	/** Name of the server that starts first. */
	readonly firstServer: string;
	readonly nodes: readonly NodePlan[];
	/** A guess at the whole time, in seconds. */
	readonly estimateSeconds: number;
};

/** Is the value one that the engine resolves? */
export const isReference = (value: unknown): value is ValueReference =>
	typeof value === 'object' && value !== null && 'reference' in value;
