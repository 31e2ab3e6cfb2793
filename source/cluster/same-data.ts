/** Are two pieces of plain data the same, whatever the order of their keys? `undefined` values count as absent. */
export const sameData = (one: unknown, other: unknown): boolean => {
	if (Object.is(one, other)) {
		return true;
	}

	if (
		typeof one !== 'object' ||
		typeof other !== 'object' ||
		one === null ||
		other === null ||
		Array.isArray(one) !== Array.isArray(other)
	) {
		return false;
	}

	const first = one as Readonly<Record<string, unknown>>;
	const second = other as Readonly<Record<string, unknown>>;
	if (Array.isArray(one) && one.length !== (other as unknown[]).length) {
		return false;
	}

	return [...new Set([...Object.keys(first), ...Object.keys(second)])].every(
		(key) => sameData(first[key], second[key]),
	);
};
