/** The output of the facts script, taken apart. */
export type Sections = {
	/** Lines of the first section of that name; none when it is empty or missing. */
	lines(name: string): readonly string[];
	/** The first line that is not empty, trimmed. */
	first(name: string): string;
	/** Lines of every section of that name. */
	all(name: string): ReadonlyArray<readonly string[]>;
};

/** Text of a machine that becomes a name or a number somewhere: without control characters. */
// eslint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

/** Reads sections: a line `= name`, then lines that begin with `|`. Everything else is ignored. */
export const parseSections = (text: string): Sections => {
	const sections: Array<{readonly name: string; readonly lines: string[]}> = [];
	for (const line of text.split('\n')) {
		if (line.startsWith('= ')) {
			sections.push({name: line.slice(2), lines: []});
		} else if (line.startsWith('|')) {
			sections.at(-1)?.lines.push(line.slice(1).replaceAll(controls, ''));
		}
	}

	const all = (name: string) =>
		sections
			.filter((section) => section.name === name)
			.map((section) => section.lines);
	const lines = (name: string) => all(name)[0] ?? [];
	return {
		all,
		lines,
		first: (name) =>
			lines(name)
				.find((line) => line.trim() !== '')
				?.trim() ?? '',
	};
};

/** The whole number that a text is, or `undefined`. */
export const wholeNumberOf = (text: string | undefined): number | undefined =>
	text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
