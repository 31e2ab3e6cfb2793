import type {AddressKind, Protocol} from '../mesh/mesh.js';

/** One thing to try: from a node to one address and port of another (or of itself: hairpin). */
export type Path = {
	/** Name of the node that sends; `controller` is this machine. */
	readonly from: string;
	/** Name of the node that should answer. */
	readonly to: string;
	readonly addressKind: AddressKind;
	readonly address: string;
	readonly protocol: Protocol;
	readonly port: number;
};

/** What became of one path: one direction, one address, one port. */
export type Verdict =
	/** An answer carried the run's token. */
	| {readonly kind: 'open'; readonly rttMs: number}
	/** Arrival was shown without an answer (NoPorts counters). */
	| {readonly kind: 'reached'}
	/** Somebody said no. */
	| {
			readonly kind: 'refused';
			/** The address of the box that refused, when it showed itself. */
			readonly by: string | undefined;
			/** `connection refused`, or the ICMP type, such as `host-prohibited`. */
			readonly reason: string;
	  }
	/** Silence: something on the way drops it, or nobody is there. */
	| {readonly kind: 'filtered'}
	/** Another machine answered. */
	| {readonly kind: 'wrong-host'; readonly answeredBy: string | undefined}
	/** Held by another program on the target, so that no probe could listen there. */
	| {readonly kind: 'in-use'; readonly process: string | undefined}
	/** Could not be tried. */
	| {readonly kind: 'unknown'; readonly reason: string};

/** One cell of the matrix, with its evidence. */
export type Cell = {
	readonly path: Path;
	readonly verdict: Verdict;
	/** Packets or connections sent and answered. */
	readonly sent: number;
	readonly answered: number;
	/** The source `address:port` that the far side saw, when it saw one. */
	readonly observedSource: string | undefined;
};

/** Round-trip times of one pair over one address, in ms. */
export type Latency = {
	readonly from: string;
	readonly to: string;
	readonly addressKind: AddressKind;
	readonly address: string;
	readonly minMs: number;
	readonly medianMs: number;
	readonly p95Ms: number;
	/** 0 to 1. */
	readonly loss: number;
	readonly samples: number;
};

/** The largest IP packet that passed from one node to another, in bytes. */
export type PathMtu = {
	readonly from: string;
	readonly to: string;
	readonly address: string;
	readonly bytes: number;
};

/** All that was measured between the nodes. */
export type Measurements = {
	readonly cells: readonly Cell[];
	readonly latencies: readonly Latency[];
	readonly pathMtus: readonly PathMtu[];
};

export const noMeasurements: Measurements = {
	cells: [],
	latencies: [],
	pathMtus: [],
};

/** A stable key of a path: two cells with the same key are the same question. */
export const pathKey = (path: Path): string =>
	`${path.from}>${path.to}|${path.address}|${path.protocol}/${path.port}`;

/** Does the verdict show that packets arrive? */
export const verdictArrives = (verdict: Verdict): boolean =>
	verdict.kind === 'open' || verdict.kind === 'reached';
