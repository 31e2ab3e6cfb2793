import type {z} from 'zod';

/** A field of what a program prints whose format may change: what does not fit is as good as absent. */
export const lenient = <Schema extends z.ZodType>(schema: Schema) =>
	schema.optional().catch(undefined);
