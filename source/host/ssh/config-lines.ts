/** One line of an SSH configuration file that says something. */
export type ConfigLine = {
	/** In lower case: keywords may be written in any. */
	readonly keyword: string;
	/** The rest as it is written, for what is a command line of its own. */
	readonly rest: string;
	/** The rest as words; `undefined` when a quote is not closed. */
	readonly words: readonly string[] | undefined;
};

const isSpace = (character: string | undefined): boolean =>
	character === ' ' || character === '\t';

/**
 * Splits as OpenSSH does since 8.7: words are separated by spaces and tabs, single and double quotes hold them together,
 * a backslash takes the meaning from a quote, a backslash and, outside of quotes, a space; a word that begins with `#`
 * begins a comment. `undefined` when a quote is not closed.
 */
export const splitWords = (text: string): readonly string[] | undefined => {
	const words: string[] = [];
	let at = 0;
	while (at < text.length) {
		if (isSpace(text[at])) {
			at += 1;
			continue;
		}

		if (text[at] === '#') {
			break;
		}

		let word = '';
		let quote: string | undefined;
		for (; at < text.length; at += 1) {
			const character = text[at]!;
			const next = text[at + 1];
			if (character === '\\') {
				const isEscape =
					next === '"' ||
					next === "'" ||
					next === '\\' ||
					(next === ' ' && quote === undefined);
				word += isEscape ? next : character;
				at += isEscape ? 1 : 0;
			} else if (quote === undefined && isSpace(character)) {
				break;
			} else if (
				quote === undefined &&
				(character === '"' || character === "'")
			) {
				quote = character;
			} else if (character === quote) {
				quote = undefined;
			} else {
				word += character;
			}
		}

		if (quote !== undefined) {
			return undefined;
		}

		words.push(word);
	}

	return words;
};

/** Reads a line of an SSH configuration file; `undefined` for an empty one and a comment (ssh_config(5)). */
export const readConfigLine = (text: string): ConfigLine | undefined => {
	const match =
		/^[ \t]*(?<keyword>[^ \t="#][^ \t="]*)(?:[ \t]*=[ \t]*|[ \t]+|$)(?<rest>.*)$/s.exec(
			text.replace(/[ \t\r\n\f]+$/, ''),
		);
	if (!match) {
		return undefined;
	}

	const rest = match.groups!.rest!;
	return {
		keyword: match.groups!.keyword!.toLowerCase(),
		rest,
		words: splitWords(rest),
	};
};
