import {stringify} from 'yaml';
import type {K3sConfig} from '../mesh/mesh.js';
import {
	isReference,
	type ConfigValue,
	type ReferenceName,
	type Template,
	type ValueReference,
} from './plan.js';

/** One value on one line, quoted where YAML would read something else. */
const yamlValue = (value: Exclude<ConfigValue, ValueReference>): string =>
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
	for (const [key, value] of Object.entries(config)) {
		if (isReference(value)) {
			pieces.push(`${text}${key}: `, value);
			text = '\n';
		} else if (Array.isArray(value)) {
			const items = value as ReadonlyArray<string | number | boolean>;
			text +=
				items.length === 0
					? `${key}: []\n`
					: `${key}:\n${items.map((item) => `  - ${yamlValue(item)}\n`).join('')}`;
		} else {
			text += `${key}: ${yamlValue(value)}\n`;
		}
	}

	return text === '' ? pieces : [...pieces, text];
};

/** The names of all values that are still open in a template, each once. */
export const references = (template: Template): readonly ReferenceName[] => [
	...new Set(
		template
			.filter((piece) => typeof piece !== 'string')
			.map(({reference}) => reference),
	),
];

/** The text of a template with its values put in, each as a quoted YAML string, so that no value can become syntax. */
export const fill = (
	template: Template,
	resolve: (reference: ReferenceName) => string,
): string =>
	template
		.map((piece) =>
			typeof piece === 'string'
				? piece
				: JSON.stringify(resolve(piece.reference)),
		)
		.join('');

/** How an open value is shown: `‹server-token›`. */
export const maskedReference = ({reference}: ValueReference): string =>
	`‹${reference}›`;

/** The text of a template as it can be shown: open values by name. */
export const maskedText = (template: Template): string =>
	template
		.map((piece) =>
			typeof piece === 'string' ? piece : maskedReference(piece),
		)
		.join('');
