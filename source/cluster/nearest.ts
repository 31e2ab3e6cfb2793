/** Edits (insert, delete, replace, swap of neighbours) between two words. */
const editDistance = (one: string, other: string): number => {
	let beforeLast: number[] = [];
	let last = Array.from({length: other.length + 1}, (_, index) => index);
	for (let row = 1; row <= one.length; row++) {
		const current = [row];
		for (let column = 1; column <= other.length; column++) {
			const same = one[row - 1] === other[column - 1];
			let cost = Math.min(
				last[column]! + 1,
				current[column - 1]! + 1,
				last[column - 1]! + (same ? 0 : 1),
			);
			if (
				row > 1 &&
				column > 1 &&
				one[row - 1] === other[column - 2] &&
				one[row - 2] === other[column - 1]
			) {
				cost = Math.min(cost, beforeLast[column - 2]! + 1);
			}

			current.push(cost);
		}

		beforeLast = last;
		last = current;
	}

	return last[other.length]!;
};

/** The word that was probably meant, or `undefined` when none is near (more than a third of it would change). */
export const nearest = (
	word: string,
	known: readonly string[],
): string | undefined => {
	const plain = (text: string) => text.toLowerCase().replaceAll(/[-_]/g, '');
	let best: string | undefined;
	let bestDistance = Number.POSITIVE_INFINITY;
	for (const candidate of known) {
		const distance = editDistance(plain(word), plain(candidate));
		if (
			distance < bestDistance &&
			distance <= Math.max(1, Math.floor(candidate.length / 3))
		) {
			best = candidate;
			bestDistance = distance;
		}
	}

	return best;
};
