import {matchesPatterns} from './patterns.js';

/** What a `Match` line may ask about. */
export type MatchSubject = {
	/** What the host's name has become so far. */
	readonly host: string;
	/** As it was asked for. */
	readonly originalHost: string;
	readonly user: string;
	readonly localUser: string;
	/** Is this the second pass over the configuration? */
	readonly isFinal: boolean;
};

export type MatchResult =
	| {
			readonly kind: 'read';
			readonly matches: boolean;
			/** Does the line want a second pass? */
			readonly asksForFinal: boolean;
			/** A criterion that we do not answer; it counts as not matching. */
			readonly unsupported: string | undefined;
	  }
	| {readonly kind: 'wrong'; readonly message: string};

/** Names are compared in lower case. */
const hostMatches = (host: string, patterns: string): boolean =>
	matchesPatterns(patterns.toLowerCase().split(','), host.toLowerCase());

/** Answers the criteria after `Match` (ssh_config(5)). Commands of `exec` are not run. */
export const matchConfig = (
	words: readonly string[],
	subject: MatchSubject,
): MatchResult => {
	const rest = words.flatMap((word) => {
		// `host=nuc` is as good as `host nuc`.
		const parts = /^(?<name>!?[a-z]+)=(?<value>.*)$/is.exec(word)?.groups;
		return parts ? [parts.name!, parts.value!] : [word];
	});
	let matches = true;
	let asksForFinal = false;
	let unsupported: string | undefined;
	let count = 0;
	if (rest.length === 0) {
		return {kind: 'wrong', message: 'gives Match no criterion'};
	}

	while (rest.length > 0) {
		const word = rest.shift()!;
		const isNegated = word.startsWith('!');
		const name = word.slice(isNegated ? 1 : 0).toLowerCase();
		if (name === 'all') {
			if (count > 0 || rest.length > 0) {
				return {kind: 'wrong', message: 'combines Match all with others'};
			}

			matches = !isNegated;
			break;
		}

		count += 1;
		if (name === 'final' || name === 'canonical') {
			asksForFinal ||= name === 'final';
			matches &&= subject.isFinal !== isNegated;
			continue;
		}

		const value = rest.shift();
		if (value === undefined) {
			return {kind: 'wrong', message: `gives Match ${name} no value`};
		}

		const answer = ((): boolean | undefined => {
			switch (name) {
				case 'host': {
					return hostMatches(subject.host, value);
				}

				case 'originalhost': {
					return hostMatches(subject.originalHost, value);
				}

				case 'user': {
					return matchesPatterns(value.split(','), subject.user);
				}

				case 'localuser': {
					return matchesPatterns(value.split(','), subject.localUser);
				}

				default: {
					return undefined;
				}
			}
		})();
		if (answer === undefined) {
			// What has failed already would not be asked.
			unsupported ??= matches ? `Match ${name}` : undefined;
			matches = false;
		} else {
			matches &&= answer !== isNegated;
		}
	}

	return {kind: 'read', matches, asksForFinal, unsupported};
};
