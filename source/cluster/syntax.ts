import {
	isCollection,
	isNode,
	isScalar,
	visit,
	type Document,
	type YAMLError,
} from 'yaml';
import {formatField, type FieldPath} from './problems.js';

/** Something in the text that is no YAML, with its offset. */
export type SyntaxProblem = {
	readonly offset: number;
	/** The field in which it stands; empty when that says nothing. */
	readonly field: string;
	readonly message: string;
};

const misplaced =
	'this does not fit what stands above: entries of one list or mapping begin in one column, those of a list with "- "';

/** What the YAML library says about the text, in our words where its own are jargon. The first that fits counts. */
const sentences: ReadonlyArray<{
	readonly code: YAMLError['code'];
	readonly text?: RegExp;
	readonly sentence: string;
}> = [
	{
		code: 'DUPLICATE_KEY',
		sentence: 'this key stands twice in one mapping',
	},
	{
		code: 'TAB_AS_INDENT',
		sentence: 'YAML is indented with spaces, not with tabs',
	},
	{
		code: 'MULTIPLE_DOCS',
		sentence: 'the file must hold one document; "---" begins a second one',
	},
	{
		code: 'BAD_ALIAS',
		sentence: 'this alias names no anchor above it',
	},
	{
		code: 'BLOCK_AS_IMPLICIT_KEY',
		text: /block sequence/,
		sentence: misplaced,
	},
	{
		code: 'BLOCK_AS_IMPLICIT_KEY',
		sentence:
			'a second "key: value" begins here: keys of one mapping stand below each other in one column, and a text with ": " in it needs quotes',
	},
	{
		code: 'MULTILINE_IMPLICIT_KEY',
		sentence: 'a ":" is missing: a key and its ":" stand in one line',
	},
	{
		code: 'MISSING_CHAR',
		text: /closing .quote/,
		sentence: 'the quote that opens here is never closed',
	},
	{
		code: 'MISSING_CHAR',
		text: /followed by map values/,
		sentence: 'a ":" and a value are missing after this key',
	},
	{
		code: 'MISSING_CHAR',
		text: /Missing ,/,
		sentence: 'a "," is missing before this',
	},
	{
		code: 'MISSING_CHAR',
		text: /space after :/,
		sentence: 'a space is missing after ":"',
	},
	{
		code: 'BAD_INDENT',
		text: /^Flow |end with a/,
		sentence: 'a closing "}" or "]" is missing before this',
	},
	{
		code: 'BAD_INDENT',
		sentence: misplaced,
	},
];

const sentenceFor = (error: YAMLError): string =>
	sentences.find(
		({code, text}) =>
			code === error.code && (text?.test(error.message) ?? true),
	)?.sentence ?? `this is not valid YAML: ${error.message}`;

/** The path of the deepest pair or item that begins at or before an offset. */
const pathAt = (document: Document, offset: number): FieldPath => {
	const path: Array<string | number> = [];
	let node: unknown = document.contents;
	for (;;) {
		if (!isCollection(node)) {
			return path;
		}

		const inside: Array<{key: string | number; value: unknown; start: number}> =
			[];
		for (const [index, item] of node.items.entries()) {
			if (isNode(item)) {
				inside.push({
					key: index,
					value: item,
					start: item.range?.[0] ?? Number.POSITIVE_INFINITY,
				});
			} else {
				const {key, value} = item as {key: unknown; value: unknown};
				inside.push({
					key: String(isNode(key) ? key.toJSON() : key),
					value,
					start:
						(isNode(key) ? key.range?.[0] : undefined) ??
						Number.POSITIVE_INFINITY,
				});
			}
		}

		const last = inside.findLast(({start}) => start <= offset);
		if (last === undefined) {
			return path;
		}

		path.push(last.key);
		node = last.value;
	}
};

/** Where the last quoted text begins that stands before an offset. */
const openingQuote = (
	document: Document,
	offset: number,
): number | undefined => {
	let found: number | undefined;
	visit(document, {
		Scalar(_key, node) {
			const start = node.range?.[0];
			if (
				isScalar(node) &&
				node.type?.startsWith('QUOTE') &&
				start !== undefined &&
				start < offset
			) {
				found = Math.max(found ?? 0, start);
			}
		},
	});
	return found;
};

/**
 * What is wrong with the text as YAML. Of errors that leave the rest of the text without a meaning only the first is
 * told: the others mostly follow from it.
 */
export const syntaxProblems = (
	document: Document.Parsed,
): readonly SyntaxProblem[] => {
	const first = document.errors.find(({code}) => code !== 'DUPLICATE_KEY');
	return (first === undefined ? document.errors : [first]).map((error) => {
		const [position] = error.pos;
		const offset =
			(/closing .quote/.test(error.message)
				? openingQuote(document, position)
				: undefined) ?? position;
		return {
			offset,
			field:
				error.code === 'DUPLICATE_KEY'
					? formatField(pathAt(document, offset))
					: '',
			message: sentenceFor(error),
		};
	});
};
