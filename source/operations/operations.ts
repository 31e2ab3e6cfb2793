import type {Conclusions} from '../checks/conclusions/conclusions.js';
import type {Finding, JudgedFinding} from '../checks/finding.js';
import type {Cluster, NodeSpec} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {Measurements, Path} from '../facts/measurements.js';
import type {TailnetLook} from '../facts/tailnet-look.js';
import type {Relay} from '../facts/tailnet-measures.js';
import type {ControlAccess, ControlPlane} from '../control/control-plane.js';
import type {RelaySource} from '../control/relays.js';
import type {
	Connector,
	ConnectQuestions,
	Host,
	SecretQuestion,
} from '../host/host.js';
import type {Redactor} from '../host/redactor.js';
import type {LockHolder} from '../host/scripts/lock.js';
import type {MayBreakLock} from '../install/cluster-lock.js';
import type {InstallEvent, Proof, RunOutcome} from '../install/events.js';
import type {FirewallRule, Plan} from '../plan/plan.js';
import type {Knock} from '../probe/knock.js';
import type {ProbeEvent} from '../probe/probe.js';

/**
 * What commands and screens both do. Everything is reached through a `World`, so that the demo and the tests
 * put simulated machines in place of SSH and nothing else changes.
 */
export type World = {
	readonly connect: Connector;
	/** ms since 1970. */
	readonly now: () => number;
	/** Cryptographically random text of this many characters, `a-z0-9`. */
	readonly randomText: (length: number) => string;
	/** Knows every secret from the moment that it exists; all that is logged or shown passes through it. */
	readonly redactor: Redactor;
	/** Is this the demo's simulated world? Shown on every screen. */
	readonly demo: boolean;
	/** Reads a secret that a cluster file names (`env:NAME`, `file:PATH`). Throws a `UserError`. */
	readonly readSecret: (from: string) => Promise<string>;
	/** The answer to a question that the environment has in place of a person. Throws a `UserError` when it names what is not there. */
	readonly environmentAnswer: (
		question: SecretQuestion,
	) => Promise<string | undefined>;
	/** Opens the API of a tailnet's control server. Throws a `ControlError`. */
	readonly openControlPlane: (
		access: ControlAccess,
		signal: AbortSignal,
	) => Promise<ControlPlane>;
	/** The relays of a tailnet, as far as they are known to somebody who is not logged in. Throws a `ControlError`. */
	readonly findRelays: (
		source: RelaySource,
		signal: AbortSignal,
	) => Promise<readonly Relay[]>;
	/** Can this machine open a TCP connection? Decides which address goes into the kubeconfig. */
	readonly canReach: (
		address: string,
		port: number,
		signal: AbortSignal,
	) => Promise<boolean>;
	/** How this machine tries the ports of servers, as kubectl will; without it, it takes no part in measuring. */
	readonly knock?: Knock;
};

/** A node as far as we got with it. */
export type NodeContact =
	| {readonly state: 'connecting'}
	| {readonly state: 'asking'; readonly host: Host}
	| {
			readonly state: 'ready';
			readonly host: Host;
			readonly facts: HostFacts;
	  }
	| {
			readonly state: 'failed';
			/** One sentence for the node's row. */
			readonly message: string;
			readonly tryNext: readonly string[];
			/** Could it not even be reached? Decides the exit code. */
			readonly unreachable: boolean;
	  };

/** The machines of a cluster, each contacted at most once, all at the same time. */
export type Fleet = {
	contact(name: string): NodeContact | undefined;
	/** Contacts a node, or again after its login changed or it failed. Never throws: failures are a state. */
	add(node: NodeSpec): Promise<NodeContact>;
	/** Contacts all nodes that have not been yet. */
	addAll(nodes: readonly NodeSpec[]): Promise<void>;
	remove(name: string): Promise<void>;
	/** Open hosts and facts of the nodes that are ready. */
	hosts(): ReadonlyMap<string, Host>;
	facts(): ReadonlyMap<string, HostFacts>;
	/** Asks whoever answered when the machines were contacted, one question at a time; `undefined` when nobody answers. */
	readonly askSecret: ConnectQuestions['askSecret'];
	/** The world's: how this machine itself takes part in measuring. */
	readonly knock?: Knock;
	/** What the control server of a cluster's tailnet says, asked through the world; absent where nobody can ask. */
	readonly lookAtTailnet?: LookAtTailnet;
	/** The relays of a cluster's tailnet, found through the world; none where nobody can tell. Never throws. */
	readonly relaysOf?: (
		cluster: Cluster,
		signal: AbortSignal,
	) => Promise<readonly Relay[]>;
	/** The world's: where the secrets are that the cluster file names, and who must know them. */
	readonly secrets: Pick<World, 'readSecret' | 'redactor'>;
	/** Called after every change of any contact. Returns how to stop it. */
	subscribe(listener: () => void): () => void;
	close(): Promise<void>;
};

/** Asks what is known of a cluster's tailnet before a node is changed; `undefined` when its mesh uses none. Never throws. */
export type LookAtTailnet = (
	cluster: Cluster,
	signal: AbortSignal,
) => Promise<TailnetLook | undefined>;

export type OpenFleet = (options: {
	readonly world: World;
	readonly questions: ConnectQuestions;
	readonly signal: AbortSignal;
	/** Nodes logged in to at once. */
	readonly concurrency?: number;
}) => Fleet;

/** Facts, measurements and what follows from them. */
export type CheckReport = {
	readonly cluster: Cluster;
	readonly measurements: Measurements;
	readonly findings: readonly JudgedFinding[];
	readonly conclusions: Conclusions;
	/** Nodes that could not be contacted, by name. */
	readonly failed: ReadonlyMap<string, string>;
};

/** Measures between the nodes that are ready and applies every rule; changes nothing anywhere. */
export type CheckCluster = (options: {
	readonly cluster: Cluster;
	readonly fleet: Fleet;
	/** Further ids to override, besides the file's. */
	readonly ignore: readonly string[];
	readonly signal: AbortSignal;
	readonly onEvent: (event: ProbeEvent) => void;
	/** Measure these paths only, and keep what an earlier report has of all others. */
	readonly again?: {
		readonly earlier: CheckReport;
		readonly only: (path: Path) => boolean;
	};
}) => Promise<CheckReport>;

/** What the firewall of one host needs so that closed paths to it open. */
export type FirewallFix = {
	readonly node: string;
	readonly firewall: 'ufw' | 'firewalld' | 'nftables' | 'iptables';
	/** What is added, in the firewall's own words; all that K3s and pods need there, so that the install adds nothing else. */
	readonly rules: readonly FirewallRule[];
	/** The lines, as a person would type them; what is no command begins with `#`. */
	readonly lines: readonly string[];
	/** The closed paths that it should open; empty when only pods cannot pass. */
	readonly paths: readonly Path[];
};

/** What became of one fix. */
export type FixOutcome =
	| {
			readonly kind: 'opened';
			/** What the host told of an earlier change, which nobody had confirmed. */
			readonly earlier?: string;
	  }
	/** All lines were there already: something else closes the path. */
	| {readonly kind: 'already'}
	/** The host was not reached afterwards, and took the lines back: a look at its firewall shows none of them. */
	| {readonly kind: 'rolled-back'; readonly message: string}
	/** Lines that were to be taken back are still there; the host tries again by itself. */
	| {
			readonly kind: 'stuck';
			readonly message: string;
			readonly tryNext: readonly string[];
	  }
	| {
			readonly kind: 'failed';
			readonly message: string;
			readonly tryNext: readonly string[];
	  };

/** The fixes that this program can apply itself: one for each host whose own firewall may close a path. */
export type ProposeFixes = (options: {
	readonly report: CheckReport;
	readonly facts: ReadonlyMap<string, HostFacts>;
}) => readonly FirewallFix[];

/**
 * Opens host firewalls, all hosts at once, each with an armed rollback that only a fresh SSH connection disarms. Never throws for one
 * host: each has its outcome.
 */
export type ApplyFixes = (options: {
	readonly cluster: Cluster;
	readonly fixes: readonly FirewallFix[];
	readonly fleet: Fleet;
	readonly world: World;
	/** Cuts what is under way. */
	readonly signal: AbortSignal;
	/** Lets what is under way end, and begins nothing new. */
	readonly ending?: AbortSignal;
	/** May the lock of a run that seems to be at work be broken? Without it, never. */
	readonly mayBreakLock?: MayBreakLock;
	/** How long a host waits for a fresh connection before it takes the lines back, in s; default 120. */
	readonly rollbackSeconds?: number;
	readonly onOutcome: (node: string, outcome: FixOutcome) => void;
}) => Promise<ReadonlyMap<string, FixOutcome>>;

/** Marks the findings that the user has overridden. */
export type JudgeFindings = (
	findings: readonly Finding[],
	ignore: readonly string[],
) => readonly JudgedFinding[];

/** Resolves the K3s release and lays out every step. Changes nothing. */
export type MakePlan = (options: {
	readonly cluster: Cluster;
	readonly fleet: Fleet;
	readonly measurements: Measurements;
	readonly signal: AbortSignal;
}) => Promise<Plan>;

export type ApplyResult = {
	readonly outcome: RunOutcome;
	readonly changed: boolean;
	readonly proofs: readonly Proof[];
	readonly failures: ReadonlyArray<{
		readonly node: string;
		readonly step: string;
		readonly message: string;
		readonly tryNext: readonly string[];
	}>;
	/** Who is at work on the cluster, when that is why this run was not. */
	readonly lockedBy?: LockHolder;
};

/** A run of a plan that can be steered while it goes. */
export type ApplyRun = {
	/** Ends when all that can be done is done. */
	readonly result: Promise<ApplyResult>;
	/** Tries the failed and skipped steps of a node again, also after the run has ended (then `result` is replaced by the returned promise). */
	retry(node: string): Promise<ApplyResult>;
	/** After a result with `lockedBy`: runs, taking the lock from that run. */
	breakLock(): Promise<ApplyResult>;
};

/** Runs a plan. Failures of one node never stop the others. */
export type StartApply = (options: {
	readonly cluster: Cluster;
	readonly plan: Plan;
	readonly fleet: Fleet;
	readonly world: World;
	/** Asks for the key of a tailnet, when a node needs one. Without it nobody is asked. */
	readonly askSecret?: ConnectQuestions['askSecret'];
	/** Cuts what is under way. */
	readonly signal: AbortSignal;
	/** Lets the steps that are under way end, cuts those that only wait, and begins nothing new. */
	readonly ending?: AbortSignal;
	/** May the lock of a run that seems to be at work be broken? Without it, only by `breakLock`. */
	readonly mayBreakLock?: MayBreakLock;
	/** The servers that hold the lock; default all. Of none there is nobody to exclude. */
	readonly lockOn?: readonly string[];
	/** Nodes worked on at once. */
	readonly concurrency?: number;
	/** How long a node may wait to join or to become ready, in ms. */
	readonly waitLimitMs?: number;
	readonly onEvent: (event: InstallEvent) => void;
}) => ApplyRun;

/** The outcome of handing over a kubeconfig. */
export type KubeconfigResult = {
	readonly context: string;
	/** The file it was merged into. */
	readonly path: string;
	/** Where the previous file was kept, when there was one. */
	readonly backup: string | undefined;
	/** The API address in it. */
	readonly server: string;
	/** How this machine reaches it, for people; says when it does not. */
	readonly note: string;
};

/** Fetches the admin kubeconfig of the first server and merges it under the cluster's name. */
export type FetchKubeconfig = (options: {
	readonly cluster: Cluster;
	readonly fleet: Fleet;
	readonly world: World;
	/** Instead of `$KUBECONFIG` or `~/.kube/config`. */
	readonly path?: string;
	readonly signal: AbortSignal;
	/** An existing context of that name that is not ours: may it be replaced? */
	readonly confirmReplace: (context: string) => Promise<boolean>;
}) => Promise<KubeconfigResult>;
