/** A column of a table: how wide its text is and how narrow it may become. */
export type ColumnNeed = {readonly natural: number; readonly minimum: number};

/** Widths that fit into a total: columns give up room, the widest above its minimum first. */
export const fitColumns = (
	needs: readonly ColumnNeed[],
	total: number,
): readonly number[] => {
	const widths = needs.map(({natural}) => natural);
	let surplus = widths.reduce((sum, width) => sum + width, 0) - total;
	while (surplus > 0) {
		let widest = -1;
		for (const [index, width] of widths.entries()) {
			if (
				width > needs[index]!.minimum &&
				(widest === -1 || width > widths[widest]!)
			) {
				widest = index;
			}
		}

		if (widest === -1) {
			break;
		}

		widths[widest]! -= 1;
		surplus -= 1;
	}

	return widths;
};
