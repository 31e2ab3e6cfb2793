import type {Cluster} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {
	Cell,
	Latency,
	Measurements,
	PathMtu,
	ProbeStation,
} from '../facts/measurements.js';
import type {Host} from '../host/host.js';
import type {Requirement} from '../mesh/mesh.js';

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
	| {readonly type: 'path-mtu'; readonly pathMtu: PathMtu};

export type ProbeInput = {
	readonly cluster: Cluster;
	readonly facts: ReadonlyMap<string, HostFacts>;
	/** Open hosts by node name; a node without one gets `unknown` cells. */
	readonly hosts: ReadonlyMap<string, Host>;
	readonly requirements: readonly Requirement[];
	readonly signal: AbortSignal;
	readonly onEvent: (event: ProbeEvent) => void;
};

/** Measures all paths that the requirements name, between all pairs at once. Leaves nothing on any host. */
export type Probe = (input: ProbeInput) => Promise<Measurements>;
