/** The part of a list that fits. */
export type VisibleWindow = {
	/** Index of the first visible item. */
	readonly start: number;
	/** Index after the last visible item. */
	readonly end: number;
	/** Items hidden above; more than 0 takes a row for its marker. */
	readonly above: number;
	/** Items hidden below; more than 0 takes a row for its marker. */
	readonly below: number;
};

/**
 * Which items of a list to draw, so that the selected one is among them and no more rows are taken than there are.
 * Items can take several rows each. A marker row above and below says how many are hidden.
 */
export const visibleWindow = (
	heights: readonly number[],
	selected: number,
	rows: number,
): VisibleWindow => {
	const total = heights.reduce((sum, height) => sum + height, 0);
	if (total <= rows) {
		return {start: 0, end: heights.length, above: 0, below: 0};
	}

	const last = heights.length - 1;
	const anchor = Math.min(Math.max(selected, 0), last);
	// One row for each marker that will be there.
	const room = (start: number, end: number) =>
		rows - (start > 0 ? 1 : 0) - (end <= last ? 1 : 0);
	let start = anchor;
	let end = anchor + 1;
	let used = heights[anchor]!;
	for (;;) {
		const above = start > 0 ? heights[start - 1]! : undefined;
		const below = end <= last ? heights[end]! : undefined;
		const fitsAbove =
			above !== undefined && used + above <= room(start - 1, end);
		const fitsBelow =
			below !== undefined && used + below <= room(start, end + 1);
		// Keep the selected one about in the middle.
		if (fitsAbove && (!fitsBelow || anchor - start <= end - 1 - anchor)) {
			start -= 1;
			used += above;
		} else if (fitsBelow) {
			end += 1;
			used += below;
		} else {
			return {start, end, above: start, below: heights.length - end};
		}
	}
};
