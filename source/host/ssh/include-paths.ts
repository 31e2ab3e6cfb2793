import {readdir} from 'node:fs/promises';
import path from 'node:path';

/** OpenSSH itself follows `Include` this deep. */
export const deepestInclude = 16;

const hasWildcard = (text: string): boolean => /[*?[]/.test(text);

/** A part of a path as an expression: `*`, `?` and `[…]` as in glob(7). A range that is none matches nothing. */
const matcherOf = (part: string): RegExp => {
	const expression = part
		.replaceAll(/[$()+.\\^{|}]/g, String.raw`\$&`)
		.replaceAll('[!', '[^')
		.replaceAll(/\[(?![^\]]+\])/g, String.raw`\[`)
		.replaceAll('*', '.*')
		.replaceAll('?', '.');
	try {
		return new RegExp(`^${expression}$`, 's');
	} catch {
		return /(?!)/;
	}
};

/** The files that a path with wildcards in it names, in the order of their names; a path without them is itself. */
const expandWildcards = async (pattern: string): Promise<readonly string[]> => {
	const {root} = path.parse(pattern);
	let found = [root];
	for (const part of pattern.slice(root.length).split(path.sep)) {
		if (!hasWildcard(part)) {
			found = found.map((folder) => path.join(folder, part));
			continue;
		}

		const matcher = matcherOf(part);
		const inside = await Promise.all(
			found.map(async (folder) => {
				try {
					const names = await readdir(folder);
					return names
						.filter(
							(name) =>
								matcher.test(name) &&
								(part.startsWith('.') || !name.startsWith('.')),
						)
						.toSorted()
						.map((name) => path.join(folder, name));
				} catch {
					return [];
				}
			}),
		);
		found = inside.flat();
	}

	return found;
};

/** The files that a word after `Include` names; a relative one is below the folder of the configuration (ssh_config(5)). */
export const includedFiles = async (
	word: string,
	{home, folder}: {readonly home: string; readonly folder: string},
): Promise<readonly string[]> =>
	expandWildcards(
		word === '~' || word.startsWith('~/')
			? path.join(home, word.slice(1))
			: path.resolve(folder, word),
	);
