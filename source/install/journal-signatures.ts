import {journalRules} from './journal-rules/index.js';

/** What a line of K3s's journal means. */
export type JournalSignature = {
	/** For people: one sentence, without a period, that goes on from the node's name. */
	readonly cause: string;
	/** What the person can try, one sentence each. */
	readonly tryNext: readonly string[];
	/** K3s cannot get over it by waiting: a restart of the unit will end in the same line. */
	readonly final: boolean;
	/** It tells of another node, and nothing of why the one whose journal it is in does not come up. */
	readonly ofOther: boolean;
	/** The address and port that it waits for, when the line names them: `198.51.100.11:6443`. */
	readonly waitsFor: string | undefined;
};

/** Says what a line of the journal of K3s on a node means; `undefined` for lines that mean nothing in particular. Pure. */
export const classify = (
	line: string,
	node: string,
): JournalSignature | undefined => {
	for (const rule of journalRules) {
		const match = rule.pattern.exec(line);
		if (!match) {
			continue;
		}

		const waitsFor =
			rule.endpoint === undefined
				? undefined
				: (match[rule.endpoint] ?? match[rule.endpoint + 1]);
		const seen = {match, node};
		const cause =
			typeof rule.cause === 'function' ? rule.cause(seen) : rule.cause;
		return {
			cause:
				waitsFor === undefined ? cause : `waits for ${waitsFor}${whyNot(line)}`,
			tryNext:
				typeof rule.tryNext === 'function' ? rule.tryNext(seen) : rule.tryNext,
			final: rule.final ?? false,
			ofOther: rule.ofOther ?? false,
			waitsFor,
		};
	}

	return undefined;
};

/** What happened on the way to an address, in words. */
const whyNot = (line: string): string => {
	if (/connection refused/i.test(line)) {
		return ': it refuses the connection';
	}

	if (/no route to host|network is unreachable/i.test(line)) {
		return ': there is no way to it, or a firewall rejects it';
	}

	if (/503 Service Unavailable/i.test(line)) {
		return ': it, or an HTTP proxy on the way to it, answers 503 Service Unavailable';
	}

	if (/timeout|timed out|deadline exceeded|Client\.Timeout/i.test(line)) {
		return ': it does not answer';
	}

	return /connection reset|EOF/i.test(line) ? ': it closes the connection' : '';
};
