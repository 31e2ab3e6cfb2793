import {Document, Scalar, visit} from 'yaml';
import {isDataMap, type Data, type DataMap} from './input.js';

/** A value on one line, safe in flow and in block style: `{a: 1, b: [x]}`. */
export const inlineYaml = (value: Data): string => {
	const document = new Document([value]);
	visit(document, {
		Scalar(_, node) {
			// Anything with a line break or a tab would be folded over several lines.
			if (typeof node.value === 'string' && /[\n\r\t]/.test(node.value)) {
				node.type = Scalar.QUOTE_DOUBLE;
			}
		},
	});
	return document
		.toString({
			collectionStyle: 'flow',
			flowCollectionPadding: false,
			lineWidth: 0,
			doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
		})
		.trim()
		.slice(1, -1)
		.trim();
};

const isShort = (value: Data): boolean =>
	!isDataMap(value) || Object.keys(value).length === 0;

/** The lines of a mapping in block style; lists stay on one line, and so do mappings inside of it that are given as `inline`. */
export const blockLines = (map: DataMap, indent: string): readonly string[] =>
	Object.entries(map).flatMap(([key, value]) =>
		isShort(value)
			? [`${indent}${inlineYaml(key)}: ${inlineYaml(value)}`]
			: [
					`${indent}${inlineYaml(key)}:`,
					...blockLines(value as DataMap, `${indent}  `),
				],
	);

/** The lines of one list item in block style, its dash at `indent`. */
export const itemLines = (item: Data, indent: string): readonly string[] => {
	if (!isDataMap(item) || Object.keys(item).length === 0) {
		return [`${indent}- ${inlineYaml(item)}`];
	}

	const [first, ...rest] = blockLines(item, `${indent}  `);
	return [`${indent}- ${first!.trimStart()}`, ...rest];
};
