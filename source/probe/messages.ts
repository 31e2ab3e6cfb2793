import {z} from 'zod';

/** A port of a node that should answer. */
export type Place = {
	readonly protocol: 'tcp' | 'udp';
	readonly address: string;
	readonly port: number;
};

/** One thing that an agent is asked to try. */
export type Try = Place & {
	/** Unique in the run, over all agents: the packets carry it, so that a listener can tell which tries arrived. */
	readonly id: number;
} & (
		| {
				readonly what: 'path';
				/** Is a connection alone the answer? For ports that another program holds. */
				readonly connectOnly?: boolean;
		  }
		/** TCP: one TLS handshake with a service that runs already, without naming a host; the result is its public key. */
		| {readonly what: 'tls'}
		/** UDP: so many packets in a row, without waiting for answers, for a target that can only count. */
		| {readonly what: 'burst'; readonly count: number}
		| {
				readonly what: 'latency';
				readonly count: number;
				/** 0 to 1: where in the gap between two samples the first one is sent, so that pairs do not beat in step. */
				readonly phase: number;
		  }
		| {readonly what: 'mtu'}
		/**
		 * UDP, from one socket for all tries of this kind: the listener on `localPort`, or one of an ephemeral port when the
		 * agent does not listen there. Both agents of a pair do it at the same time.
		 */
		| {readonly what: 'mapping'; readonly localPort: number}
		/** A service of the internet; `address` may be a name. */
		| {
				readonly what: 'service';
				/**
				 * To open a connection, to look the name up, to ask for the time (`address` empty: the host's own time server),
				 * or to ask a relay as whom it sees us (STUN).
				 */
				readonly speaks: 'connect' | 'names' | 'time' | 'stun';
		  }
	);

/** What we tell an agent, one line each. */
export type Command =
	| {
			readonly do: 'listen';
			/** Shared by the run: who does not know it gets no answer. */
			readonly token: string;
			readonly node: string;
			readonly places: readonly Place[];
	  }
	| {readonly do: 'try'; readonly tries: readonly Try[]}
	/** Which tries' packets have arrived at the listeners so far, whether or not the answer came back? */
	| {readonly do: 'arrivals'}
	/** What do the kernel's counters say of packets to ports where nobody listens? */
	| {readonly do: 'count'}
	/** A sign of life: we still want the agent. It answers nothing. */
	| {readonly do: 'stay'};

const count = z.number().int().min(0).max(100_000);
const milliseconds = z.number().min(0).max(3_600_000);
/** Text of a host that reaches the screen: short and without control characters. */
const text = z
	.string()
	.max(200)
	.transform((value) => value.replaceAll(/\p{C}/gu, '?'));

const outcome = z.discriminatedUnion('result', [
	/** The token came back. */
	z.object({
		result: z.literal('answered'),
		node: text,
		source: text,
		rtt: milliseconds,
	}),
	/** TLS was spoken; `key` is the SHA-256 of the server's public key (SubjectPublicKeyInfo), hexadecimal. */
	z.object({
		result: z.literal('tls'),
		key: z.string().regex(/^[\da-f]{64}$/),
		rtt: milliseconds,
	}),
	/** All packets of a burst have left. */
	z.object({result: z.literal('sent')}),
	/** A service of the internet answered. */
	z.object({result: z.literal('served'), rtt: milliseconds}),
	/** The name has no address there. */
	z.object({result: z.literal('unresolved')}),
	/** A connection came to be, and no more was wanted (or nothing more was said). */
	z.object({result: z.literal('connected'), rtt: milliseconds}),
	/** Somebody answered who does not know the token. */
	z.object({result: z.literal('stranger')}),
	z.object({
		result: z.literal('refused'),
		by: text.nullable(),
		reason: text,
	}),
	z.object({result: z.literal('silent')}),
	/** The agent could not try. */
	z.object({result: z.literal('failed'), reason: text}),
	z.object({
		result: z.literal('sampled'),
		rtts: z.array(milliseconds).max(1000),
	}),
	/** The largest IP packet that arrived, in bytes; 0 when none did. */
	z.object({result: z.literal('largest'), bytes: count}),
]);

const ready = z.object({
	ready: z.literal(true),
	version: text,
	interpreter: text,
});

const listening = z.object({
	listening: z.literal(true),
	refused: z
		.array(
			z.object({
				protocol: z.enum(['tcp', 'udp']),
				address: text,
				port: count,
				/** `in use`, or what the operating system said. */
				problem: text,
			}),
		)
		.max(10_000),
});

const reportHead = z.object({
	tried: z.number().int(),
	sent: count,
	/** `mapping`: the port that the packets left from. */
	localPort: count.optional(),
	/** `service`: what was asked in the end. */
	host: text.optional(),
});

/** Several reports in one line. What can not be read of them is left out. */
const reports = z.object({reports: z.array(z.unknown()).max(1000)});

const arrivals = z.object({
	arrivals: z
		.array(z.object({id: z.number().int(), source: text, packets: count}))
		.max(20_000),
});

/** Packets since the start of the machine that came for a UDP port where nobody listens. */
const counted = z.object({
	counted: z.object({
		udp: z.number().int().min(0),
		udp6: z.number().int().min(0),
	}),
});

/** The messages by the key that each has alone: trying one after the other would cost more than reading. */
const kinds = {ready, listening, arrivals, counted} as const;

export type Outcome = z.output<typeof outcome>;
export type Ready = z.output<typeof ready>;
export type Listening = z.output<typeof listening>;
export type Report = z.output<typeof reportHead> & Outcome;
export type Arrivals = z.output<typeof arrivals>;
export type Counted = z.output<typeof counted>;
/** What an agent tells us, one line each. */
export type Message = Ready | Listening | Arrivals | Counted | Report;

/** There are as many reports as paths: each half is read by itself, because zod's own intersection compares all of both. */
const readReport = (data: unknown): readonly Report[] => {
	const head = reportHead.safeParse(data);
	const rest = outcome.safeParse(data);
	return head.success && rest.success ? [{...head.data, ...rest.data}] : [];
};

const readMessage = (data: unknown): readonly Message[] => {
	if (typeof data !== 'object' || data === null) {
		return [];
	}

	if ('tried' in data) {
		return readReport(data);
	}

	const kind = (Object.keys(kinds) as Array<keyof typeof kinds>).find(
		(key) => key in data,
	);
	const parsed = kind && kinds[kind].safeParse(data);
	return parsed?.success ? [parsed.data] : [];
};

/** Reads a line of an agent: one message, several reports, or nothing when it is none of ours. The agent runs on a host that may lie. */
export const parseMessages = (line: string): readonly Message[] => {
	let data: unknown;
	try {
		data = JSON.parse(line);
	} catch {
		return [];
	}

	if (typeof data === 'object' && data !== null && 'reports' in data) {
		const several = reports.safeParse(data);
		return several.success
			? several.data.reports.flatMap((one) => readMessage(one))
			: [];
	}

	return readMessage(data);
};
