import {z} from 'zod';
import {clusterSchema} from './schema.js';

/** As much of JSON Schema as our own schema uses. */
export type JsonSchema = {
	readonly [keyword: string]: unknown;
	readonly properties?: Readonly<Record<string, JsonSchema>>;
	readonly items?: JsonSchema;
	readonly anyOf?: readonly JsonSchema[];
	readonly oneOf?: readonly JsonSchema[];
};

/** The JSON schema of cluster files, as editors use it: what may be written, before defaults. */
export const clusterJsonSchema = (): JsonSchema => ({
	...(z.toJSONSchema(clusterSchema, {io: 'input'}) as JsonSchema),
	title: 'k3s-mesh-tui cluster file, version 1',
});

/** The JSON schema that a new cluster file names: a file beside it, which the store writes. */
export const schemaFileName = 'cluster.schema.json';

/** The text of that file. */
export const clusterJsonSchemaText = (): string =>
	`${JSON.stringify(clusterJsonSchema(), undefined, '\t')}\n`;
