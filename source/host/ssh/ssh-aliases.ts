import {readFile, readdir} from 'node:fs/promises';
import path from 'node:path';

/** OpenSSH itself follows `Include` this deep. */
const deepest = 16;

/** Words of a line's value: separated by spaces, or in double quotes. */
const words = (text: string): string[] =>
	[...text.matchAll(/"(?<quoted>[^"]*)"|(?<plain>\S+)/g)].map(
		({groups}) => groups!.quoted ?? groups!.plain ?? '',
	);

const hasPattern = (text: string): boolean => /[*?]/.test(text);

/** The files that a path with `*` and `?` in it names, in the order of their names. */
const expand = async (pattern: string): Promise<readonly string[]> => {
	const {root} = path.parse(pattern);
	let found = [root];
	for (const part of pattern.slice(root.length).split(path.sep)) {
		if (!hasPattern(part)) {
			found = found.map((folder) => path.join(folder, part));
			continue;
		}

		const matcher = new RegExp(
			`^${part
				.replaceAll(/[$()+.[\\\]^{|}]/g, String.raw`\$&`)
				.replaceAll('*', '.*')
				.replaceAll('?', '.')}$`,
		);
		const inside = await Promise.all(
			found.map(async (folder) => {
				try {
					const names = await readdir(folder);
					return names
						.filter((name) => matcher.test(name))
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

const readAliases = async (
	file: string,
	home: string,
	depth: number,
): Promise<readonly string[]> => {
	let text: string;
	try {
		text = await readFile(file, 'utf8');
	} catch {
		return [];
	}

	const aliases: string[] = [];
	for (const line of text.split('\n')) {
		const match =
			/^\s*(?<keyword>[A-Za-z]+)(?:\s*=\s*|\s+)(?<value>.*?)\s*$/.exec(line);
		const value = match?.groups!.value ?? '';
		switch (match?.groups!.keyword!.toLowerCase()) {
			case 'host': {
				aliases.push(
					...words(value).filter(
						(word) => word !== '' && !hasPattern(word) && !word.startsWith('!'),
					),
				);
				break;
			}

			case 'include': {
				for (const word of depth < deepest ? words(value) : []) {
					const full = word.startsWith('~/')
						? path.join(home, word.slice(2))
						: path.resolve(home, '.ssh', word);
					for (const included of await expand(full)) {
						aliases.push(...(await readAliases(included, home, depth + 1)));
					}
				}

				break;
			}

			default: {
				break;
			}
		}
	}

	return aliases;
};

/**
 * The names that a person's SSH configuration gives to hosts: `Host` lines without wildcards, `Include` followed, each
 * once, in its order. Empty when there is no configuration, or what there is can not be read (ssh_config(5)).
 */
export const sshAliases = async (home: string): Promise<readonly string[]> => [
	...new Set(await readAliases(path.join(home, '.ssh', 'config'), home, 0)),
];
