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
export type Stage = (typeof stages)[number];

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
	| {readonly reference: 'datastore-endpoint'};

export type ReferenceName = ValueReference['reference'];

/** A value of a K3s config key. */
export type ConfigValue =
	| string
	| number
	| boolean
	| ReadonlyArray<string | number | boolean>
	| ValueReference;

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
	  }
	/** Adds the rules that are not there yet. */
	| {
			readonly kind: 'firewall';
			readonly firewall: 'ufw' | 'firewalld' | 'nftables' | 'iptables';
			readonly rules: readonly FirewallRule[];
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
			readonly joinUrl: string | undefined;
	  }
	/** Waits until the node object is Ready and shows the planned addresses. */
	| {
			readonly kind: 'await-ready';
			readonly nodeName: string;
			readonly internalIp: string | undefined;
			readonly externalIp: string | undefined;
	  }
	/** Proves this node's mesh, pods, DNS, logs and metrics; needs all nodes. */
	| {readonly kind: 'verify'; readonly nodeName: string};

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

/** All that an apply does: pure data, the same for the same input. */
export type Plan = {
	readonly cluster: string;
	/** The K3s release for all nodes. */
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
