import {type z} from 'zod';
import {clusterJsonSchema, type JsonSchema} from './json-schema.js';
import {nearest} from './nearest.js';

/** A place in the data of a cluster file: keys and positions, from the top. */
export type FieldPath = ReadonlyArray<string | number>;

/** What is wrong with the data, before anything is known about lines. */
export type DataProblem = {
	readonly path: FieldPath;
	readonly message: string;
	/** Is it the key itself that is wrong, rather than its value? */
	readonly atKey: boolean;
};

type Issue = z.core.$ZodIssue;

/** `nodes[1].externalIp`; empty for the file as a whole. */
export const formatField = (path: FieldPath): string => {
	let text = '';
	for (const part of path) {
		if (typeof part === 'number') {
			text += `[${part}]`;
		} else if (/^[\w-]+$/.test(part)) {
			text += text === '' ? part : `.${part}`;
		} else {
			text += `[${JSON.stringify(part)}]`;
		}
	}

	return text;
};

const valueAt = (data: unknown, path: FieldPath): unknown => {
	let value = data;
	for (const part of path) {
		if (typeof value !== 'object' || value === null) {
			return undefined;
		}

		value = (value as Record<string | number, unknown>)[part];
	}

	return value;
};

/** The kinds of values, in words that a person who writes YAML uses. */
const kindNames: Readonly<Record<string, string>> = {
	string: 'text',
	number: 'a number',
	int: 'a whole number',
	boolean: 'true or false',
	array: 'a list',
	object: 'a mapping (key: value)',
	record: 'a mapping (key: value)',
	null: 'nothing',
};

const kindOf = (value: unknown): string => {
	if (value === null) {
		return 'null';
	}

	return Array.isArray(value) ? 'array' : typeof value;
};

const quoted = (value: unknown): string => {
	const text = JSON.stringify(value) ?? 'nothing';
	return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** Zod's own sentences begin like this; ours say `must`. */
const isOwnWording = (message: string): boolean =>
	!/^(?:Invalid|Unrecognized|Too (?:small|big)|Expected)/.test(message);

const describe = (issue: Issue, value: unknown): string => {
	if (isOwnWording(issue.message)) {
		return issue.message;
	}

	switch (issue.code) {
		case 'invalid_type': {
			const expected = kindNames[issue.expected] ?? issue.expected;
			return value === undefined
				? `must be ${expected}`
				: `must be ${expected}, not ${kindNames[kindOf(value)] ?? kindOf(value)}`;
		}

		case 'invalid_value': {
			return `must be ${issue.values.map((one) => quoted(one)).join(' or ')}`;
		}

		case 'too_small': {
			return issue.origin === 'string'
				? 'must not be empty'
				: `must have at least ${issue.minimum} ${Number(issue.minimum) === 1 ? 'entry' : 'entries'}`;
		}

		case 'too_big': {
			return `must have at most ${issue.maximum} entries`;
		}

		default: {
			return 'is not valid';
		}
	}
};

/** What all branches of a union would accept, when the value fits none of them even by its kind. */
const describeKinds = (
	branches: readonly Issue[][],
	value: unknown,
): string => {
	const words = branches.map((branch) => {
		const issue = branch[0]!;
		if (issue.code === 'invalid_value') {
			return issue.values.map((one) => quoted(one)).join(' or ');
		}

		return issue.code === 'invalid_type'
			? (kindNames[issue.expected] ?? issue.expected)
			: 'valid';
	});
	const suffix = value === undefined ? '' : `, not ${quoted(value)}`;
	return `must be ${words.join(', or ')}${suffix}`;
};

const keysAt = (path: FieldPath): readonly string[] => {
	let schemas: readonly JsonSchema[] = [clusterJsonSchema()];
	const flat = (schema: JsonSchema): readonly JsonSchema[] => [
		schema,
		...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((branch) =>
			flat(branch),
		),
	];
	for (const part of path) {
		schemas = schemas
			.flatMap((schema) => flat(schema))
			.flatMap((schema) => {
				const next =
					typeof part === 'number' ? schema.items : schema.properties?.[part];
				return next === undefined ? [] : [next];
			});
	}

	return schemas
		.flatMap((schema) => flat(schema))
		.flatMap((schema) => Object.keys(schema.properties ?? {}));
};

const unknownKey = (path: FieldPath, key: string): string => {
	const known = keysAt(path);
	const near = nearest(key, known);
	return near === undefined
		? `is not known here${known.length === 0 ? '' : `: known are ${known.join(', ')}`}`
		: `is not known here: did you mean "${near}"?`;
};

const problemsOf = (
	issue: Issue,
	data: unknown,
	above: FieldPath,
): readonly DataProblem[] => {
	const path: FieldPath = [
		...above,
		...issue.path.map((part) =>
			typeof part === 'number' ? part : String(part),
		),
	];
	const value = valueAt(data, path);
	if (issue.code === 'unrecognized_keys') {
		return issue.keys.map((key) => ({
			path: [...path, key],
			message: unknownKey(path, key),
			atKey: true,
		}));
	}

	let message: string;
	if (issue.code === 'invalid_union') {
		const branches = issue.errors as Issue[][];
		const fitting = branches.find((branch) =>
			branch.every(
				(inner) =>
					inner.path.length > 0 ||
					(inner.code !== 'invalid_type' && inner.code !== 'invalid_value'),
			),
		);
		if (fitting !== undefined) {
			return fitting.flatMap((inner) => problemsOf(inner, data, path));
		}

		if (isOwnWording(issue.message)) {
			message = issue.message;
		} else {
			message =
				branches.length === 0 && 'options' in issue
					? `must be ${(issue.options as readonly unknown[]).map((one) => quoted(one)).join(' or ')}`
					: describeKinds(branches, value);
		}
	} else {
		message = describe(issue, value);
	}

	return [
		{
			path,
			message: value === undefined ? `is missing: ${message}` : message,
			atKey: false,
		},
	];
};

/** What a schema found wrong, in words for the person who wrote the file. */
export const dataProblems = (
	error: z.ZodError,
	data: unknown,
): readonly DataProblem[] =>
	error.issues.flatMap((issue) => problemsOf(issue, data, []));
