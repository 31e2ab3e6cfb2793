import {z} from 'zod';

/** A port of a node that should answer. */
export type Place = {
	readonly protocol: 'tcp' | 'udp';
	readonly address: string;
	readonly port: number;
};

/** One thing that an agent is asked to try. */
export type Try = Place & {
	/** Unique in the conversation; the report carries it. */
	readonly id: number;
} & (
		| {
				readonly what: 'path';
				/** Is a connection alone the answer? For ports that another program holds. */
				readonly connectOnly?: boolean;
		  }
		| {
				readonly what: 'latency';
				readonly count: number;
				/** 0 to 1: where in the gap between two samples the first one is sent, so that pairs do not beat in step. */
				readonly phase: number;
		  }
		| {readonly what: 'mtu'}
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
	| {readonly do: 'try'; readonly tries: readonly Try[]};

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
	/** A connection came to be, and no more was wanted. */
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

const report = z.object({tried: z.number().int(), sent: count}).and(outcome);

const message = z.union([ready, listening, report]);

export type Outcome = z.output<typeof outcome>;
export type Ready = z.output<typeof ready>;
export type Listening = z.output<typeof listening>;
export type Report = z.output<typeof report>;
/** What an agent tells us, one line each. */
export type Message = z.output<typeof message>;

/** Reads a line of an agent, or says `undefined` when it is no message of ours. The agent runs on a host that may lie. */
export const parseMessage = (line: string): Message | undefined => {
	try {
		return message.parse(JSON.parse(line));
	} catch {
		return undefined;
	}
};
