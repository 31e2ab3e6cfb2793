/** The cable of a host that has a routed link of its own to the wan, as at a cloud, instead of a port of its switch. */
export type LinkSpec = {
	/** What both ends know that the cable carries, in bytes. Default: 1500. */
	readonly mtu?: number;
	/** What lies behind carries less: bytes, and whether the one that drops says so by ICMP. Holds in both directions. */
	readonly narrow?: {readonly bytes: number; readonly told: boolean};
};

/** How far apart two hosts with links are; who is not named is next door. The client is next door to everybody. */
export type Distance = {
	readonly between: readonly [string, string];
	readonly rttMs: number;
	/** Share of the packets that is lost, 0 to 1, in each direction. */
	readonly loss: number;
};

/** Chooses which packets are lost. */
export const relaySeed = 20_250_117;
