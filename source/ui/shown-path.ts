import os from 'node:os';
import path from 'node:path';

/** A path for people: what is in their home begins with `~`. */
export const shownPath = (
	file: string,
	home: string = os.homedir(),
): string => {
	const inside = path.relative(home, file);
	return inside !== '' &&
		inside.split(path.sep)[0] !== '..' &&
		!path.isAbsolute(inside)
		? path.join('~', inside)
		: file;
};
