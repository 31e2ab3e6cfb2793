import type {Cluster, MeshKind, NodeSpec} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {Measurements} from '../facts/measurements.js';
import type {Finding} from '../checks/finding.js';
import type {ConfigValue, Step} from '../plan/plan.js';

export type Protocol = 'tcp' | 'udp';

/**
 * Which of a node's addresses is meant. `internal` and `external` are those of the cluster file; `external-ipv6` is a
 * further public IPv6 address that the host has, and `tailscale` its address in a tailnet.
 */
export type AddressKind =
	'internal' | 'external' | 'external-ipv6' | 'tailscale';

/** A path that the cluster needs between two nodes, in one direction. */
export type Requirement = {
	/** Name of the node that sends. */
	readonly from: string;
	/** Name of the node that is reached; the same as `from` when a node must reach itself under this address. */
	readonly to: string;
	readonly addressKind: AddressKind;
	/** Internal addresses are required inside one site only. */
	readonly scope: 'same-site' | 'all';
	readonly protocol: Protocol;
	readonly port: number;
	/** `required` blocks the install when it does not arrive, `recommended` warns. */
	readonly severity: 'required' | 'recommended';
	/** For people: what stops working without it. */
	readonly why: string;
};

/** What a mesh may look at. */
export type MeshContext = {
	readonly cluster: Cluster;
	/** By node name; a node that could not be reached is absent. */
	readonly facts: ReadonlyMap<string, HostFacts>;
	readonly measurements: Measurements;
};

/** Keys for K3s's config file. A value may be a reference that is resolved while the plan runs. */
export type K3sConfig = Readonly<Record<string, ConfigValue>>;

/** What verification must show for this mesh. */
export type MeshProof = {
	/** The interface that carries pod traffic between nodes, such as `flannel-wg`. */
	readonly interface: string;
	/** The UDP port that peers use, or `undefined` when the mesh chooses. */
	readonly port: number | undefined;
	/** Has every pair a handshake of its own to show? */
	readonly handshakes: boolean;
	/**
	 * What answers pings through the mesh: flannel's interface, which has the first address of a node's pod network, or
	 * cni0, which has the one after it, where flannel makes no interface.
	 */
	readonly answers: 'flannel' | 'cni0';
	/** What a tailnet has to show: that each node is in it, or also that it carries the pod networks. */
	readonly tailnet: 'none' | 'addresses' | 'routes';
};

/** Something that a mesh wants done on a node besides what K3s always needs; the plan makes a step of it. */
export type MeshStep = Pick<
	Step,
	'stage' | 'title' | 'action' | 'expectation'
> & {
	/** Last part of the step's id, unique on the node: `tailscale-login`. */
	readonly what: string;
};

/** All that a mesh wants done on a node, each step after the one before it. */
export type MeshSteps = {
	/** Before K3s's own configuration is written. */
	readonly beforeConfig: readonly MeshStep[];
	/** Once the node is Ready, before anything is proven. */
	readonly afterReady: readonly MeshStep[];
};

/** One way to connect nodes. A further one is a further file beside this one. */
export type Mesh = {
	readonly kind: MeshKind;
	/** For people: `WireGuard (built into K3s)`. */
	readonly title: string;
	/** One sentence on what it is good for. */
	readonly summary: string;
	/** Every path that must be there for this cluster, K3s's own ports included. */
	requirements(context: MeshContext): readonly Requirement[];
	/** What speaks against this mesh with these nodes; an `error` means that it cannot work. */
	findings(context: MeshContext): readonly Finding[];
	/** One sentence, from facts and measurements, on why it fits when nothing speaks against it. */
	merits(context: MeshContext): string;
	/** What is to be done on a node for this mesh. */
	steps(context: MeshContext, node: NodeSpec, facts: HostFacts): MeshSteps;
	serverConfig(context: MeshContext, node: NodeSpec): K3sConfig;
	agentConfig(context: MeshContext, node: NodeSpec): K3sConfig;
	/** MTU of the mesh interface on a node, in bytes; `undefined` where no path of it was measured. */
	mtu(context: MeshContext, node: NodeSpec): number | undefined;
	/** Interfaces besides cni0 whose traffic a host firewall must let through. */
	readonly trustedInterfaces: readonly string[];
	/** Ports to which anybody may send: what comes in there is checked by the mesh itself. */
	readonly publicPorts: ReadonlyArray<{
		readonly protocol: Protocol;
		readonly port: number;
	}>;
	readonly proof: MeshProof;
};
