import type {AddressKind, Protocol} from '../mesh/mesh.js';
import type {TailnetLook} from './tailnet-look.js';
import type {NodeNetcheck, TailnetPath} from './tailnet-measures.js';

/** The name under which this machine, where the person sits, takes part: no node can have it (it has a space). */
export const controller = 'this machine';

/** One thing to try: from a node to one address and port of another (or of itself: hairpin). */
export type Path = {
	/** Name of the node that sends, or `controller` for this machine. */
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
	| {
			readonly kind: 'in-use';
			readonly process: string | undefined;
			/** What the running service itself showed on this path; absent when it could not be asked. */
			readonly live?: LiveService;
	  }
	/** Could not be tried. */
	| {readonly kind: 'unknown'; readonly reason: string};

/** What a service that runs already (K3s, WireGuard) showed on one path. */
export type LiveService = {
	/** Does traffic arrive at this very machine? */
	readonly arrives: boolean;
	/** For people: `TLS answered with the certificate of this machine`, `handshake 12 s ago`. */
	readonly evidence: string;
};

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
	/** Mean difference between one round trip and the next, in ms. */
	readonly jitterMs: number;
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

/** The source under which UDP packets of a node arrived at another: many of one socket tell the kind of its NAT. */
export type NatObservation = {
	readonly from: string;
	readonly to: string;
	/** The address that was sent to. */
	readonly address: string;
	/** The port that the packets left from; the same for all observations of one node. */
	readonly localPort: number;
	readonly observedAddress: string;
	readonly observedPort: number;
};

/**
 * A try from a node's mesh port to the other's mesh port, while the other does the same. Two stateful firewalls that
 * drop what is new let it through: it is a note about NAT and never shows that a path is open.
 */
export type PortToPort = {
	readonly from: string;
	readonly to: string;
	readonly address: string;
	readonly port: number;
	readonly answered: boolean;
	/** The source `address:port` that the far side saw, when it saw one. */
	readonly observedSource: string | undefined;
};

/** What a node needs of the internet. */
export type OutboundNeed =
	| 'k3s-download'
	| 'registry'
	| 'tailscale-control'
	/** A relay of a tailnet, by HTTPS. */
	| 'tailscale-relay'
	/** The same by UDP (STUN). */
	| 'tailscale-stun'
	| 'dns'
	| 'ntp';

/** One try from a node to a service of the internet. */
export type Outbound = {
	readonly from: string;
	readonly need: OutboundNeed;
	/** For people: `https://get.k3s.io`, `9.9.9.9:53`. */
	readonly target: string;
	readonly result:
		| {readonly kind: 'answered'; readonly ms: number}
		| {readonly kind: 'refused'; readonly reason: string}
		| {readonly kind: 'silent'}
		/** The name has no address there. */
		| {readonly kind: 'unresolved'}
		| {readonly kind: 'unknown'; readonly reason: string};
};

/**
 * What a node measures with, best first. `counters` is a shell alone: it sees arrivals by the kernel's counters and
 * sends by /dev/udp.
 */
export const probeRungs = [
	'python3',
	'platform-python',
	'perl',
	'socat',
	'nc',
	'counters',
] as const;
export type ProbeRung = (typeof probeRungs)[number];

/** The agent of a node: what it ran on, or why it could not. */
export type ProbeStation = {
	readonly node: string;
	readonly rung: ProbeRung | undefined;
	/** For people: `/usr/bin/python3 (3.11.2)`. */
	readonly interpreter: string | undefined;
	readonly problem: string | undefined;
};

/** All that was measured between the nodes. */
export type Measurements = {
	readonly cells: readonly Cell[];
	readonly latencies: readonly Latency[];
	readonly pathMtus: readonly PathMtu[];
	readonly nat: readonly NatObservation[];
	readonly portToPort: readonly PortToPort[];
	readonly outbound: readonly Outbound[];
	readonly stations: readonly ProbeStation[];
	/** Of the nodes that are in a tailnet. */
	readonly netchecks: readonly NodeNetcheck[];
	/** Between nodes that are in one tailnet. */
	readonly tailnetPaths: readonly TailnetPath[];
	/** What the tailnet's control server said; absent for a mesh without one, and where it was not looked at. */
	readonly tailnet?: TailnetLook;
};

export const noMeasurements: Measurements = {
	cells: [],
	latencies: [],
	pathMtus: [],
	nat: [],
	portToPort: [],
	outbound: [],
	stations: [],
	netchecks: [],
	tailnetPaths: [],
};

/** A stable key of a path: two cells with the same key are the same question. */
export const pathKey = (path: Path): string =>
	`${path.from}>${path.to}|${path.address}|${path.protocol}/${path.port}`;

/** Does the verdict show that packets arrive? */
export const verdictArrives = (verdict: Verdict): boolean =>
	verdict.kind === 'open' ||
	verdict.kind === 'reached' ||
	(verdict.kind === 'in-use' && verdict.live?.arrives === true);
