/**
 * How our scripts answer: one `KEY rest of the line` a line. Values with line ends never travel this way.
 */
export type AnswerLines = {
	/** The value of a key that must be there. Throws when it is not. */
	one(key: string): string;
	optional(key: string): string | undefined;
	/** Every value of a key, in order. */
	all(key: string): readonly string[];
};

/** Reads the answer of a script. Lines of other programs are ignored. */
export const answerLines = (stdout: string): AnswerLines => {
	const values = new Map<string, string[]>();
	for (const line of stdout.split('\n')) {
		const space = line.indexOf(' ');
		const key = space === -1 ? line : line.slice(0, space);
		const value = space === -1 ? '' : line.slice(space + 1);
		const known = values.get(key);
		if (known) {
			known.push(value);
		} else {
			values.set(key, [value]);
		}
	}

	return {
		one(key) {
			const value = values.get(key)?.at(-1);
			if (value === undefined) {
				throw new Error(`The host's answer has no "${key}".`);
			}

			return value;
		},
		optional: (key) => values.get(key)?.at(-1),
		all: (key) => values.get(key) ?? [],
	};
};

/** A value that travels on one line. Throws when it has line ends or other control characters. */
export const plainValue = (what: string, value: string): string => {
	// eslint-disable-next-line no-control-regex
	if (/[\u0000-\u001F\u007F]/.test(value)) {
		throw new Error(`The ${what} has control characters.`);
	}

	return value;
};

/** A whole number in an answer. Throws when it is none. */
export const wholeNumber = (text: string): number => {
	if (!/^\d+$/.test(text)) {
		throw new Error(`The host answered "${text}" where a number was expected.`);
	}

	return Number(text);
};
