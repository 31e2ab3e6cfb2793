import type {Finding} from '../checks/finding.js';
import type {Cluster, NodeSpec} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {InstallEvent} from '../install/events.js';
import type {
	CheckCluster,
	FetchKubeconfig,
	MakePlan,
	OpenFleet,
	StartApply,
	World,
} from '../operations/operations.js';

/** An address that the facts of a node suggest. */
export type AddressProposal = {
	readonly address: string;
	/** For people: where it comes from. */
	readonly origin: string;
	/** Does the node sit behind a NAT that holds this address? */
	readonly nat: boolean;
};

/** What the facts of a node suggest for its addresses; what they do not tell is `undefined`. */
export type AddressProposals = {
	readonly external: AddressProposal | undefined;
	readonly internal: AddressProposal | undefined;
};

/** A log of one install on this machine. */
export type RunLogFile = {
	readonly path: string;
	write(event: InstallEvent): void;
	close(): Promise<void>;
};

/** All that the screens do beyond showing things. Passed in, so that tests can put fakes in place. */
export type UiOperations = {
	readonly openFleet: OpenFleet;
	readonly checkCluster: CheckCluster;
	readonly makePlan: MakePlan;
	readonly startApply: StartApply;
	readonly fetchKubeconfig: FetchKubeconfig;
	/** What the rules say from the facts alone. */
	readonly findings: (
		cluster: Cluster,
		facts: ReadonlyMap<string, HostFacts>,
	) => readonly Finding[];
	readonly proposeAddresses: (
		node: NodeSpec,
		facts: HostFacts,
	) => AddressProposals;
	readonly openRunLog: (options: {
		readonly path: string;
		readonly world: World;
	}) => Promise<RunLogFile>;
};
