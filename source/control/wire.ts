/** Pieces of the forms in which both APIs answer. What is not known is left out, what is missing gets a harmless value. */
import {z} from 'zod';
import {addressFamily, isAddress, parseCidr} from '../cluster/addresses.js';

/** A list that may be `null` or not there, as Go's encoder writes an empty one. */
export const texts = z
	.array(z.string())
	.nullish()
	.transform((list) => list ?? []);

/** A number of 64 bits, which comes as a text. */
export const id = z.union([z.string().min(1), z.number()]).transform(String);

/** A point in time; Go's zero time, an empty text and nothing all mean none. */
export const time = z
	.string()
	.nullish()
	.transform((text) =>
		text === null ||
		text === undefined ||
		text === '' ||
		text.startsWith('0001-')
			? undefined
			: text,
	);

export const flag = z
	.boolean()
	.nullish()
	.transform((value) => value ?? false);

/** Addresses without the prefix that some servers add, IPv4 first. */
export const addressesOf = (list: readonly string[]): readonly string[] =>
	list
		.map((text) => text.replace(/\/\d+$/, ''))
		.filter((text) => isAddress(text))
		.toSorted((one, other) => addressFamily(one) - addressFamily(other));

/** A route in the one form that is compared. */
export const canonicalRoute = (route: string): string => {
	const parsed = parseCidr(route);
	return parsed === undefined ? route : `${parsed.network}/${parsed.prefix}`;
};

/** All routes of both lists, once each, the first list's order kept. */
export const joinRoutes = (
	one: readonly string[],
	other: readonly string[],
): readonly string[] => [
	...new Set([...one, ...other].map((route) => canonicalRoute(route))),
];

/** Routes of the first list that are not in the other. */
export const withoutRoutes = (
	one: readonly string[],
	other: readonly string[],
): readonly string[] => {
	const gone = new Set(other.map((route) => canonicalRoute(route)));
	return one
		.map((route) => canonicalRoute(route))
		.filter((route) => !gone.has(route));
};

/** Are both lists the same set of routes? */
export const sameRoutes = (
	one: readonly string[],
	other: readonly string[],
): boolean =>
	withoutRoutes(one, other).length === 0 &&
	withoutRoutes(other, one).length === 0;
