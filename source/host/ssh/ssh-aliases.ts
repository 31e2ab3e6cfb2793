import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {readConfigLine} from './config-lines.js';
import {deepestInclude, includedFiles} from './include-paths.js';

const isAlias = (word: string): boolean =>
	word !== '' && !/[*?]/.test(word) && !word.startsWith('!');

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
	for (const line of text.split('\n').map((each) => readConfigLine(each))) {
		const words = line?.words ?? [];
		if (line?.keyword === 'host') {
			aliases.push(...words.filter((word) => isAlias(word)));
		} else if (line?.keyword === 'include' && depth < deepestInclude) {
			const folder = path.join(home, '.ssh');
			for (const word of words) {
				for (const included of await includedFiles(word, {home, folder})) {
					aliases.push(...(await readAliases(included, home, depth + 1)));
				}
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
