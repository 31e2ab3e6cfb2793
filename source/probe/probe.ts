import type {Cluster} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {
	Cell,
	Latency,
	Measurements,
	NatObservation,
	Outbound,
	Path,
	PathMtu,
	PortToPort,
	ProbeStation,
} from '../facts/measurements.js';
import type {
	NodeNetcheck,
	Relay,
	TailnetPath,
} from '../facts/tailnet-measures.js';
import type {Host} from '../host/host.js';
import type {Requirement} from '../mesh/mesh.js';
import type {Knock} from './knock.js';

/** What is told while a measurement runs. */
export type ProbeEvent =
	| {readonly type: 'planned'; readonly cells: number}
	| {
			/** The agent of a node runs, on this interpreter (or could not be started, and why). */
			readonly type: 'station';
			readonly station: ProbeStation;
	  }
	| {readonly type: 'cell'; readonly cell: Cell}
	| {readonly type: 'latency'; readonly latency: Latency}
	| {readonly type: 'path-mtu'; readonly pathMtu: PathMtu}
	| {readonly type: 'nat'; readonly observation: NatObservation}
	| {readonly type: 'port-to-port'; readonly portToPort: PortToPort}
	| {readonly type: 'outbound'; readonly outbound: Outbound}
	| {readonly type: 'netcheck'; readonly netcheck: NodeNetcheck}
	| {readonly type: 'tailnet-path'; readonly tailnetPath: TailnetPath};

export type ProbeInput = {
	readonly cluster: Cluster;
	readonly facts: ReadonlyMap<string, HostFacts>;
	/** Open hosts by node name; a node without one gets `unknown` cells. */
	readonly hosts: ReadonlyMap<string, Host>;
	readonly requirements: readonly Requirement[];
	/** Relays of the tailnet that nodes must reach which are not in it yet, once they are known. */
	readonly relays?: Promise<readonly Relay[]>;
	/** How this machine itself takes part; without it, it has no paths. */
	readonly knock?: Knock;
	/** Measure these paths only, and nothing that is not about a path (outbound needs, NAT, ways in a tailnet). */
	readonly only?: (path: Path) => boolean;
	readonly signal: AbortSignal;
	readonly onEvent: (event: ProbeEvent) => void;
};

/** Measures all paths that the requirements name, between all pairs at once. Leaves nothing on any host. */
export type Probe = (input: ProbeInput) => Promise<Measurements>;
