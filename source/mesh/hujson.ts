/** HuJSON, as policies are written in: JSON with comments and trailing commas. Texts are edited in place, never rewritten. */
import {
	parseTree,
	printParseErrorCode,
	type Node,
	type ParseError,
} from 'jsonc-parser';
import type {Edit} from '../cluster/text-edits.js';

/** A place in a text, counted from 1, and what is wrong there. */
export type HujsonProblem = {
	readonly line: number;
	readonly column: number;
	readonly message: string;
};

export type Hujson =
	| {readonly kind: 'tree'; readonly root: Node}
	| {readonly kind: 'problems'; readonly problems: readonly HujsonProblem[]};

/** What the parser's codes mean; others are rare, and say enough by their name. */
const meanings: Readonly<Record<string, string>> = {
	InvalidSymbol: 'is no value: texts stand in double quotes',
	PropertyNameExpected: 'a key in double quotes is missing',
	ValueExpected: 'a value is missing',
	ColonExpected: 'a colon is missing',
	CommaExpected: 'a comma is missing',
	CloseBraceExpected: 'a closing } is missing',
	CloseBracketExpected: 'a closing ] is missing',
	EndOfFileExpected: 'something stands behind the end of the policy',
	UnexpectedEndOfString: 'a text has no closing quote',
	UnexpectedEndOfComment: 'a comment has no end',
	InvalidEscapeCharacter: 'an escape in a text is not valid',
	InvalidCharacter: 'a text holds a character that must be escaped',
};

/** A problem at an offset of a text. */
export const problemAt = (
	text: string,
	offset: number,
	message: string,
): HujsonProblem => {
	const before = text.slice(0, offset).split('\n');
	return {
		line: before.length,
		column: before.at(-1)!.length + 1,
		message,
	};
};

/** The key of a member. */
export const keyOf = (member: Node): string =>
	String(member.children![0]!.value);

/** Keys that stand twice in one object: which one counts is anybody's guess. */
const doubledKeys = (text: string, node: Node): readonly HujsonProblem[] => {
	const children = node.children ?? [];
	const seen = new Set<string>();
	const own =
		node.type === 'object'
			? children.flatMap((member) => {
					const key = keyOf(member);
					const isDouble = seen.has(key);
					seen.add(key);
					return isDouble
						? [
								problemAt(
									text,
									member.offset,
									`the key "${key}" stands here twice`,
								),
							]
						: [];
				})
			: [];
	return [...own, ...children.flatMap((child) => doubledKeys(text, child))];
};

/** Parses a text, or says where it is wrong. */
export const parseHujson = (text: string): Hujson => {
	const errors: ParseError[] = [];
	const root = parseTree(text, errors, {allowTrailingComma: true});
	if (root === undefined || errors.length > 0) {
		const [first = {error: 4, offset: text.length, length: 0}] = errors;
		const code = printParseErrorCode(first.error);
		return {
			kind: 'problems',
			problems: [problemAt(text, first.offset, meanings[code] ?? code)],
		};
	}

	const problems = doubledKeys(text, root);
	return problems.length > 0
		? {kind: 'problems', problems}
		: {kind: 'tree', root};
};

/**
 * The value of a key. Servers that are written in Go read keys without a look at capitals, and old policies have `ACLs`
 * and `TagOwners`.
 */
export const valueOf = (
	node: Node | undefined,
	key: string,
): Node | undefined =>
	node?.type === 'object'
		? node.children!.find(
				(member) => keyOf(member).toLowerCase() === key.toLowerCase(),
			)?.children![1]
		: undefined;

/** Where a line of the text ends, and what stands before it is known: comments that end there, the comma if there is one. */
type Trivia = {
	/** Is there a comma behind the value? */
	readonly hasComma: boolean;
	/** Where a new line can begin, behind a comment that stands beside the value. */
	readonly lineEnd: number;
	/** Is there a line break between the value and the bracket that closes its container? */
	readonly isOpen: boolean;
};

/** Looks at what stands between the last value of a container and its closing bracket. */
const triviaBehind = (text: string, from: number, close: number): Trivia => {
	let hasComma = false;
	let lineEnd: number | undefined;
	let at = from;
	while (at < close) {
		const two = text.slice(at, at + 2);
		if (two === '//') {
			const end = text.indexOf('\n', at);
			at = end === -1 ? close : end;
		} else if (two === '/*') {
			const end = text.indexOf('*/', at) + 2;
			if (text.slice(at, end).includes('\n')) {
				lineEnd ??= at;
			}

			at = end;
		} else {
			if (text[at] === '\n') {
				lineEnd ??= text[at - 1] === '\r' ? at - 1 : at;
			}

			hasComma ||= text[at] === ',';
			at += 1;
		}
	}

	return {
		hasComma,
		lineEnd: lineEnd ?? close,
		isOpen: lineEnd !== undefined,
	};
};

/** The white space at the beginning of the line on which an offset stands. */
const indentAt = (text: string, offset: number): string =>
	/^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', offset - 1) + 1))![0];

/** What one level is indented by: as the first indented line is. */
const unitOf = (text: string): string => /\n([ \t]+)\S/.exec(text)?.[1] ?? '\t';

/** A value of plain data. */
export type Plain =
	string | boolean | readonly Plain[] | {readonly [key: string]: Plain};

const inline = (value: Plain): string => {
	if (Array.isArray(value)) {
		return `[${value.map((one: Plain) => inline(one)).join(', ')}]`;
	}

	return typeof value === 'object'
		? `{${Object.entries(value)
				.map(([key, one]) => `${JSON.stringify(key)}: ${inline(one)}`)
				.join(', ')}}`
		: JSON.stringify(value);
};

/** Longer values are broken into lines. */
const widest = 76;

/** A value as text that begins at an indentation; lists and objects that do not fit on a line are broken into several. */
export const printValue = (
	value: Plain,
	indent: string,
	unit: string,
): string => {
	const short = inline(value);
	if (typeof value !== 'object' || short.length <= widest) {
		return short;
	}

	const deeper = indent + unit;
	const isList = Array.isArray(value);
	const lines = isList
		? value.map((one: Plain) => printValue(one, deeper, unit))
		: Object.entries(value).map(
				([key, one]) =>
					`${JSON.stringify(key)}: ${printValue(one, deeper, unit)}`,
			);
	const [open, close] = isList ? '[]' : '{}';
	return `${open}\n${lines.map((line) => `${deeper}${line},\n`).join('')}${indent}${close}`;
};

/** Puts a member or an element behind the last one of a container; comments and the other values stay as they are. */
export const addTo = (
	text: string,
	container: Node,
	added: {
		/** The key, in an object. */
		readonly key?: string;
		readonly value: Plain;
		/** A line of comment above it, where there is a line of its own. */
		readonly comment?: string;
	},
): readonly Edit[] => {
	const lineBreak = text.includes('\r\n') ? '\r\n' : '\n';
	const unit = unitOf(text);
	const outer = indentAt(text, container.offset);
	const close = container.offset + container.length - 1;
	const key = added.key === undefined ? '' : `${JSON.stringify(added.key)}: `;
	const ownLines = (indent: string): string =>
		[
			...(added.comment === undefined ? [] : [`// ${added.comment}`]),
			`${key}${printValue(added.value, indent, unit).replaceAll('\n', lineBreak)}`,
		]
			.map((line) => `${lineBreak}${indent}${line}`)
			.join('');

	const last = container.children?.at(-1);
	if (last === undefined) {
		const kept = text.slice(container.offset + 1, close).trimEnd();
		return [
			{
				start: container.offset + 1 + kept.length,
				end: close,
				text: `${ownLines(outer + unit)},${lineBreak}${outer}`,
			},
		];
	}

	const end = last.offset + last.length;
	const {hasComma, lineEnd, isOpen} = triviaBehind(text, end, close);
	if (!isOpen) {
		return [{start: end, end, text: `, ${key}${inline(added.value)}`}];
	}

	const lineStart = text.lastIndexOf('\n', last.offset - 1) + 1;
	const isFirstOnLine = /^[ \t]*$/.test(text.slice(lineStart, last.offset));
	const indent = isFirstOnLine ? indentAt(text, last.offset) : outer + unit;
	return [
		...(hasComma ? [] : [{start: end, end, text: ','}]),
		{
			start: lineEnd,
			end: lineEnd,
			text: `${ownLines(indent)}${hasComma ? ',' : ''}`,
		},
	];
};
