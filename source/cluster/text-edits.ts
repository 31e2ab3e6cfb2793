import {
	isCollection,
	isNode,
	isPair,
	type Node,
	type Pair,
	type YAMLMap,
	type YAMLSeq,
} from 'yaml';
import type {Data, DataMap} from './input.js';
import {blockLines, inlineYaml, itemLines} from './yaml-inline.js';

/** Replaces the characters from `start` up to `end` by `text`. */
export type Edit = {
	readonly start: number;
	readonly end: number;
	readonly text: string;
};

/** Applies edits that do not overlap. */
export const applyEdits = (text: string, edits: readonly Edit[]): string => {
	let result = text;
	// From the end, so that offsets in front of an edit stay true; at one place the later edit stays behind the earlier.
	for (const {start, end, text: replacement} of edits
		.toSorted((one, other) => one.start - other.start)
		.toReversed()) {
		result = result.slice(0, start) + replacement + result.slice(end);
	}

	return result;
};

/** Where the content of a node ends, without comments and blank lines behind it. */
export const contentEnd = (node: Node | Pair): number => {
	if (isPair(node)) {
		const {key, value} = node as Pair<Node, Node | null>;
		return value !== null && isNode(value) && value.range![1] > 0
			? contentEnd(value)
			: key.range![1];
	}

	if (isCollection(node) && !node.flow && node.items.length > 0) {
		return contentEnd(node.items.at(-1) as Node | Pair);
	}

	return node.range![1];
};

/** The offset behind the line on which an offset stands; a block scalar ends behind its line already. */
const lineEnd = (text: string, offset: number): number => {
	if (offset > 0 && text[offset - 1] === '\n') {
		return offset;
	}

	const end = text.indexOf('\n', offset);
	return end === -1 ? text.length : end + 1;
};

const lineStart = (text: string, offset: number): number =>
	text.lastIndexOf('\n', offset - 1) + 1;

const column = (text: string, offset: number): number =>
	offset - lineStart(text, offset);

const asLines = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

/** Lines that go behind an offset that ends a line, or the text without a line break at its end. */
const insertLines = (
	text: string,
	offset: number,
	lines: readonly string[],
): Edit => ({
	start: offset,
	end: offset,
	text: (offset > 0 && text[offset - 1] !== '\n' ? '\n' : '') + asLines(lines),
});

const keyOf = (pair: Pair): Node => pair.key as Node;

/** Puts another value in place of one that is there. */
export const replaceValue = (
	text: string,
	node: Node,
	value: Data,
): readonly Edit[] => {
	const [start] = node.range!;
	const end = contentEnd(node);
	const before = text[start - 1];
	const space = start === end && before !== ' ' && before !== '\n' ? ' ' : '';
	// A block scalar's end includes its line break.
	const after = end > start && text[end - 1] === '\n' ? '\n' : '';
	return [{start, end, text: `${space}${inlineYaml(value)}${after}`}];
};

/** Adds keys behind the last one of a mapping. */
export const addPairs = (
	text: string,
	map: YAMLMap,
	added: DataMap,
): readonly Edit[] => {
	const last = map.items.at(-1);
	if (last === undefined) {
		return replaceValue(text, map, added);
	}

	if (map.flow) {
		const end = contentEnd(last);
		return [
			{
				start: end,
				end,
				text: Object.entries(added)
					.map(([key, value]) => `, ${inlineYaml(key)}: ${inlineYaml(value)}`)
					.join(''),
			},
		];
	}

	const indent = ' '.repeat(column(text, keyOf(map.items[0]!).range![0]));
	return [
		insertLines(
			text,
			lineEnd(text, contentEnd(last)),
			blockLines(added, indent),
		),
	];
};

/** Takes keys out of a mapping, comments around them left where they are. */
export const removePairs = (
	text: string,
	map: YAMLMap,
	removed: ReadonlySet<Pair>,
): readonly Edit[] => {
	const {items} = map;
	if (items.every((item) => removed.has(item))) {
		return replaceValue(text, map, {});
	}

	// The first keys may share their line with a bracket or a dash: the next kept one takes their place.
	const firstKept = items.findIndex((item) => !removed.has(item));
	const leading: Edit = {
		start: keyOf(items[0]!).range![0],
		end: keyOf(items[firstKept]!).range![0],
		text: '',
	};
	const rest = items.flatMap((item, index): Edit[] => {
		if (!removed.has(item) || index < firstKept) {
			return [];
		}

		return [
			map.flow
				? {
						start: contentEnd(items[index - 1]!),
						end: contentEnd(item),
						text: '',
					}
				: {
						start: lineStart(text, keyOf(item).range![0]),
						end: lineEnd(text, contentEnd(item)),
						text: '',
					},
		];
	});
	return firstKept === 0 ? rest : [leading, ...rest];
};

/** One place of a list that is put together anew: an item that is there, perhaps edited inside, or a new value. */
export type ListPart =
	| {readonly keep: number; readonly edits: readonly Edit[]}
	| {readonly add: Data};

const flowList = (
	text: string,
	list: YAMLSeq,
	parts: readonly ListPart[],
): readonly Edit[] => [
	{
		start: list.range![0],
		end: list.range![1],
		text: `[${parts
			.map((part) => {
				if ('add' in part) {
					return inlineYaml(part.add);
				}

				const [start, end] = (list.items[part.keep] as Node).range!;
				return applyEdits(
					text.slice(start, end),
					part.edits.map((edit) => ({
						...edit,
						start: edit.start - start,
						end: edit.end - start,
					})),
				);
			})
			.join(', ')}]`,
	},
];

/** Puts a list together anew: items move with the comments above and beside them. */
export const rebuildList = (
	text: string,
	list: YAMLSeq,
	parts: readonly ListPart[],
): readonly Edit[] => {
	const first = list.items[0] as Node | undefined;
	if (first === undefined || parts.length === 0) {
		// An empty list becomes a block of items under its key, deeper than the key.
		const start = list.range![0];
		const added = parts.map((part) => ('add' in part ? part.add : ''));
		if (first !== undefined || added.length === 0) {
			return replaceValue(text, list, added);
		}

		const indent = ' '.repeat(
			text.slice(lineStart(text, start)).search(/\S|$/) + 2,
		);
		return [
			{
				start: text[start - 1] === ' ' ? start - 1 : start,
				end: list.range![1],
				text: `\n${asLines(added.flatMap((item) => itemLines(item, indent))).trimEnd()}`,
			},
		];
	}

	if (list.flow) {
		return flowList(text, list, parts);
	}

	const begin = lineStart(text, list.range![0]);
	const ends = list.items.map((item) =>
		lineEnd(text, contentEnd(item as Node)),
	);
	const dash = ' '.repeat(column(text, list.range![0]));
	const rebuilt = parts
		.map((part) => {
			if ('add' in part) {
				return asLines(itemLines(part.add, dash));
			}

			const start = part.keep === 0 ? begin : ends[part.keep - 1]!;
			const chunk = applyEdits(
				text.slice(start, ends[part.keep]),
				part.edits.map((edit) => ({
					...edit,
					start: edit.start - start,
					end: edit.end - start,
				})),
			);
			return chunk.endsWith('\n') ? chunk : `${chunk}\n`;
		})
		.join('');
	return [{start: begin, end: ends.at(-1)!, text: rebuilt}];
};
