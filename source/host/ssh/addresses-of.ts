import {lookup} from 'node:dns/promises';

/**
 * All addresses of a name, in the order in which they are tried: IPv6 first, then in turns (RFC 8305, 4). An address is
 * itself. Rejects with the resolver's error.
 */
export const addressesOf = async (
	host: string,
	family: 4 | 6 | undefined,
): Promise<readonly string[]> => {
	const found = await lookup(host, {
		all: true,
		verbatim: true,
		family: family ?? 0,
	});
	const of = (wanted: 4 | 6): string[] => [
		...new Set(
			found
				.filter((each) => each.family === wanted)
				.map(({address}) => address),
		),
	];
	const sixes = of(6);
	const fours = of(4);
	return Array.from(
		{length: Math.max(sixes.length, fours.length)},
		(_, index) => [sixes[index], fours[index]],
	)
		.flat()
		.filter((address) => address !== undefined);
};
