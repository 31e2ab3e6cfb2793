import {stringify} from 'yaml';
import type {K3sConfig} from '../mesh/mesh.js';
import {
	isReference,
	type ConfigValue,
	type Quoting,
	type SingleValue,
	type Template,
	type ValueReference,
} from './plan.js';

/** One value on one line, quoted where YAML would read something else. */
const yamlValue = (value: Exclude<SingleValue, ValueReference>): string =>
	typeof value === 'string' && /[\n\r\t]/.test(value)
		? JSON.stringify(value)
		: stringify([value], {
				collectionStyle: 'flow',
				flowCollectionPadding: false,
				lineWidth: 0,
				defaultStringType: 'QUOTE_DOUBLE',
				defaultKeyType: 'PLAIN',
				doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
			})
				.trim()
				.slice(1, -1);

/** A K3s config file as a template: comment lines first, then one key a line, references left open. */
export const yamlTemplate = (
	config: K3sConfig,
	comments: readonly string[] = [],
): Template => {
	const pieces: Array<string | ValueReference> = [];
	let text = comments.map((line) => `# ${line}\n`).join('');
	const addLine = (start: string, value: SingleValue) => {
		if (isReference(value)) {
			pieces.push(`${text}${start}`, value);
			text = '\n';
		} else {
			text += `${start}${yamlValue(value)}\n`;
		}
	};

	for (const [key, value] of Object.entries(config)) {
		if (!isList(value)) {
			addLine(`${key}: `, value);
		} else if (value.length === 0) {
			text += `${key}: []\n`;
		} else {
			text += `${key}:\n`;
			for (const item of value) {
				addLine('  - ', item);
			}
		}
	}

	return text === '' ? pieces : [...pieces, text];
};

const isList = (value: ConfigValue): value is readonly SingleValue[] =>
	Array.isArray(value);

/** One text for each value that can be open, so that two references to the same value are the same. */
const keyOf = (reference: ValueReference): string =>
	Object.values(reference).join(' ');

/** All values that are still open in a template, each once. */
export const references = (template: Template): readonly ValueReference[] => [
	...new Map(
		template
			.filter((piece) => typeof piece !== 'string')
			.map((piece) => [keyOf(piece), piece]),
	).values(),
];

/** The text of a template with its values put in. */
export const fill = (
	template: Template,
	resolve: (reference: ValueReference) => string,
	quoting: Quoting = 'yaml',
): string =>
	template
		.map((piece) => {
			if (typeof piece === 'string') {
				return piece;
			}

			const value = resolve(piece);
			return quoting === 'yaml' ? JSON.stringify(value) : value;
		})
		.join('');

/** How an open value is shown: `‹server-token›`, `‹tailscale-address of fra1›`. */
export const maskedReference = (reference: ValueReference): string =>
	'node' in reference
		? `‹${reference.reference} of ${reference.node}›`
		: `‹${reference.reference}›`;

/** The text of a template as it can be shown: open values by name. */
export const maskedText = (template: Template): string =>
	template
		.map((piece) =>
			typeof piece === 'string' ? piece : maskedReference(piece),
		)
		.join('');
