/** A column of a table: how wide its text is and how narrow it may become. */
export type ColumnNeed = {
	readonly natural: number;
	readonly minimum: number;
	/** Columns with a lower number give up all that they can before others do; default 0. */
	readonly order?: number;
};

/** Widths that fit into a total: columns give up room by their order, among equals the widest above its minimum first. */
export const fitColumns = (
	needs: readonly ColumnNeed[],
	total: number,
): readonly number[] => {
	const widths = needs.map(({natural}) => natural);
	let surplus = widths.reduce((sum, width) => sum + width, 0) - total;
	while (surplus > 0) {
		const able = needs
			.map(({minimum, order = 0}, index) => ({minimum, order, index}))
			.filter(({minimum, index}) => widths[index]! > minimum)
			.toSorted(
				(one, other) =>
					one.order - other.order || widths[other.index]! - widths[one.index]!,
			);
		const [first] = able;
		if (first === undefined) {
			break;
		}

		widths[first.index]! -= 1;
		surplus -= 1;
	}

	return widths;
};
