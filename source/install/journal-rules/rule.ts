/** What a matching line is put into words with. */
export type Seen = {
	readonly match: RegExpExecArray;
	/** The node whose journal it is. */
	readonly node: string;
};

/** A text of a program's log, and what it means. */
export type JournalRule = {
	readonly pattern: RegExp;
	/** For people: one sentence, without a period, that goes on from the node's name. */
	readonly cause: string | ((seen: Seen) => string);
	/** What the person can try, one sentence each. */
	readonly tryNext: readonly string[] | ((seen: Seen) => readonly string[]);
	/** K3s cannot get over it by waiting: a restart of the unit will end in the same line. */
	readonly final?: true;
	/** It tells of another node, and nothing of why the one whose journal it is in does not come up. */
	readonly ofOther?: true;
	/** Group of the pattern that holds `host:port`; the next group too, when that one took no part. */
	readonly endpoint?: number;
};

/** Advice to open a port, or ports, named in words. */
export const openPort = (what: string): string =>
	`Open ${what} between the two machines, in their own firewalls and in the cloud's, and check that path again.`;
