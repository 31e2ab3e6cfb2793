import type {Latency} from '../../facts/measurements.js';
import type {AddressKind} from '../../mesh/mesh.js';
import type {CheckContext} from '../rule.js';

/** Nodes that reach each other on their internal addresses, as was measured, or as the file says where nothing was. */
export type FoundSite = {
	/** For people: the site's name in the file, or the network that the nodes share. */
	readonly name: string;
	/** Names, in file order. A node that shares a network with none is a site of its own. */
	readonly nodes: readonly string[];
};

/** What stands between a node and the internet, as far as its packets show. */
export type NatKind =
	/** Its external address is on one of its interfaces, or others see it under a public address that is. */
	| 'none'
	/** The address is translated, the port is kept, and what is sent to it arrives. */
	| 'one-to-one'
	/** One mapping for all targets, and only those that it sent to can answer. */
	| 'port-restricted'
	/** A mapping of its own for each target. */
	| 'symmetric'
	/** The provider's NAT: addresses of 100.64.0.0/10, or an address shared with strangers. */
	| 'carrier-grade'
	| 'unknown';

export type NatConclusion = {
	readonly kind: NatKind;
	/** The address that others see, when all see one. */
	readonly publicAddress: string | undefined;
	/** For people: what led to it. */
	readonly evidence: readonly string[];
	/** For people: a hint at more than one layer of NAT; never more than a hint. */
	readonly layersHint: string | undefined;
};

/** A pair between which packets pass in one direction only. */
export type OneWayPair = {
	/** The direction that is open. */
	readonly from: string;
	readonly to: string;
	readonly addressKind: AddressKind;
	readonly protocol: 'tcp' | 'udp';
	readonly port: number;
};

export type EtcdConclusion = {
	readonly allowed: boolean;
	/** For people: one sentence with the values that led to it. */
	readonly reason: string;
	/** The servers that may share it, by name: all, or the largest group of them; empty when no two may. */
	readonly among: readonly string[];
};

/** How good a round trip is for what runs over it. */
export type LatencyGrade = 'good' | 'fair' | 'poor';

/** What all the measurements together mean. */
export type Conclusions = {
	readonly sites: readonly FoundSite[];
	/** By node name. */
	readonly nat: ReadonlyMap<string, NatConclusion>;
	readonly oneWay: readonly OneWayPair[];
	/** May the servers keep embedded etcd between them? Absent with one server, and with an external datastore. */
	readonly etcd: EtcdConclusion | undefined;
	/** MTU for the mesh interface of each node, in bytes; absent where nothing was measured. */
	readonly meshMtu: ReadonlyMap<string, number>;
	/** Clock minus the median of all nodes, in ms, by node name. */
	readonly clockSkewMs: ReadonlyMap<string, number>;
	/** Grade of one measured round trip, with the reason for people; depends on the roles of both ends. */
	gradeOf(latency: Latency): {
		readonly grade: LatencyGrade;
		readonly reason: string;
	};
};

/** Draws every conclusion from what was measured. */
export type Conclude = (context: CheckContext) => Conclusions;
