/**
 * Does the text match the pattern? `*` is any text and `?` any one character; everything else is itself
 * (ssh_config(5), PATTERNS).
 */
export const matchesPattern = (pattern: string, text: string): boolean => {
	let at = 0;
	let read = 0;
	let star = -1;
	let retry = 0;
	while (read < text.length) {
		if (pattern[at] === '*') {
			star = at;
			retry = read;
			at += 1;
		} else if (pattern[at] === '?' || pattern[at] === text[read]) {
			at += 1;
			read += 1;
		} else if (star === -1) {
			return false;
		} else {
			// The last star takes one character more.
			at = star + 1;
			retry += 1;
			read = retry;
		}
	}

	while (pattern[at] === '*') {
		at += 1;
	}

	return at === pattern.length;
};

/** Does any pattern match, and none of those that begin with `!`? */
export const matchesPatterns = (
	patterns: readonly string[],
	text: string,
): boolean => {
	let matched = false;
	for (const pattern of patterns) {
		if (pattern.startsWith('!')) {
			if (matchesPattern(pattern.slice(1), text)) {
				return false;
			}
		} else if (matchesPattern(pattern, text)) {
			matched = true;
		}
	}

	return matched;
};
