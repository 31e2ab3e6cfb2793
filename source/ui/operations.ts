import type {Finding} from '../checks/finding.js';
import type {Cluster} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {InstallEvent} from '../install/events.js';
import type {
	ApplyFixes,
	CheckCluster,
	FetchKubeconfig,
	MakePlan,
	OpenFleet,
	ProposeFixes,
	StartApply,
	World,
} from '../operations/operations.js';
import type {comparePolicy} from '../operations/policy.js';
import type {saveFile} from '../operations/save-file.js';

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
	readonly proposeFixes: ProposeFixes;
	readonly applyFixes: ApplyFixes;
	readonly makePlan: MakePlan;
	readonly startApply: StartApply;
	readonly fetchKubeconfig: FetchKubeconfig;
	readonly comparePolicy: typeof comparePolicy;
	readonly saveFile: typeof saveFile;
	/** What the rules say from the facts alone. */
	readonly findings: (
		cluster: Cluster,
		facts: ReadonlyMap<string, HostFacts>,
	) => readonly Finding[];
	/** Names of hosts in the person's SSH configuration. */
	readonly sshAliases: () => Promise<readonly string[]>;
	readonly openRunLog: (options: {
		readonly path: string;
		readonly world: World;
	}) => Promise<RunLogFile>;
};
