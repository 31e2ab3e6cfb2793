import {readFileSync} from 'node:fs';

/** A file or folder on a host that may hold secrets. */
export type SecretPlace = {
	readonly path: string;
	/** Its mode, in octal. */
	readonly mode: string;
};

/** The places on hosts that the README's table of secrets names: paths with their modes. */
export const secretPlaces = (): readonly SecretPlace[] => {
	const readme = readFileSync(
		new URL('../../README.md', import.meta.url),
		'utf8',
	);
	const section = /^## Secrets\n(?<text>.*?)^## /ms.exec(readme)?.groups!.text;
	const places = [
		...(section ?? '').matchAll(/`(?<path>\/[^`]+)` \(0(?<mode>\d{3})\)/g),
	].map(({groups}) => ({path: groups!.path!, mode: groups!.mode!}));
	return [...new Map(places.map((place) => [place.path, place])).values()];
};

/** Is a file one of the places, or below one? */
export const isSecretPlace = (
	places: readonly SecretPlace[],
	file: string,
): boolean =>
	places.some(({path}) => file === path || file.startsWith(`${path}/`));
