/** Which way Tailscale sends packets to another machine of the tailnet. */
export type TailnetWay =
	| {
			readonly kind: 'direct';
			/** Where it is reached: `203.0.113.40:41641`. */
			readonly endpoint: string;
			/** `undefined` where nothing was sent to find it out. */
			readonly rttMs: number | undefined;
	  }
	| {
			readonly kind: 'relayed';
			/** The relay, in Tailscale's words: `DERP(fra)`, `peer-relay(…)`. */
			readonly relay: string;
			readonly rttMs: number | undefined;
	  }
	| {
			readonly kind: 'silent';
			/** Tailscale's own words. */
			readonly reason: string;
	  };

/** The way that packets take in the tailnet from one node to another. */
export type TailnetPath = {
	readonly from: string;
	readonly to: string;
	/** The Tailscale address of the node that is reached. */
	readonly address: string;
	readonly way: TailnetWay;
};

/** A relay of a tailnet (DERP), as a place that nodes must reach. */
export type Relay = {
	readonly host: string;
	/** TCP: HTTPS. */
	readonly port: number;
	/** UDP: it tells who asks as whom it sees them; `undefined` when it does not. */
	readonly stunPort: number | undefined;
};

/** What Tailscale on a machine finds of its ways out (`tailscale netcheck`). */
export type Netcheck = {
	/** Does UDP get out, and an answer come back from a relay? */
	readonly udp: boolean;
	/** The same by IPv6. */
	readonly ipv6: boolean;
	/** Does a NAT give it another port for each target? `undefined` while fewer than two relays say how they see it. */
	readonly mappingVaries: boolean | undefined;
	/** Its address as the relays see it, without port. */
	readonly seenAs: string | undefined;
	/** The relays that answer, by UDP, HTTPS or ping, the nearest first; by region, such as `fra`. */
	readonly relays: ReadonlyArray<{
		readonly region: string;
		readonly ms: number;
	}>;
	/** The region of the relay that it would choose. */
	readonly preferred: string | undefined;
	/** Does somebody else answer in the place of a web server? `undefined` where that was not tried. */
	readonly captivePortal: boolean | undefined;
};

/** What one node's Tailscale found. */
export type NodeNetcheck = Netcheck & {readonly node: string};

const inTime = (rttMs: number | undefined): string =>
	rttMs === undefined ? '' : ` in ${rttMs} ms`;

/** The way in words: `direct to 203.0.113.40:41641 in 12 ms`. */
export const wayText = (way: TailnetWay): string => {
	switch (way.kind) {
		case 'direct': {
			return `direct to ${way.endpoint}${inTime(way.rttMs)}`;
		}

		case 'relayed': {
			return `relayed by ${way.relay}${inTime(way.rttMs)}`;
		}

		case 'silent': {
			return way.reason;
		}
	}
};
